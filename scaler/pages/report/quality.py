"""What can be said of pseudo-labels: how well they fit each other, and the truth where it is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaler.metrics.overlap import binarize, iou
from scaler.pages.report.inputs import Images, Labels, ReportInputs

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class LabelQuality:
    """One round's labels of the training images that had no mask.

    Attributes:
        title: of the round.
        count: unlabelled images whose truth is known.
        iou: "sam", "teacher", "consensus" -> mean IoU with the truth; NaN where no truth is known.
        agreement: mean IoU of teacher and SAM over all unlabelled images.
        weight: "teacher", "sam" -> mean image weight w (eq 4).
        empty: unlabelled images in which neither teacher nor SAM sees anything.
        empty_wrongly: those of them whose truth is known and not empty.
    """

    title: str
    count: int
    iou: dict[str, float]
    agreement: float
    weight: dict[str, float]
    empty: int
    empty_wrongly: int


def label_quality(inputs: ReportInputs) -> list[LabelQuality]:
    """One entry per round that has labels."""
    found = []
    for view in inputs.rounds:
        if view.sam_labels is not None and view.segmenter_labels is not None:
            found.append(_quality(view.title, view.sam_labels, view.segmenter_labels, inputs.train))
    return found


def _quality(title: str, sam: Labels, segmenter: Labels, train: Images) -> LabelQuality:
    unlabelled = pseudo_labelled(train)
    judged = unlabelled & train.known
    maps = {
        "sam": sam.maps["probability"],
        "teacher": segmenter.maps["teacher"],
        "consensus": segmenter.maps["probability"],
    }
    empty = unlabelled & is_empty(maps["teacher"]) & is_empty(maps["sam"])
    return LabelQuality(
        title=title,
        count=int(judged.sum()),
        iou={name: _mean(iou(binarize(stack), train.mask > 0)[judged]) for name, stack in maps.items()},
        agreement=_mean(iou(binarize(maps["teacher"]), binarize(maps["sam"]))[unlabelled]),
        weight={
            "teacher": _mean(segmenter.columns["weight"][unlabelled]),
            "sam": _mean(sam.columns["weight"][unlabelled]),
        },
        empty=int(empty.sum()),
        empty_wrongly=int((empty & train.known & train.mask.any(axis=(1, 2))).sum()),
    )


def pseudo_labelled(train: Images) -> NDArray[np.bool_]:
    """(n,): the images that learn from pseudo-labels; all of them where every image has its mask."""
    return ~train.labelled if not train.labelled.all() else np.ones(len(train.ids), dtype=bool)


def is_empty(maps: U8) -> NDArray[np.bool_]:
    """(n,): no pixel reaches p = 0.5."""
    return np.asarray(~binarize(maps).any(axis=(1, 2)))


def to_map(mask: U8) -> U8:
    """Masks of {0, 1} as maps of {0, 255}."""
    return (mask > 0).astype(np.uint8) * np.uint8(255)


def _mean(values: NDArray[np.floating]) -> float:
    return float(np.mean(values, dtype=np.float64)) if len(values) else float("nan")
