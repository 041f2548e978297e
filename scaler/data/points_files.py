"""Files of points: CSV or JSON, for one image or for all images of a source."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from scaler.data.csv_file import read_csv
from scaler.data.points import BACKGROUND, FOREGROUND, Point, Points
from scaler.errors import ScalerError

SUFFIXES = (".csv", ".json")
COLUMNS = ("x", "y", "label")
NAMES = {"foreground": FOREGROUND, "fg": FOREGROUND, "background": BACKGROUND, "bg": BACKGROUND}
LABELS = "1 or foreground, 0, 2 or background"
FORM = '[{"x": 120, "y": 45, "label": "foreground"}, ...]'


def is_points(path: Path) -> bool:
    """Whether a marks file holds points and not a picture, by its suffix."""
    return path.suffix.lower() in SUFFIXES


def read_points(path: Path) -> Points:
    """The points of one image.

    CSV: a line per point, columns x, y, label. JSON: a list of such objects, by itself or under the key "points"; or
    segment-anything's "point_coords" and "point_labels", lists of [x, y] and of labels. Labels: 1, "foreground" or
    "fg"; 0 (as for segment-anything), 2 (as in marks pictures), "background" or "bg".

    Raises:
        ScalerError: not such a file, a number that is none, another label, or no point at all.
    """
    if path.suffix.lower() == ".json":
        return _of_json(str(path), _json(path))
    _, rows = read_csv(path, COLUMNS, COLUMNS, "a file of points has a line per point")
    return _points(str(path), [(f"{path}: line {line}", row) for line, row in rows])


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
            raise ScalerError(
                f'{path}: expected an object with a key per image, {{"train/0001": {FORM}, ...}}; got '
                f"{'the points of a single one' if isinstance(found, dict) else 'a ' + type(found).__name__}."
            )
        return {name: _of_json(f"{path}: {name!r}", value) for name, value in found.items()}
    columns = ("image", *COLUMNS)
    _, rows = read_csv(path, columns, columns, "prepare_data.marks names a table of points")
    lines: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for line, row in rows:
        lines.setdefault(row["image"], []).append((f"{path}: line {line}", row))
    return {name: _points(f"{path}: {name!r}", own) for name, own in lines.items()}


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text("utf-8-sig"), object_pairs_hook=_no_key_twice)
    except FileNotFoundError:
        raise ScalerError(f"{path}: no such file of points.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ScalerError(f"{path}: not readable as JSON ({error}); expected {FORM}.") from None


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return dict(pairs)


def _of_json(where: str, value: Any) -> Points:
    if isinstance(value, dict) and "point_coords" in value:
        coordinates, labels = value["point_coords"], value.get("point_labels")
        pairs = isinstance(coordinates, list) and all(isinstance(p, list) and len(p) == 2 for p in coordinates)
        if not pairs or not isinstance(labels, list) or len(labels) != len(coordinates):
            raise ScalerError(f"{where}: expected point_coords [[x, y], ...] and as many point_labels [1, 0, ...].")
        value = [{"x": p[0], "y": p[1], "label": label} for p, label in zip(coordinates, labels, strict=True)]
    if isinstance(value, dict) and "points" in value:
        value = value["points"]
    if not isinstance(value, list) or not all(isinstance(item, dict) and item.keys() >= {*COLUMNS} for item in value):
        raise ScalerError(f"{where}: expected points as {FORM}, with x, y and label in each.")
    return _points(where, [(f"{where}: point {number}", item) for number, item in enumerate(value, 1)])


def _points(where: str, items: list[tuple[str, dict[str, Any]]]) -> Points:
    if not items:
        raise ScalerError(f"{where}: no point in it; set some, or remove it, so that the image counts as unmarked.")
    labels = {str(item["label"]) for _, item in items}
    if {"0", "2"} <= labels:
        raise ScalerError(f"{where}: background is 0 in some points and 2 in others; expected one spelling of it.")
    return Points(where, tuple(_point(at, item) for at, item in items))


def _point(where: str, item: Mapping[str, Any]) -> Point:
    return Point(_number(where, "x", item["x"]), _number(where, "y", item["y"]), _label(where, item["label"]))


def _number(where: str, key: str, value: object) -> float:
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        number = None
    if number is None or not isfinite(number):
        raise ScalerError(f"{where}: {key} {value!r}: expected a number of pixels.")
    return number


def _label(where: str, value: object) -> int:
    text = str(value).strip().casefold()
    known = NAMES | {"1": FOREGROUND, "0": BACKGROUND, "2": BACKGROUND}
    if isinstance(value, bool) or text not in known:
        raise ScalerError(f"{where}: label {value!r}: expected {LABELS}.")
    return known[text]
