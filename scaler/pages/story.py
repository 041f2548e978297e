"""The sentences about a run: did it get better, where did it go wrong, and how did the pseudo-labels change?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scaler.metrics.names import METRICS, MODELS
from scaler.pages.table import Measured, Table

HEADLINE = "iou"
COMPARED = ("iou", "s_alpha", "mae", "f_weighted")
CHANGED = 0.05  # an image whose IoU moves by more than this has gained or lost
MISSED = 0.1  # below this IoU an object counts as not found
NORMAL_QUANTILE = 1.96
NAMES = {"segmenter": "the segmenter", "sam": "SAM"}


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


def story(measured: Measured) -> dict[str, Any]:
    """What both the report and the inspection page begin with.

    Returns:
        "headline" and "well", the figures behind it: a sentence each; "wrong", what got worse on the test split, and
        "labels", how the pseudo-labels changed: sentences, perhaps none.
    """
    if len(measured.stops) < 2:
        alone = "Only the initialization has been evaluated so far."
        return {"headline": alone, "well": "There is nothing to compare it with yet.", "wrong": [], "labels": []}
    return {
        "headline": headline(measured),
        "well": went_well(measured),
        "wrong": went_wrong(measured),
        "labels": _labels(measured),
    }


def gain(measured: Measured, model: str) -> Gain:
    """Compare the first and last stop image by image on the test split."""
    first, last = (measured.scores[i]["test"] for i in (0, -1))
    before, after = (scores.per_image[model][HEADLINE] for scores in (first, last))
    difference = after - before
    count = len(difference)
    spread = float(np.std(difference, ddof=1)) if count > 1 else math.inf
    return Gain(
        first=first.summary[model][HEADLINE],
        last=last.summary[model][HEADLINE],
        half_width=NORMAL_QUANTILE * spread / math.sqrt(count),
        gained=int((difference > CHANGED).sum()),
        lost=int((difference < -CHANGED).sum()),
        missed=int((after < MISSED).sum()),
        count=count,
    )


def headline(measured: Measured) -> str:
    """One sentence: did the two models get better on the test split?"""
    segmenter, sam = (gain(measured, model).verdict for model in ("segmenter", "sam"))
    same = {1: "Both models got better.", 0: "Neither model clearly changed.", -1: "Both models got worse."}
    if segmenter == sam:
        return same[segmenter]
    words = {1: "got better", 0: "did not clearly change", -1: "got worse"}
    return f"The segmenter {words[segmenter]}, but SAM {words[sam]}."


def went_well(measured: Measured) -> str:
    """The figures behind the headline."""
    parts = []
    for model in ("segmenter", "sam"):
        g = gain(measured, model)
        verb = {1: "rose", -1: "fell", 0: "went"}[g.verdict]
        change = f"{signed(g.delta)}\u00a0±\u00a0{g.half_width:.3f}"
        parts.append(f"{NAMES[model]} {verb} from {g.first:.3f} to {g.last:.3f} ({change})")
    count = gain(measured, "segmenter").count
    return f"Mean IoU on {count} test images, initialization to {measured.titles[-1].lower()}: {'; '.join(parts)}."


def went_wrong(measured: Measured) -> list[str]:
    """The bad news, plainly; an empty list when there is none."""
    sentences = []
    for model in ("segmenter", "sam"):
        g = gain(measured, model)
        if g.lost:
            sentences.append(
                f"{_capital(NAMES[model])} lost more than {CHANGED:.2f} IoU on {g.lost} of {g.count} test images "
                f"(and gained as much on {g.gained})."
            )
    g = gain(measured, "segmenter")
    if g.missed:
        sentences.append(
            f"In {g.missed} of {g.count} test images the segmenter still misses the object (IoU < {MISSED})."
        )
    sentences += _not_best_at_the_end(measured)
    worse = _worse_metrics(measured)
    if worse:
        sentences.append(f"Worse than at the initialization on the test split: {', '.join(worse)}.")
    return sentences


def movers(measured: Measured, direction: int, count: int = 5) -> list[dict[str, str]]:
    """The test images on which the segmenter's IoU moved furthest: up (direction 1) or down (-1), by over 0.005."""
    first, last = (measured.scores[i]["test"] for i in (0, -1))
    before, after = (scores.per_image["segmenter"]["iou"] for scores in (first, last))
    change = direction * (after - before)
    order = [int(i) for i in np.argsort(-change, kind="stable") if change[i] > 0.005]
    return [{"name": last.ids[i], "before": f"{before[i]:.2f}", "after": f"{after[i]:.2f}"} for i in order[:count]]


def _not_best_at_the_end(measured: Measured) -> list[str]:
    sentences = []
    for model in ("segmenter", "sam"):
        values = [scores["val"].summary[model][HEADLINE] for scores in measured.scores if "val" in scores]
        if not values:
            continue
        best = int(np.argmax(values))
        if values[best] - values[-1] > 0.005:
            sentences.append(
                f"{_capital(NAMES[model])} was best on the validation split at the stop "
                f"“{measured.titles[best]}” ({values[best]:.3f}), not at the end ({values[-1]:.3f})."
            )
    return sentences


def _worse_metrics(measured: Measured) -> list[str]:
    first, last = (measured.scores[i]["test"].summary for i in (0, -1))
    found = []
    for model, title in MODELS.items():
        for name in COMPARED:
            a, b = first[model][name], last[model][name]
            if improvement(name, b - a) < -0.0005:
                found.append(f"{METRICS[name].label} of {title if model == 'sam' else title.lower()} {a:.3f} → {b:.3f}")
    return found


def _labels(measured: Measured) -> list[str]:
    """How the pseudo-labels of the images without a mask changed from the first to the last stop that has any."""
    if all(measured.run.column("train", "labelled")):
        return ["Every training image has a mask: no pseudo-label was used."]
    rows, stops = measured.learning(), measured.labelled_stops()
    if len(stops) < 2:
        return []
    first, last = measured.at[stops[0].name], measured.at[stops[-1].name]
    span = f"from {stops[0].title.lower()} to {stops[-1].title.lower()}"
    sentences = [
        f"On the {len(rows)} training images without a mask, the mean IoU of teacher and SAM with each other went "
        f"{span} from {_mean(first, 'iou', rows):.3f} to {_mean(last, 'iou', rows):.3f}."
    ]
    known = measured.judged()
    if known:
        sentences += [
            f"{name} went from {_mean(first, column, known):.3f} to {_mean(last, column, known):.3f} mean IoU with the "
            f"truth, which no training stage reads: better by more than {CHANGED:.2f} in "
            f"{_moved(first, last, column, known, 1)} of {len(known)} images, worse in "
            f"{_moved(first, last, column, known, -1)}."
            for name, column in (("The teacher's labels", "teacher_truth"), ("SAM's labels", "sam_truth"))
        ]
    cold = sum(bool(last["cold"][row]) for row in rows)
    if cold:
        sentences.append(
            f"In {cold} of them both models see nothing, or are undecided everywhere, at the end (cold start): "
            "masks for some of these would help most."
        )
    return sentences


def _moved(first: Table, last: Table, column: str, rows: Sequence[int], direction: int) -> int:
    return sum(direction * (last[column][row] - first[column][row]) > CHANGED for row in rows)


def _mean(table: Table, column: str, rows: Sequence[int]) -> float:
    return float(np.mean([table[column][row] for row in rows]))


def trend(metric: str, difference: float) -> str:
    """One of "better", "worse", or "same" where the change does not show in three decimals."""
    better = improvement(metric, difference)
    return "same" if abs(better) < 0.0005 else "better" if better > 0 else "worse"


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
