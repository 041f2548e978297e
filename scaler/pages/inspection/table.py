"""The table's numbers: a row per image, columns that hold for the whole run and columns at each stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scaler.method.cold_start import blind
from scaler.metrics.overlap import binarize, iou
from scaler.pages.inspection.measure import components, marks_agreement, oscillation
from scaler.pages.inspection.run import U8, Run, Source
from scaler.pages.inspection.stops import Stop

Column = list[Any]
Table = dict[str, Column]
Labels = dict[Source, U8 | None]
Objects = dict[Source, NDArray[np.bool_] | None]
SEEN: tuple[Source, ...] = ("teacher", "sam")
STORED = {  # column of the table: kind of the labels, data set
    "teacher_entropy": ("segmenter_labels", "entropy"),
    "teacher_weight": ("segmenter_labels", "weight"),
    "teacher_pixel_weight": ("segmenter_labels", "mean_pixel_weight"),
    "teacher_branch": ("segmenter_labels", "branch"),
    "sam_entropy": ("sam_labels", "entropy"),
    "sam_weight": ("sam_labels", "weight"),
    "sam_pixel_weight": ("sam_labels", "mean_pixel_weight"),
    "sam_branch": ("sam_labels", "branch"),
}
DECIMALS = 4
UNDECIDED = 0.9  # cold_start.undecided_entropy where no artifact remembers it


def tables(run: Run, advance: Callable[[int], Any] = lambda count: None) -> tuple[Table, dict[str, Table]]:
    """Everything that is measured, image by image; no more than one image's maps are in memory.

    Args:
        run: what to read.
        advance: told after each image.

    Returns:
        Columns of the whole run, and stop name -> columns at that stop; values in the order of `run.ids`, None where a
        quantity does not exist. Objects are the pixels p >= 0.5 at the models' size. At a stop: IoU of teacher and SAM
        (`iou`), of each with itself at the stop before (`*_previous`) and with the truth (`*_truth`); `*_area` the
        object's share of the image; `*_marks` the share of the marked pixels on the side that was marked; `cold`
        whether neither says anything (`cold_start`). Of the whole run: `change` is the largest 1 - IoU of the
        teacher's objects at consecutive stops; `oscillation` see `measure.oscillation`; `cold` that of the last stop.
    """
    undecided = run.params.get("cold_start", {}).get("undecided_entropy", UNDECIDED)
    per_stop: dict[str, Table] = {stop.name: _stored(run, stop) for stop in run.stops}
    images = _image_columns(run)
    for row in range(len(run.ids)):
        _measure(run, row, undecided, images, per_stop)
        advance(1)
    return images, per_stop


def rounded(value: float | None, decimals: int = DECIMALS) -> float | None:
    """So many decimals, without a negative zero; None for None, NaN and infinities."""
    return None if value is None or not math.isfinite(value) else round(float(value), decimals) + 0.0


def _image_columns(run: Run) -> Table:
    columns: Table = {name: [] for name in ("split", "set", "suffix", "labelled", "width", "height")}
    for split, (first, last) in run.spans.items():
        size = run.data(split, "native_size")
        columns["split"] += [split] * (last - first)
        columns["set"] += run.sets(split)
        columns["suffix"] += [PurePosixPath(name).suffix for name in run.files(split)]
        columns["labelled"] += [bool(value) for value in run.data(split, "labelled")]
        columns["height"] += [int(value) for value in size[:, 0]]
        columns["width"] += [int(value) for value in size[:, 1]]
    measured = ("marked", "known", "truth_area", "change", "oscillation", "cold")
    return {"id": list(run.ids)} | columns | {name: [] for name in measured}


def _stored(run: Run, stop: Stop) -> Table:
    """What the label files say of the training images, None for all others."""
    first, last = run.spans["train"]
    table: Table = {}
    for name, (kind, column) in STORED.items():
        values = run.column(stop, kind, column)
        own = [None] * (last - first) if values is None else [_stored_value(name, float(v)) for v in values]
        table[name] = own + [None] * (len(run.ids) - (last - first))
    return table


def _stored_value(name: str, value: float) -> int | float | None:
    return int(value) if name.endswith("branch") else rounded(value)


def _measure(run: Run, row: int, undecided: float, images: Table, per_stop: dict[str, Table]) -> None:
    truth, marks = run.truth(row), run.marks(row)
    true_object = None if truth is None else truth > 0
    before: Objects = {}
    teachers: list[NDArray[np.bool_]] = []
    every = [{source: run.label(stop, source, row) for source in (*SEEN, "segmenter")} for stop in run.stops]
    cold = _cold(every, undecided)
    for stop, labels, is_cold in zip(run.stops, every, cold, strict=True):
        objects: Objects = {source: None if m is None else binarize(m) for source, m in labels.items()}
        values: dict[str, Any] = {"iou": _iou(objects["teacher"], objects["sam"]), "cold": is_cold}
        for source in SEEN:
            inside = objects[source]
            values[f"{source}_previous"] = _iou(inside, before.get(source))
            values[f"{source}_area"] = None if inside is None else float(inside.mean())
            values[f"{source}_components"] = None if inside is None else components(inside)
            values[f"{source}_marks"] = None if inside is None else marks_agreement(inside, marks)
            values[f"{source}_truth"] = _iou(inside, true_object)
        values["segmenter_truth"] = _iou(objects["segmenter"], true_object)
        for name, value in values.items():
            per_stop[stop.name].setdefault(name, []).append(rounded(value) if isinstance(value, float) else value)
        before = objects
        if objects["teacher"] is not None:
            teachers.append(objects["teacher"])
    changes = [1 - float(iou(a, b)) for a, b in pairwise(teachers)]
    images["marked"].append(int(np.count_nonzero(marks)))
    images["known"].append(truth is not None)
    images["truth_area"].append(None if true_object is None else rounded(float(true_object.mean())))
    images["change"].append(rounded(max(changes)) if changes else None)
    images["oscillation"].append(oscillation([float(iou(o, teachers[-1])) for o in teachers]) if teachers else None)
    images["cold"].append(cold[-1])


def _iou(a: NDArray[np.bool_] | None, b: NDArray[np.bool_] | None) -> float | None:
    return None if a is None or b is None else float(iou(a, b))


def _cold(every: Sequence[Labels], undecided: float) -> list[bool | None]:
    """By stop, whether no source says anything; unknown where one of them has no label."""
    maps = [[labels[source] for source in SEEN] for labels in every]
    stack = [label for own in maps for label in own if label is not None]
    empty = blind(np.stack(stack).astype(np.float32) / np.float32(255), undecided).tolist() if stack else []
    says_nothing = iter(empty)
    found = [[None if label is None else bool(next(says_nothing)) for label in own] for own in maps]
    return [None if None in own else all(own) for own in found]
