"""The pictures of the report: which images are shown, in which groups, and with what beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from scaler.artifacts.labels import BRANCHES
from scaler.artifacts.names import Source
from scaler.artifacts.paths import Stop
from scaler.artifacts.run import Location
from scaler.pages.pictures import U8, disagreement, label, mask, outlines, photograph
from scaler.pages.story import signed
from scaler.pages.table import KINDS, Column, Measured

LEVELS = 16  # greys of a map: a report must be small enough to send


@dataclass(frozen=True)
class Cell:
    """One image at one stop: pictures as data URIs, IoU with the truth ("" where unknown), notes and code."""

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
    source: Source
    groups: list[Group]
    cards: list[Card]

    @property
    def first(self) -> str:
        """What is compared with SAM, as a heading."""
        return self.source.capitalize()


def galleries(measured: Measured, count: int) -> list[Gallery]:
    """The test images and the training images, each where there are pictures of them.

    Args:
        measured: the run.
        count: images in each group.
    """
    test = list(measured.run.rows("test"))
    kept = [stop for stop in measured.stops if test and _pair(measured, stop, "segmenter", test[0])]
    splits: list[tuple[str, str, Source, list[int], list[Stop]]] = [
        ("test", "Test images", "segmenter", test, kept),
        ("train", "Training images", "teacher", measured.learning(), measured.labelled_stops()),
    ]
    found = []
    for key, title, source, rows, stops in splits:
        if rows and stops:
            groups = _groups(key, source, measured, rows, stops, count)
            chosen = sorted({row for group in groups for row in group.members})
            cards = [_card(measured, row, source, stops, groups) for row in chosen]
            found.append(Gallery(key, title, source, groups, cards))
    return found


def _groups(
    key: str, source: Source, measured: Measured, rows: Sequence[int], stops: Sequence[Stop], count: int
) -> list[Group]:
    last = measured.at[stops[-1].name]

    def first_of(scores: dict[int, float]) -> list[int]:
        return sorted(scores, key=lambda row: (scores[row], row))[:count]

    groups = []
    known = {row: last[f"{source}_truth"][row] + 1e-3 * last["sam_truth"][row] for row in rows
             if last[f"{source}_truth"][row] is not None}  # fmt: skip
    if known:
        meaning = f"Lowest IoU of the {source} with the truth at the end."
        groups.append(Group(f"{key}-worst", "Worst first", meaning, first_of(known)))
    if len(stops) > 1:
        earlier = [measured.at[stop.name][f"{source}_previous"] for stop in stops[1:]]
        meaning = f"Largest change of the {source}'s object between two stops (lowest IoU)."
        kept = {row: min((own[row] for own in earlier if own[row] is not None), default=1.0) for row in rows}
        groups.append(Group(f"{key}-changed", "Most changed first", meaning, first_of(kept)))
    agreed: Column = last["iou" if source == "teacher" else "segmenter_iou"]
    meaning = f"Lowest IoU of the {source} with SAM at the end."
    members = first_of({row: agreed[row] for row in rows})
    groups.append(Group(f"{key}-disagreed", "Most in disagreement", meaning, members))
    return groups


def _card(measured: Measured, row: int, source: Source, stops: Sequence[Stop], groups: Sequence[Group]) -> Card:
    run = measured.run
    truth, truth_location = run.truth(row), run.truth_location(row)
    change = ""
    if truth is not None and len(stops) > 1:
        names = {source.capitalize(): source, "SAM": "sam"}
        change = ", ".join(f"{name} {_moved(measured, stops, own, row)}" for name, own in names.items()) + " IoU"
    return Card(
        key=f"{run.split_of(row)}{row}",
        name=run.ids[row],
        photograph=photograph(run.image(row)),
        truth="" if truth is None else mask(truth),
        change=change,
        ranks={group.key: group.members.index(row) for group in groups if row in group.members},
        cells=[_cell(measured, row, source, stop, truth) for stop in stops],
        lines=[read_line(location) for location in (run.image_location(row), truth_location) if location],
    )


def _moved(measured: Measured, stops: Sequence[Stop], source: str, row: int) -> str:
    first, last = (measured.at[stops[i].name][f"{source}_truth"][row] for i in (0, -1))
    return signed(last - first, 2)


def _pair(measured: Measured, stop: Stop, source: Source, row: int) -> tuple[Location, Location] | None:
    """Where the two compared maps are stored: of a source and of SAM; None unless both are there."""
    first, sam = (measured.run.label_location(stop, own, row) for own in (source, "sam"))
    return None if first is None or sam is None else (first, sam)


def _cell(measured: Measured, row: int, source: Source, stop: Stop, truth: U8 | None) -> Cell:
    run, table, pair = measured.run, measured.at[stop.name], _pair(measured, stop, source, row)
    assert pair is not None
    first, sam = (run.read(location) for location in pair)
    first_iou, sam_iou = ("" if truth is None else f"{table[f'{own}_truth'][row]:.2f}" for own in (source, "sam"))
    lines = [read_line(location) for location in pair]
    consensus = run.label_location(stop, "consensus", row)
    if consensus is not None:
        lines.insert(1, f"{read_line(consensus)}  # consensus")
    return Cell(
        title=stop.title.replace("Initialization", "Init."),
        overlay=outlines(first, sam, truth),
        first=label(first, levels=LEVELS),
        sam=label(sam, levels=LEVELS),
        disagreement=disagreement(first, sam),
        first_iou=first_iou,
        sam_iou=sam_iou,
        first_note=_note(measured, stop, source, row),
        sam_note=_note(measured, stop, "sam", row),
        lines=lines,
    )


def _note(measured: Measured, stop: Stop, source: Source, row: int) -> str:
    """Weight and branch of a training image's label, and how far SAM's views agree."""
    table = measured.at[stop.name]
    if source not in KINDS or table[f"{source}_weight"][row] is None:
        return ""
    agreement = table["sam_agreement"][row] if source == "sam" else None
    views = "" if agreement is None else f", views {agreement:.2f}"
    return f"w {table[f'{source}_weight'][row]:.2f} {BRANCHES[table[f'{source}_branch'][row]]}{views}"


def read_line(location: Location) -> str:
    """Python that reads one picture."""
    path, name = json.dumps(location.path.as_posix()), json.dumps(location.data_set)
    return f"h5py.File({path})[{name}][{location.index}]"
