"""The pictures: which images are shown, in which groups, and what stands beside each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaler.metrics.overlap import binarize, iou
from scaler.pages.report.columns import Column, read_line, test_columns, train_columns
from scaler.pages.report.inputs import Images, ReportInputs
from scaler.pages.report.pictures import disagreement, outlines, photograph, probability
from scaler.pages.report.quality import pseudo_labelled, to_map
from scaler.pages.report.story import signed

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Cell:
    """The pictures of one image at one stop (data URIs), IoU with the truth ("" where unknown), notes and code."""

    title: str
    overlay: str
    first: str
    sam: str
    disagreement: str
    first_iou: str
    sam_iou: str
    first_note: str
    sam_note: str
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
    test = test_columns(inputs)
    if test:
        shown = np.ones(len(inputs.test.ids), dtype=bool)
        found.append(_gallery("test", "Test images", "Segmenter", inputs.test, test, shown, inputs.images))
    train = train_columns(inputs)
    if train:
        shown = pseudo_labelled(inputs.train)
        found.append(_gallery("train", "Training images", "Teacher", inputs.train, train, shown, inputs.images))
    return found


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
        kept = overlap(columns[0].first, last.first)
        meaning = f"The {what}’s maps that differ most between “{columns[0].title}” and “{last.title}” (lowest IoU)."
        groups.append(Group(f"{key}-changed", "Most changed first", meaning, _lowest(kept, shown, count)))
    agreed = overlap(last.first, last.sam)
    meaning = f"Lowest IoU of the {what} with SAM at the end."
    groups.append(Group(f"{key}-disagreed", "Most in disagreement", meaning, _lowest(agreed, shown, count)))
    return groups


def overlap(a: U8, b: U8) -> F64:
    """(n,) IoU of two stacks of maps, and where that is equal the less the more their probabilities differ."""
    apart = np.abs(a.astype(np.float32) - b.astype(np.float32)).mean(axis=(1, 2)) / 255
    return np.asarray(iou(binarize(a), binarize(b)) - 1e-3 * apart, dtype=np.float64)


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
        cells=[_cell(column, i, truth) for column in columns],
        lines=lines,
    )


def _cell(column: Column, i: int, truth: U8 | None) -> Cell:
    known = truth is not None
    return Cell(
        title=column.title,
        overlay=outlines(column.first[i], column.sam[i], truth),
        first=probability(column.first[i]),
        sam=probability(column.sam[i]),
        disagreement=disagreement(column.first[i], column.sam[i]),
        first_iou=f"{column.first_iou[i]:.2f}" if known else "",
        sam_iou=f"{column.sam_iou[i]:.2f}" if known else "",
        first_note=column.first_note(i),
        sam_note=column.sam_note(i),
        lines=column.lines(i),
    )
