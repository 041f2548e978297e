"""Files of points: CSV or JSON, for one image or for all images of a source."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from scaler.data.csv_file import read_csv
from scaler.data.points import BACKGROUND, FOREGROUND, Point, Points
from scaler.errors import Fault, ScalerError

SUFFIXES = (".csv", ".json")
COLUMNS = ("x", "y", "label")
LABELS = {
    "1": FOREGROUND, "foreground": FOREGROUND, "fg": FOREGROUND,
    "0": BACKGROUND, "2": BACKGROUND, "background": BACKGROUND, "bg": BACKGROUND,
}  # fmt: skip
EXAMPLE = '[{"x": 120, "y": 45, "label": "foreground"}, ...]'


@dataclass(frozen=True)
class _Place:
    """A file, and the line or key in it as it begins a message ("line 3: ")."""

    file: Path
    at: str = ""

    def error(self, kind: str, reason: str, remedy: str) -> ScalerError:
        return ScalerError(Fault(kind, (self.file,), self.at + reason, remedy))


def is_points(path: Path) -> bool:
    """Whether a marks file holds points and not a picture, by its suffix."""
    return path.suffix.lower() in SUFFIXES


def read_points(path: Path) -> Points:
    """The points of one image.

    CSV: a line per point, columns x, y, label. JSON: a list of such objects, bare or under the key "points"; or
    segment-anything's "point_coords" and "point_labels", lists of [x, y] and of labels. Labels: 1, "foreground" or
    "fg"; 0 (as in segment-anything), 2 (as in marks pictures), "background" or "bg".

    Raises:
        ScalerError: the file is not of this form, or holds no point.
    """
    if path.suffix.lower() == ".json":
        return _of_json(_Place(path), _json(path))
    _, rows = read_csv(path, COLUMNS, COLUMNS, "write a file with a line per point")
    return _points(_Place(path), [(f"line {line}: ", row) for line, row in rows])


def read_points_of_all(path: Path) -> dict[str, Points]:
    """The points of all images, by the image's name as the file gives it.

    CSV: as for one image, with a column image. JSON: an object whose keys are the images, and whose values are what a
    file of one image holds.

    Raises:
        ScalerError: as `read_points`.
    """
    if path.suffix.lower() == ".json":
        found = _json(path)
        if not isinstance(found, dict) or {"points", "point_coords"} & found.keys():
            what = "the points of a single image" if isinstance(found, dict) else f"a {type(found).__name__}"
            expected = f'expected an object with a key per image, {{"train/0001": {EXAMPLE}, ...}}; found {what}'
            raise _Place(path).error("points_form", expected, "write one key per image")
        return {name: _of_json(_Place(path, f"{name!r}: "), value) for name, value in found.items()}
    columns = ("image", *COLUMNS)
    _, rows = read_csv(path, columns, columns, "prepare_data.marks names a table of points")
    lines: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for line, row in rows:
        lines.setdefault(row["image"], []).append((f"line {line}: ", row))
    return {name: _points(_Place(path, f"{name!r}: "), own) for name, own in lines.items()}


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text("utf-8-sig"), object_pairs_hook=_unique_keys)
    except FileNotFoundError:
        raise _Place(path).error("points_missing", "no such file of points", "check its name") from None
    except (OSError, ValueError, RecursionError) as error:
        reason = f"not readable as JSON ({error})"
        raise _Place(path).error("points_form", reason, f"expected {EXAMPLE}") from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} occurs twice")
    return dict(pairs)


def _of_json(place: _Place, value: Any) -> Points:
    if isinstance(value, dict) and "point_coords" in value:
        coordinates, labels = value["point_coords"], value.get("point_labels")
        pairs = isinstance(coordinates, list) and all(isinstance(p, list) and len(p) == 2 for p in coordinates)
        if not pairs or not isinstance(labels, list) or len(labels) != len(coordinates):
            expected = "expected point_coords [[x, y], ...] and as many point_labels [1, 0, ...]"
            raise place.error("points_form", expected, "write one label per point")
        value = [{"x": p[0], "y": p[1], "label": label} for p, label in zip(coordinates, labels, strict=True)]
    if isinstance(value, dict) and "points" in value:
        value = value["points"]
    if not isinstance(value, list) or not all(isinstance(item, dict) and item.keys() >= {*COLUMNS} for item in value):
        raise place.error("points_form", f"expected points as {EXAMPLE}", "give each point x, y and label")
    return _points(place, [(f"point {number}: ", item) for number, item in enumerate(value, 1)])


def _points(place: _Place, items: list[tuple[str, dict[str, Any]]]) -> Points:
    if not items:
        raise place.error("points_none", "no point in it", "add some, or remove it so that the image has no marks")
    if {"0", "2"} <= {str(item["label"]) for _, item in items}:
        reason = "background is 0 in some points and 2 in others"
        raise place.error("points_form", reason, "use one value for background")
    points = []
    for at, item in items:
        here = _Place(place.file, place.at + at)
        points.append(Point(_number(here, "x", item["x"]), _number(here, "y", item["y"]), _label(here, item["label"])))
    return Points(place.file, place.at, tuple(points))


def _number(place: _Place, key: str, value: object) -> float:
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        number = None
    if number is None or not isfinite(number):
        raise place.error("points_form", f"{key} is {value!r}, expected a number of pixels", "correct it")
    return number


def _label(place: _Place, value: object) -> int:
    text = str(value).strip().casefold()
    if isinstance(value, bool) or text not in LABELS:
        expected = f"label is {value!r}, expected 1 or foreground, or 0, 2 or background"
        raise place.error("points_form", expected, "correct it")
    return LABELS[text]
