"""The first screen's sentences: did it get better, and where did it go wrong?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scaler.artifacts.evaluation import SplitScores
from scaler.pages.inspection.stops import Stop
from scaler.pages.inspection.table import Column, Table
from scaler.pages.report.inputs import Images, ReportInputs, RoundView
from scaler.pages.report.story import CHANGED, headline, went_well, went_wrong


def story(
    stops: Sequence[Stop], scores: Sequence[dict[str, SplitScores]], images: Table, per_stop: dict[str, Table]
) -> dict[str, Any]:
    """Headline, the figures behind it, what went wrong (on the test split), and how the pseudo-labels moved.

    Returns:
        "headline", "well": a sentence each; "wrong", "labels": sentences, perhaps none.
    """
    if len(stops) < 2:
        alone = "The initialization alone has been evaluated so far."
        return {"headline": alone, "well": "Nothing can be said of what came of it yet.", "wrong": [], "labels": []}
    views = [
        RoundView(stop.name, stop.title, stop.files.evaluation.as_posix(), own)
        for stop, own in zip(stops, scores, strict=True)
    ]
    inputs = ReportInputs(rounds=views, training=[], train=_no_images(), test=_no_images())
    return {
        "headline": headline(inputs),
        "well": went_well(inputs),
        "wrong": went_wrong(inputs),
        "labels": _labels(stops, images, per_stop),
    }


def _labels(stops: Sequence[Stop], images: Table, per_stop: dict[str, Table]) -> list[str]:
    rows = [
        row
        for row, (split, labelled) in enumerate(zip(images["split"], images["labelled"], strict=True))
        if split == "train" and not labelled
    ]
    if not rows:
        return ["Every training image has a mask: no pseudo-label was used."]
    labelled = [stop for stop in stops if stop.has("segmenter_labels") and stop.has("sam_labels")]
    if len(labelled) < 2:
        return []
    first, last = per_stop[labelled[0].name], per_stop[labelled[-1].name]
    span = f"from {labelled[0].title.lower()} to {labelled[-1].title.lower()}"
    sentences = [
        f"On the {len(rows)} training images without a mask, the mean IoU of teacher and SAM with each other went "
        f"{span} from {_mean(first['iou'], rows):.3f} to {_mean(last['iou'], rows):.3f}."
    ]
    known = [row for row in rows if images["known"][row]]
    if known:
        sentences += [
            f"{name} went from {_mean(first[column], known):.3f} to {_mean(last[column], known):.3f} mean IoU with the "
            f"truth, which no training saw: better by more than {CHANGED:.2f} in "
            f"{_moved(first, last, column, known, 1)} of {len(known)} images, worse in "
            f"{_moved(first, last, column, known, -1)}."
            for name, column in (("The teacher's labels", "teacher_truth"), ("SAM's labels", "sam_truth"))
        ]
    cold = sum(bool(last["cold"][row]) for row in rows)
    if cold:
        sentences.append(
            f"In {cold} of them both see nothing, or are undecided everywhere, at the end (cold start): "
            "masks for some of these would help most."
        )
    return sentences


def _moved(first: Table, last: Table, column: str, rows: Sequence[int], direction: int) -> int:
    return sum(direction * (last[column][row] - first[column][row]) > CHANGED for row in rows)


def _mean(values: Column, rows: Sequence[int]) -> float:
    return float(np.mean([values[row] for row in rows]))


def _no_images() -> Images:
    nothing, none = np.zeros((0, 1, 1), np.uint8), np.zeros(0, np.bool_)
    return Images("", "", [], nothing[..., None].repeat(3, axis=3), nothing, none, none)
