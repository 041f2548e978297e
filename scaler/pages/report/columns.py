"""What the pictures show, stop by stop: whose maps, their IoU, the words below them and how to read them again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaler.metrics.overlap import binarize, iou
from scaler.pages.report.charts import short
from scaler.pages.report.inputs import Labels, ReportInputs, RoundView

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
BRANCH_NAMES = {0: "normal", 1: "difficult", 2: "simple"}


@dataclass(frozen=True)
class Column:
    """What both models say of the images at one stop.

    Attributes:
        title: of the stop.
        first: (n, S, S) uint8 of the segmenter (test images) or the teacher (training images).
        sam: likewise of SAM.
        first_iou: (n,) with the truth; NaN where unknown.
        sam_iou: likewise.
        first_note: position -> words below the first source's picture, beside its IoU.
        sam_note: likewise for SAM.
        lines: position -> how to read what is shown, in Python.
    """

    title: str
    first: U8
    sam: U8
    first_iou: F64
    sam_iou: F64
    first_note: Callable[[int], str]
    sam_note: Callable[[int], str]
    lines: Callable[[int], list[str]]


def test_columns(inputs: ReportInputs) -> list[Column]:
    """The predictions of segmenter and SAM on the test images, where the evaluations kept them."""
    columns = []
    for view in inputs.rounds:
        scores = view.scores["test"]
        if "segmenter" in scores.prediction and "sam" in scores.prediction:
            columns.append(
                Column(
                    title=short(view.title),
                    first=scores.prediction["segmenter"],
                    sam=scores.prediction["sam"],
                    first_iou=scores.per_image["segmenter"]["iou"],
                    sam_iou=scores.per_image["sam"]["iou"],
                    first_note=lambda i: "",
                    sam_note=lambda i: "",
                    lines=_test_lines(view),
                )
            )
    return columns


def _test_lines(view: RoundView) -> Callable[[int], list[str]]:
    return lambda i: [read_line(view.evaluation, f"test/{model}/prediction", i) for model in ("segmenter", "sam")]


def train_columns(inputs: ReportInputs) -> list[Column]:
    """The labels of teacher and SAM on the training images."""
    train, columns = inputs.train, []
    truth = train.mask > 0
    for view in inputs.rounds:
        sam, segmenter = view.sam_labels, view.segmenter_labels
        if sam is None or segmenter is None:
            continue
        first, second = segmenter.maps["teacher"], sam.maps["probability"]
        columns.append(
            Column(
                title=short(view.title),
                first=first,
                sam=second,
                first_iou=np.where(train.known, iou(binarize(first), truth), np.nan),
                sam_iou=np.where(train.known, iou(binarize(second), truth), np.nan),
                first_note=_weight_note(segmenter),
                sam_note=_weight_note(sam),
                lines=_label_lines(segmenter, sam),
            )
        )
    return columns


def _weight_note(labels: Labels) -> Callable[[int], str]:
    weight, branch = labels.columns["weight"], labels.columns["branch"]
    return lambda i: f"w {weight[i]:.2f} {BRANCH_NAMES[int(branch[i])]}"


def _label_lines(segmenter: Labels, sam: Labels) -> Callable[[int], list[str]]:
    def line(labels: Labels, name: str, i: int) -> str:
        return read_line(labels.paths[int(labels.shard[i])], name, int(labels.position[i]))

    return lambda i: [
        line(segmenter, "teacher", i),
        line(segmenter, "probability", i) + "  # consensus",
        line(sam, "probability", i),
    ]


def read_line(path: str, name: str, position: int) -> str:
    """Python that reads one picture."""
    return f"h5py.File({json.dumps(path)})[{json.dumps(name)}][{position}]"
