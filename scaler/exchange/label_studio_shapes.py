"""The regions of Label Studio: percent of width and height, brushes as packed bits."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from scaler.exchange.brush import decode_bitmask, decode_brush
from scaler.exchange.parsing import base64_bytes, broken, coordinates, field, number, pairs, ring
from scaler.exchange.raster import box, ellipse, fill, turned
from scaler.exchange.shapes import F64, Area, Size, Stroke

SHAPES = ("polygon", "brush", "bitmask", "rectangle", "ellipse", "keypoint")
# the type of a result -> its shape; "labels" has the shape that its values describe
KINDS = {**{name: name for name in SHAPES}, **{f"{name}labels": name for name in SHAPES}, "labels": ""}
NO_SHAPES = ("choices", "datetime", "number", "pairwise", "ranker", "rating", "relation", "taxonomy", "textarea")
NUMBERS = {
    "keypoint": ("x", "y"),
    "rectangle": ("x", "y", "width", "height", "rotation"),
    "ellipse": ("x", "y", "radiusX", "radiusY", "rotation"),
}
NO_LABEL = "(no label)"


def labels_of_region(region: dict[str, Any]) -> list[str]:
    """The labels of a region; `NO_LABEL` alone if it has none."""
    value = region.get("value")
    kind = str(region.get("type"))
    found = [value.get(key) for key in (kind, f"{kind}labels", "labels")] if isinstance(value, dict) else []
    labels = next((entry for entry in found if isinstance(entry, list) and entry), [NO_LABEL])
    return [str(label) for label in labels]


def shape_of(region: dict[str, Any], label: str, size: Size, where: str) -> Area | Stroke:
    """The shape of a region.

    Raises:
        ScalerError: a value is missing or impossible.
    """
    value = field(region, "value", dict, where)
    kind = KINDS[region["type"]] or _guessed(value, where)
    scale = np.asarray([size[1], size[0]]) / 100
    if kind == "brush":
        if value.get("format", "rle") != "rle":
            raise broken(where, f"a brush of format {value['format']!r}; expected rle")
        rle = field(value, "rle", list, where)
        return Area(label, where, lambda size: decode_brush(rle, size, where), np.empty((0, 2)), "mask")
    if kind == "bitmask":
        data = base64_bytes(value.get("imageDataURL"), f"{where}: imageDataURL")
        return Area(label, where, lambda size: decode_bitmask(data, size, where), np.empty((0, 2)), "mask")
    if kind == "polygon":
        corners = ring(pairs(field(value, "points", list, where), f"{where}: points"), where) * scale
        return Area(label, where, partial(fill, [corners]), corners)
    numbers = [number(value.get(key, 0 if key == "rotation" else None), f"{where}: {key}") for key in NUMBERS[kind]]
    x, y, *rest = numbers
    origin = coordinates([x, y], where)[0] * scale
    if kind == "keypoint":
        return Stroke(label, where, origin[None])
    if rest[0] <= 0 or rest[1] <= 0:
        raise broken(where, f"a {kind} of {rest[0]:g} by {rest[1]:g} percent has no area")
    extent = np.asarray(rest[:2]) * scale
    if kind == "rectangle":  # rotated about its first corner
        corners = turned(_between(origin, origin + extent), origin, rest[2])
        return Area(label, where, partial(fill, [corners]), corners, "box")
    reach = _between(origin - extent, origin + extent, rest[2])
    return Area(label, where, lambda size: ellipse(origin, extent, size, rest[2]), reach, "ellipse")


def _guessed(value: dict[str, Any], where: str) -> str:
    keys = {
        "rle": "brush",
        "imageDataURL": "bitmask",
        "points": "polygon",
        "radiusX": "ellipse",
        "height": "rectangle",
        "x": "keypoint",
    }
    for key, kind in keys.items():
        if key in value:
            return kind
    raise broken(where, "a labelled region without a shape in the image")


def _between(first: F64, second: F64, degrees: float = 0.0) -> F64:
    return box(float(first[0]), float(first[1]), float(second[0]), float(second[1]), degrees)
