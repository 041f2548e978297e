"""The regions of Label Studio: percent of width and height, brushes as packed bits."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from scaler.errors import ScalerError
from scaler.exchange.brush import decode_brush
from scaler.exchange.parsing import coordinates, expect, field, number, ring
from scaler.exchange.raster import box, ellipse, fill, turned
from scaler.exchange.shapes import F64, Area, Size, Stroke

# the type of a result -> its shape; "labels" takes the shape of the values that it has
KINDS = {
    **{name: name for name in ("polygon", "brush", "rectangle", "ellipse", "keypoint")},
    **{f"{name}labels": name for name in ("polygon", "brush", "rectangle", "ellipse", "keypoint")},
    "labels": "",
}
NO_LABEL = "(no label)"


def shape_of(region: dict[str, Any], size: Size, where: str) -> list[Area | Stroke]:
    """The shape of a region, once for each of its labels.

    Raises:
        ScalerError: a value is missing or impossible.
    """
    value = field(region, "value", dict, where)
    labels = value.get(region["type"]) or value.get("labels") or [NO_LABEL]
    kind = KINDS[region["type"]] or _guessed(value, where)
    return [_shape(kind, str(label), value, size, where) for label in expect(labels, list, f"{where}: labels")]


def _guessed(value: dict[str, Any], where: str) -> str:
    for key, kind in (
        ("rle", "brush"),
        ("points", "polygon"),
        ("radiusX", "ellipse"),
        ("height", "rectangle"),
        ("x", "keypoint"),
    ):
        if key in value:
            return kind
    raise ScalerError(f"{where}: a labelled region without a shape in the image.")


def _shape(kind: str, label: str, value: dict[str, Any], size: Size, where: str) -> Area | Stroke:
    scale = np.asarray([size[1], size[0]]) / 100
    if kind == "brush":
        if value.get("format", "rle") != "rle":
            raise ScalerError(f"{where}: a brush of format {value['format']!r}; expected rle.")
        rle = field(value, "rle", list, where)
        return Area(label, where, lambda size: decode_brush(rle, size, where), np.empty((0, 2)), "mask")
    if kind == "polygon":
        pairs = field(value, "points", list, where)
        flat = [entry for pair in pairs for entry in expect(pair, list, f"{where}: points")]
        corners = ring(flat, f"{where}: points") * scale
        return Area(label, where, partial(fill, [corners]), corners)
    x, y, *rest = _numbers(value, where, _KEYS[kind])
    origin = coordinates([x, y], where)[0] * scale
    if kind == "keypoint":
        return Stroke(label, where, origin[None])
    if rest[0] <= 0 or rest[1] <= 0:
        raise ScalerError(f"{where}: a {kind} of {rest[0]} by {rest[1]} percent has no area.")
    extent = np.asarray(rest[:2]) * scale
    if kind == "rectangle":  # turned about its first corner
        corners = turned(_between(origin, origin + extent), origin, rest[2])
        return Area(label, where, partial(fill, [corners]), corners, "box")
    reach = _between(origin - extent, origin + extent, rest[2])
    return Area(label, where, lambda size: ellipse(origin, extent, size, rest[2]), reach, "ellipse")


_KEYS = {
    "keypoint": ("x", "y"),
    "rectangle": ("x", "y", "width", "height", "rotation"),
    "ellipse": ("x", "y", "radiusX", "radiusY", "rotation"),
}


def _numbers(value: dict[str, Any], where: str, keys: tuple[str, ...]) -> list[float]:
    return [number(value.get(key, 0 if key == "rotation" else None), f"{where}: {key}") for key in keys]


def _between(first: F64, second: F64, degrees: float = 0.0) -> F64:
    return box(float(first[0]), float(first[1]), float(second[0]), float(second[1]), degrees)
