"""The numbers of all pages: what is measured of every image at every stop, once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.evaluation import SplitScores
from scaler.artifacts.names import SOURCES, SPLITS, LabelKind, Source
from scaler.artifacts.paths import Stop
from scaler.artifacts.run import Run
from scaler.method.cold_start import blind
from scaler.metrics.overlap import binarize, iou
from scaler.pages.measure import components, marks_agreement, oscillation

U8 = NDArray[np.uint8]
Column = list[Any]
Table = dict[str, Column]
Objects = dict[Source, NDArray[np.bool_] | None]
KINDS: dict[Source, LabelKind] = {"teacher": "segmenter_labels", "sam": "sam_labels"}
STORED: dict[str, tuple[LabelKind, str]] = {  # column of the table: kind of the labels, data set
    f"{source}_{name}": (kind, column)
    for source, kind in KINDS.items()
    for name, column in (
        ("entropy", "entropy"),
        ("weight", "weight"),
        ("pixel_weight", "mean_pixel_weight"),
        ("branch", "branch"),
    )
} | {"sam_agreement": ("sam_labels", "agreement")}
DECIMALS = 4
UNDECIDED = 0.9  # cold_start.undecided_entropy where no artifact remembers it


@dataclass(frozen=True)
class Measured:
    """A run, and all that its pages say of it in numbers.

    Attributes:
        run: whose artifacts are read.
        stops: initialization, warm-up and rounds.
        scores: of each stop, split ("val", "test") -> scores without predictions.
        images: columns that hold for the whole run, values in the order of `run.ids`.
        at: name of a stop -> columns at that stop, likewise.
        params: block -> values, as the artifacts remember them.
    """

    run: Run
    stops: list[Stop]
    scores: list[dict[str, SplitScores]]
    images: Table
    at: dict[str, Table]
    params: dict[str, Any]

    @property
    def titles(self) -> list[str]:
        """Titles of the stops."""
        return [stop.title for stop in self.stops]

    def labelled_stops(self) -> list[Stop]:
        """The stops at which both sources have labels of the training images."""
        return [stop for stop in self.stops if all(self.run.shards(stop, kind) for kind in KINDS.values())]

    def learning(self) -> list[int]:
        """Rows of the images that learn from pseudo-labels: those without a mask, or all where every one has one."""
        rows = self.run.rows("train")
        return [row for row in rows if not self.images["labelled"][row]] or list(rows)

    def judged(self) -> list[int]:
        """Those of them whose truth is known."""
        return [row for row in self.learning() if self.images["known"][row]]

    def mean(self, stop: Stop, column: str, rows: Sequence[int]) -> float | None:
        """Mean of a column over rows, None where none has a value."""
        values = [value for row in rows if (value := self.at[stop.name][column][row]) is not None]
        return float(np.mean(values)) if values else None


def measure(run: Run, advance: Callable[[int], Any] = lambda count: None) -> Measured:
    """Everything that is measured, image by image; no more than one image's maps are in memory.

    Args:
        run: what to read.
        advance: called after each image.

    Returns:
        Tables with None where a quantity does not exist. Objects are the pixels p >= 0.5 at the models' size. At a
        stop: what the label files hold (`STORED`); IoU of teacher and SAM (`iou`) and of student and SAM
        (`segmenter_iou`), of each source with itself at the stop before (`*_previous`) and with the truth (`*_truth`);
        `*_area` the object's share of the image; `*_marks` the share of the marked pixels on the side that was marked;
        `cold` whether neither says anything (`cold_start`). Of the whole run: `change` is the largest 1 - IoU of the
        teacher's objects at consecutive stops; `oscillation` see `measure.oscillation`; `cold` that of the last stop.
    """
    undecided = run.params.get("cold_start", {}).get("undecided_entropy", UNDECIDED)
    at: dict[str, Table] = {stop.name: _stored(run, stop) for stop in run.stops}
    images = _image_columns(run)
    for row in range(len(run.ids)):
        _measure(run, row, undecided, images, at)
        advance(1)
    return Measured(run, run.stops, [run.scores(stop) for stop in run.stops], images, at, run.params)


def rounded(value: float | None, decimals: int = DECIMALS) -> float | None:
    """So many decimals, without a negative zero; None for None, NaN and infinities."""
    return None if value is None or not math.isfinite(value) else round(float(value), decimals) + 0.0


def _image_columns(run: Run) -> Table:
    columns: Table = {name: [] for name in ("split", "set", "suffix", "labelled", "width", "height")}
    for split in SPLITS:
        size = run.column(split, "native_size")
        columns["split"] += [split] * len(size)
        columns["set"] += run.column(split, "set")
        columns["suffix"] += [PurePosixPath(name).suffix for name in run.column(split, "file")]
        columns["labelled"] += run.column(split, "labelled")
        columns["height"] += [height for height, _ in size]
        columns["width"] += [width for _, width in size]
    measured = ("marked", "known", "truth_area", "change", "oscillation", "cold")
    return {"id": list(run.ids)} | columns | {name: [] for name in measured}


def _stored(run: Run, stop: Stop) -> Table:
    """What the label files say of the training images, None for all others."""
    count = len(run.rows("train"))
    table: Table = {}
    for name, (kind, column) in STORED.items():
        values = _column(run, stop, kind, column)
        own = [None] * count if values is None else [_stored_value(name, float(v)) for v in values]
        table[name] = own + [None] * (len(run.ids) - count)
    return table


def _column(run: Run, stop: Stop, kind: LabelKind, column: str) -> NDArray[np.float32] | None:
    try:
        return run.label_column(stop, kind, column)
    except KeyError:  # labels that were made before this column existed
        return None


def _stored_value(name: str, value: float) -> int | float | None:
    return int(value) if name.endswith("branch") else rounded(value)


def _measure(run: Run, row: int, undecided: float, images: Table, at: dict[str, Table]) -> None:
    """Append one image's values to all columns."""
    truth, marks = run.truth(row), run.marks(row)
    true_object = None if truth is None else truth > 0
    before: Objects = {}
    teachers: list[NDArray[np.bool_]] = []
    every = [{source: run.label(stop, source, row) for source in SOURCES} for stop in run.stops]
    cold = _cold(every, undecided)
    for stop, labels, is_cold in zip(run.stops, every, cold, strict=True):
        objects: Objects = {source: None if m is None else binarize(m) for source, m in labels.items()}
        values: dict[str, Any] = {"iou": _iou(objects["teacher"], objects["sam"]), "cold": is_cold}
        values["segmenter_iou"] = _iou(objects["segmenter"], objects["sam"])
        for source, inside in objects.items():
            values[f"{source}_truth"] = _iou(inside, true_object)
            values[f"{source}_previous"] = _iou(inside, before.get(source))
        for source in KINDS:
            inside = objects[source]
            values[f"{source}_area"] = None if inside is None else float(inside.mean())
            values[f"{source}_components"] = None if inside is None else components(inside)
            values[f"{source}_marks"] = None if inside is None else marks_agreement(inside, marks)
        for name, value in values.items():
            at[stop.name].setdefault(name, []).append(rounded(value) if isinstance(value, float) else value)
        before = objects
        if objects["teacher"] is not None:
            teachers.append(objects["teacher"])
    changes = [1 - float(iou(a, b)) for a, b in pairwise(teachers)]
    images["marked"].append(int(np.count_nonzero(marks)))
    images["known"].append(truth is not None)
    images["truth_area"].append(None if true_object is None else rounded(float(true_object.mean()), 6))
    images["change"].append(rounded(max(changes)) if changes else None)
    images["oscillation"].append(oscillation([float(iou(o, teachers[-1])) for o in teachers]) if teachers else None)
    images["cold"].append(cold[-1])


def _iou(a: NDArray[np.bool_] | None, b: NDArray[np.bool_] | None) -> float | None:
    return None if a is None or b is None else float(iou(a, b))


def _cold(every: Sequence[dict[Source, U8 | None]], undecided: float) -> list[bool | None]:
    """By stop, whether neither source says anything; unknown where one of them has no label."""
    maps = [[labels[source] for source in KINDS] for labels in every]
    stack = [label for own in maps for label in own if label is not None]
    empty = blind(np.stack(stack).astype(np.float32) / np.float32(255), undecided).tolist() if stack else []
    says_nothing = iter(empty)
    found = [[None if label is None else bool(next(says_nothing)) for label in own] for own in maps]
    return [None if None in own else all(own) for own in found]
