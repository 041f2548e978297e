"""The pictures: which images are shown, in which groups, and what stands beside each."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaler.report.inputs import Images, Labels, ReportInputs, RoundView
from scaler.report.pictures import disagreement, outlines, photograph, probability
from scaler.report.quality import iou, pseudo_labelled, to_map
from scaler.report.story import signed

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
        note: position -> words below the pictures.
        lines: position -> how to read what is shown, in Python.
    """

    title: str
    first: U8
    sam: U8
    first_iou: F64
    sam_iou: F64
    note: Callable[[int], str]
    lines: Callable[[int], list[str]]


@dataclass(frozen=True)
class Cell:
    """The pictures of one image at one stop (data URIs), and the words and code that go with them."""

    title: str
    overlay: str
    first: str
    sam: str
    disagreement: str
    numbers: list[tuple[str, str]]
    note: str
    lines: list[str]


@dataclass(frozen=True)
class Card:
    """One image: its photograph, its truth ("" where unknown), a cell per stop, its rank in each group."""

    key: str
    name: str
    photograph: str
    truth: str
    change: str
    ranks: dict[str, int]
    cells: list[Cell]
    lines: list[str]


@dataclass(frozen=True)
class Group:
    """A named choice of images, in an order."""

    key: str
    title: str
    meaning: str
    members: list[int]


@dataclass(frozen=True)
class Gallery:
    """All groups of one split, with one card per image however many groups it is in."""

    key: str
    title: str
    first: str
    groups: list[Group]
    cards: list[Card]


def galleries(inputs: ReportInputs) -> list[Gallery]:
    """The test images and the training images, each where there are pictures of them."""
    found = []
    test = _test_columns(inputs)
    if test:
        shown = np.ones(len(inputs.test.ids), dtype=bool)
        found.append(_gallery("test", "Test images", "Segmenter", inputs.test, test, shown, inputs.images))
    train = _train_columns(inputs)
    if train:
        shown = pseudo_labelled(inputs.train)
        found.append(
            _gallery("train", "Pseudo-labels of training images", "Teacher", inputs.train, train, shown, inputs.images)
        )
    return found


def _test_columns(inputs: ReportInputs) -> list[Column]:
    columns = []
    for view in inputs.rounds:
        scores = view.scores["test"]
        if "segmenter" in scores.prediction and "sam" in scores.prediction:
            columns.append(
                Column(
                    title=view.title,
                    first=scores.prediction["segmenter"],
                    sam=scores.prediction["sam"],
                    first_iou=scores.per_image["segmenter"]["iou"],
                    sam_iou=scores.per_image["sam"]["iou"],
                    note=lambda i: "",
                    lines=_test_lines(view),
                )
            )
    return columns


def _test_lines(view: RoundView) -> Callable[[int], list[str]]:
    return lambda i: [read_line(view.evaluation, f"test/{model}/prediction", i) for model in ("segmenter", "sam")]


def _train_columns(inputs: ReportInputs) -> list[Column]:
    train, columns = inputs.train, []
    truth = to_map(train.mask)
    for view in inputs.rounds:
        sam, segmenter = view.sam_labels, view.segmenter_labels
        if sam is None or segmenter is None:
            continue
        first, second = segmenter.maps["teacher"], sam.maps["probability"]
        columns.append(
            Column(
                title=view.title,
                first=first,
                sam=second,
                first_iou=np.where(train.known, iou(first, truth), np.nan),
                sam_iou=np.where(train.known, iou(second, truth), np.nan),
                note=_weights_note(segmenter, sam),
                lines=_label_lines(segmenter, sam),
            )
        )
    return columns


def _weights_note(teacher: Labels, sam: Labels) -> Callable[[int], str]:
    def words(labels: Labels, i: int) -> str:
        return f"{labels.columns['weight'][i]:.2f} {BRANCH_NAMES[int(labels.columns['branch'][i])]}"

    return lambda i: f"w teacher {words(teacher, i)}, SAM {words(sam, i)}"


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


def _gallery(
    key: str, title: str, first: str, images: Images, columns: Sequence[Column], shown: NDArray[np.bool_], count: int
) -> Gallery:
    groups = _groups(key, images, columns, shown, count)
    chosen = sorted({i for group in groups for i in group.members})
    cards = [_card(f"{key}{i}", i, images, columns, groups, first) for i in chosen]
    return Gallery(key, title, first, groups, cards)


def _groups(key: str, images: Images, columns: Sequence[Column], shown: NDArray[np.bool_], count: int) -> list[Group]:
    last, what = columns[-1], "segmenter" if key == "test" else "teacher"
    groups = []
    if (shown & images.known).any():
        members = _lowest(last.first_iou + 1e-3 * last.sam_iou, shown & images.known, count)
        groups.append(
            Group(f"{key}-worst", "Worst first", f"Lowest IoU of the {what} with the truth at the end.", members)
        )
    if len(columns) > 1:
        kept = iou(columns[0].first, last.first)
        meaning = f"The {what}’s maps that differ most between “{columns[0].title}” and “{last.title}” (lowest IoU)."
        groups.append(Group(f"{key}-changed", "Most changed first", meaning, _lowest(kept, shown, count)))
    agreed = iou(last.first, last.sam)
    meaning = f"Lowest IoU of the {what} with SAM at the end."
    groups.append(Group(f"{key}-disagreed", "Most in disagreement", meaning, _lowest(agreed, shown, count)))
    return groups


def _lowest(values: F64, shown: NDArray[np.bool_], count: int) -> list[int]:
    candidates = np.flatnonzero(shown)
    order = np.argsort(values[candidates], kind="stable")
    return [int(i) for i in candidates[order][:count]]


def _card(key: str, i: int, images: Images, columns: Sequence[Column], groups: Sequence[Group], first: str) -> Card:
    truth = to_map(images.mask[i]) if images.known[i] else None
    change = ""
    if truth is not None and len(columns) > 1:
        change = f"{first} {signed(columns[-1].first_iou[i] - columns[0].first_iou[i], 2)}"
        change += f", SAM {signed(columns[-1].sam_iou[i] - columns[0].sam_iou[i], 2)} IoU"
    lines = [read_line(images.path, "image", i)]
    if truth is not None:
        path = (
            images.path if not images.path.endswith("train.h5") else images.path.replace("train.h5", "train_truth.h5")
        )
        lines.append(read_line(path, "mask", i))
    return Card(
        key=key,
        name=images.ids[i],
        photograph=photograph(images.image[i]),
        truth=probability(truth) if truth is not None else "",
        change=change,
        ranks={group.key: group.members.index(i) for group in groups if i in group.members},
        cells=[_cell(column, i, truth, first) for column in columns],
        lines=lines,
    )


def _cell(column: Column, i: int, truth: U8 | None, first: str) -> Cell:
    known = truth is not None
    return Cell(
        title=column.title,
        overlay=outlines(column.first[i], column.sam[i], truth),
        first=probability(column.first[i]),
        sam=probability(column.sam[i]),
        disagreement=disagreement(column.first[i], column.sam[i]),
        numbers=[(first, f"{column.first_iou[i]:.2f}"), ("SAM", f"{column.sam_iou[i]:.2f}")] if known else [],
        note=column.note(i),
        lines=column.lines(i),
    )
