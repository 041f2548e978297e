"""Cold starts, round by round: images in which neither model says anything (the paper's stated limit)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from scaler.method.cold_start import cold_starts
from scaler.method.weighting import image_entropy
from scaler.metrics.overlap import binarize
from scaler.metrics.scores import to_csv
from scaler.pages.report.inputs import ReportInputs
from scaler.pages.report.quality import pseudo_labelled
from scaler.params import ColdStartParams

COLUMNS = ("round", "id", "teacher_area", "teacher_entropy", "sam_area", "sam_entropy")
AT_ONCE = 64  # images whose maps are floats at a time


@dataclass(frozen=True)
class ColdImage:
    """One image that learns from pseudo-labels, in which teacher and SAM are empty or undecided everywhere.

    Attributes:
        id: of the image.
        area: source -> share of pixels with p >= 0.5.
        entropy: source -> E of eq 5 over the whole image.
    """

    id: str
    area: dict[str, float]
    entropy: dict[str, float]


def cold_images(inputs: ReportInputs) -> dict[str, list[ColdImage]]:
    """Title of each stop that has labels -> its cold starts, in the order of the images."""
    options = ColdStartParams.model_validate(
        inputs.params.get("cold_start", {"undecided_entropy": 0.9, "stop_share": 1.0})
    )
    found: dict[str, list[ColdImage]] = {}
    rows = np.flatnonzero(pseudo_labelled(inputs.train))
    for view in inputs.rounds:
        if view.sam_labels is not None and view.segmenter_labels is not None:
            maps = {"teacher": view.segmenter_labels.maps["teacher"], "sam": view.sam_labels.maps["probability"]}
            found[view.title] = list(_cold(inputs.train.ids, rows, maps, options))
    return found


def _cold(
    ids: list[str], rows: np.ndarray, maps: dict[str, np.ndarray], options: ColdStartParams
) -> Iterator[ColdImage]:
    for begin in range(0, len(rows), AT_ONCE):
        chosen = rows[begin : begin + AT_ONCE]
        labels = {source: stack[chosen].astype(np.float32) / np.float32(255) for source, stack in maps.items()}
        for place in np.flatnonzero(cold_starts(labels["teacher"], labels["sam"], options)):
            row = int(chosen[place])
            yield ColdImage(
                ids[row],
                {source: float(binarize(stack[row]).mean()) for source, stack in maps.items()},
                {source: _entropy(label[place]) for source, label in labels.items()},
            )


def _entropy(label: np.ndarray) -> float:
    return float(image_entropy(torch.from_numpy(label)[None, None], "all"))


def cold_start_csv(inputs: ReportInputs) -> str:
    """round, id, then area and entropy of teacher and SAM: one line per stop and cold start."""
    rows = [
        {
            "round": title,
            "id": image.id,
            **{f"{source}_area": value for source, value in image.area.items()},
            **{f"{source}_entropy": value for source, value in image.entropy.items()},
        }
        for title, images in cold_images(inputs).items()
        for image in images
    ]
    return to_csv(pd.DataFrame(rows, columns=list(COLUMNS)))
