"""CVAT for images 1.1."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from scaler.errors import ScalerError
from scaler.exchange.parsing import coordinates, counts, number, read_xml, ring, safe_name, size_of
from scaler.exchange.raster import box, ellipse, fill, unroll
from scaler.exchange.shapes import F64, U8, Annotated, Area, Document, Options, Size, Stroke

IGNORED = ("tag", "cuboid", "skeleton")


def read_cvat(source: Path, options: Options) -> Document:
    """annotations.xml of "CVAT for images 1.1", or the unpacked folder that holds it.

    Run lengths of a mask go along the rows of its box. Shapes that are `outside` are left out.

    Raises:
        ScalerError: no such file, tracks of "CVAT for video", or a broken shape.
    """
    path = source / "annotations.xml" if source.is_dir() else source
    root = read_xml(path)
    if root.tag != "annotations":
        raise ScalerError(f"{path}: the root is <{root.tag}>, expected <annotations> of CVAT for images 1.1.")
    if root.find("track") is not None:
        raise ScalerError(f"{path}: holds tracks, as CVAT for video 1.1 does; export the task as CVAT for images 1.1.")
    left_out: Counter[str] = Counter()
    images = [_image(element, path, left_out) for element in root.findall("image")]
    stated = [element.findtext("name") or "" for meta in root.findall("meta") for element in meta.iter("label")]
    used = {shape.label for image in images for shape in image.shapes}
    return Document(
        images, sorted({*stated, *used}), [path], [f"{n} {what} left out" for what, n in sorted(left_out.items())]
    )


def _image(element: Element, path: Path, left_out: Counter[str]) -> Annotated:
    where = f"{path}: image {element.get('name')!r}"
    name = safe_name(element.get("name", ""), where)
    size = size_of(element.get("height"), element.get("width"), where)
    shapes = []
    for position, child in enumerate(element):
        if child.get("outside") == "1":
            left_out["shapes that are outside"] += 1
        elif child.tag in IGNORED:
            left_out[f"<{child.tag}>"] += 1
        else:
            shapes.append(_shape(child, f"{where}: {child.tag} {position}", size))
    return Annotated(name, where, size, tuple(shapes), answered=True, beside=path.parent)


def _shape(element: Element, where: str, size: Size) -> Area | Stroke:
    label = element.get("label")
    if label is None:
        raise ScalerError(f"{where}: the label is missing.")
    match element.tag:
        case "polygon":
            corners = ring(_points(element, where).reshape(-1), where)
            return Area(label, where, partial(fill, [corners]), corners)
        case "box":
            x0, y0, x1, y1, degrees = _numbers(element, ("xtl", "ytl", "xbr", "ybr", "rotation"), where)
            if x1 <= x0 or y1 <= y0:
                raise ScalerError(f"{where}: a box from ({x0}, {y0}) to ({x1}, {y1}) has no area.")
            corners = box(x0, y0, x1, y1, degrees)
            return Area(label, where, partial(fill, [corners]), corners, "box")
        case "ellipse":
            x, y, rx, ry, degrees = _numbers(element, ("cx", "cy", "rx", "ry", "rotation"), where)
            if rx <= 0 or ry <= 0:
                raise ScalerError(f"{where}: an ellipse of the radii {rx} and {ry} has no area.")
            reach = box(x - rx, y - ry, x + rx, y + ry, degrees)
            return Area(label, where, lambda size: ellipse((x, y), (rx, ry), size, degrees), reach, "ellipse")
        case "mask":
            return Area(label, where, _mask(element, where, size), np.empty((0, 2)), "mask")
        case "points":
            return Stroke(label, where, _points(element, where))
        case "polyline":
            return Stroke(label, where, _points(element, where), joined=True)
    raise ScalerError(f"{where}: shapes of this kind are not read; draw it as polygon or mask.")


def _points(element: Element, where: str) -> F64:
    pairs = [pair.split(",") for pair in element.get("points", "").split(";")]
    if any(len(pair) != 2 for pair in pairs):
        raise ScalerError(f"{where}: points: expected x,y;x,y;..., got {element.get('points')!r}.")
    return coordinates([value for pair in pairs for value in pair], f"{where}: points")


def _numbers(element: Element, keys: tuple[str, ...], where: str) -> list[float]:
    return [number(element.get(key, "0" if key == "rotation" else None), f"{where}: {key}") for key in keys]


def _mask(element: Element, where: str, size: Size) -> partial[U8]:
    left, top, width, height = (int(v) for v in _numbers(element, ("left", "top", "width", "height"), where))
    if left < 0 or top < 0 or width < 1 or height < 1 or left + width > size[1] or top + height > size[0]:
        raise ScalerError(
            f"{where}: a mask of {width} x {height} at ({left}, {top}) does not fit into {size[1]} x {size[0]} pixels."
        )
    lengths = counts(element.get("rle", "").split(","), width * height, f"{where}: rle")
    return partial(_paste, lengths, (height, width), (top, left))


def _paste(lengths: list[int], shape: Size, corner: Size, size: Size) -> U8:
    mask = np.zeros(size, np.uint8)
    mask[corner[0] : corner[0] + shape[0], corner[1] : corner[1] + shape[1]] = unroll(lengths, shape)
    return mask
