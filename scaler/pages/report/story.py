"""What the numbers say, in sentences: did it get better, where did it go wrong, what to know before trusting it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from scaler.metrics.names import METRICS, MODELS
from scaler.pages.report.inputs import ReportInputs

HEADLINE = "iou"
COMPARED = ("iou", "s_alpha", "mae", "f_weighted")
CHANGED = 0.05  # an image whose IoU moves by more than this has gained or lost
MISSED = 0.1  # below this IoU an object counts as not found
NORMAL_QUANTILE = 1.96
NAMES = {"segmenter": "the segmenter", "teacher": "its teacher", "sam": "SAM"}


@dataclass(frozen=True)
class Gain:
    """How a model's mean IoU on the test split moved from the initialization to the end.

    Attributes:
        first: at the initialization.
        last: after the last round.
        half_width: of the 95 % interval of the mean difference over the images (paired, normal approximation).
        gained: images whose IoU rose by more than `CHANGED`.
        lost: images whose IoU fell by more than that.
        missed: images below `MISSED` at the end.
        count: images.
    """

    first: float
    last: float
    half_width: float
    gained: int
    lost: int
    missed: int
    count: int

    @property
    def delta(self) -> float:
        """Last minus first."""
        return self.last - self.first

    @property
    def verdict(self) -> int:
        """1 better, -1 worse, 0 not clearly different at 95 %."""
        if abs(self.delta) <= self.half_width or self.delta == 0:
            return 0
        return 1 if self.delta > 0 else -1


def gain(inputs: ReportInputs, model: str, split: str = "test", metric: str = HEADLINE) -> Gain:
    """Compare the first and last stop image by image."""
    first, last = (inputs.rounds[i].scores[split].per_image[model][metric] for i in (0, -1))
    difference = last - first
    count = len(difference)
    spread = float(np.std(difference, ddof=1)) if count > 1 else math.inf
    return Gain(
        first=inputs.rounds[0].scores[split].summary[model][metric],
        last=inputs.rounds[-1].scores[split].summary[model][metric],
        half_width=NORMAL_QUANTILE * spread / math.sqrt(count),
        gained=int((difference > CHANGED).sum()),
        lost=int((difference < -CHANGED).sum()),
        missed=int((last < MISSED).sum()),
        count=count,
    )


def headline(inputs: ReportInputs) -> str:
    """One sentence: did the two models get better on the test split?"""
    segmenter, sam = (gain(inputs, model).verdict for model in ("segmenter", "sam"))
    same = {1: "Both models got better.", 0: "Neither model clearly changed.", -1: "Both models got worse."}
    if segmenter == sam:
        return same[segmenter]
    words = {1: "got better", 0: "did not clearly change", -1: "got worse"}
    joint = "but" if -1 in (segmenter, sam) or 0 in (segmenter, sam) else "and"
    return f"The segmenter {words[segmenter]}, {joint} SAM {words[sam]}."


def went_well(inputs: ReportInputs) -> str:
    """The figures behind the headline."""
    parts = []
    for model in ("segmenter", "sam"):
        g = gain(inputs, model)
        verb = {1: "rose", -1: "fell", 0: "went"}[g.verdict]
        change = f"{signed(g.delta)}\u00a0±\u00a0{g.half_width:.3f}"
        parts.append(f"{NAMES[model]} {verb} from {g.first:.3f} to {g.last:.3f} ({change})")
    count = gain(inputs, "segmenter").count
    return f"Mean IoU on {count} test images, initialization to {inputs.rounds[-1].title.lower()}: {'; '.join(parts)}."


def went_wrong(inputs: ReportInputs) -> list[str]:
    """What is bad news, plainly; an empty list when there is none."""
    sentences = []
    for model in ("segmenter", "sam"):
        g = gain(inputs, model)
        if g.lost:
            sentences.append(
                f"{_capital(NAMES[model])} lost more than {CHANGED:.2f} IoU on {g.lost} of {g.count} test images "
                f"(and gained as much on {g.gained})."
            )
    g = gain(inputs, "segmenter")
    if g.missed:
        sentences.append(f"In {g.missed} of {g.count} test images the segmenter still finds nothing (IoU < {MISSED}).")
    sentences += _not_best_at_the_end(inputs)
    worse = _worse_metrics(inputs)
    if worse:
        sentences.append(f"Worse than at the initialization on the test split: {', '.join(worse)}.")
    return sentences


def movers(inputs: ReportInputs, direction: int, count: int = 5) -> list[dict[str, str]]:
    """The test images on which the segmenter's IoU moved furthest: up (direction 1) or down (-1), more than a hair."""
    first, last = (inputs.rounds[i].scores["test"] for i in (0, -1))
    before, after = (scores.per_image["segmenter"]["iou"] for scores in (first, last))
    change = direction * (after - before)
    order = [int(i) for i in np.argsort(-change, kind="stable") if change[i] > 0.005]
    return [{"name": last.ids[i], "before": f"{before[i]:.2f}", "after": f"{after[i]:.2f}"} for i in order[:count]]


def _not_best_at_the_end(inputs: ReportInputs) -> list[str]:
    sentences = []
    for model in ("segmenter", "sam"):
        values = [view.scores["val"].summary[model][HEADLINE] for view in inputs.rounds if "val" in view.scores]
        if not values:
            continue
        best = int(np.argmax(values))
        if values[best] - values[-1] > 0.005:
            title = inputs.rounds[best].title
            sentences.append(
                f"{_capital(NAMES[model])} was best on the validation split at the stop "
                f"“{title}” ({values[best]:.3f}), not at the end ({values[-1]:.3f})."
            )
    return sentences


def _worse_metrics(inputs: ReportInputs) -> list[str]:
    first, last = (inputs.rounds[i].scores["test"].summary for i in (0, -1))
    found = []
    for model, title in MODELS.items():
        for name in COMPARED:
            a, b = first[model][name], last[model][name]
            if improvement(name, b - a) < -0.0005:
                found.append(f"{METRICS[name].label} of {title if model == 'sam' else title.lower()} {a:.3f} → {b:.3f}")
    return found


def improvement(metric: str, difference: float) -> float:
    """The difference with its sign turned so that positive is better."""
    return -difference if METRICS[metric].lower_is_better else difference


def signed(value: float, decimals: int = 3) -> str:
    """With its sign, and a true minus."""
    text = f"{abs(value):.{decimals}f}"
    if float(text) == 0:
        return f"±{text}"
    return ("+" if value > 0 else "−") + text


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
