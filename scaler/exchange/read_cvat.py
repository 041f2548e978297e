"""CVAT for images 1.1, of tasks and of projects."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from scaler.errors import Faults
from scaler.exchange.parsing import broken, coordinates, counts, number, read_xml, ring, size_of, wh
from scaler.exchange.raster import box, ellipse, fill, unroll
from scaler.exchange.shapes import (
    F64,
    U8,
    Annotated,
    Area,
    Document,
    ImportOptions,
    Shape,
    Size,
    Stroke,
    Unread,
    labels_of,
    read_shapes,
)

NAME = "annotations.xml"


def read_cvat(source: Path, options: ImportOptions, faults: Faults) -> Document:
    """annotations.xml of "CVAT for images 1.1", or the unpacked folder of a task or a project.

    A project's images lie in a folder per subset, which becomes part of their ids. A folder of several exports, each
    with its annotations.xml, is read as one. Shapes are drawn by their z-order; those that are `outside` are left out.

    Raises:
        ScalerError: there is no such file, or it holds tracks of "CVAT for video".
    """
    paths = [source] if source.is_file() else [source / NAME] if (source / NAME).exists() else []
    paths = paths or sorted(source.glob(f"*/{NAME}"))
    if not paths:
        raise broken(source, f"no {NAME}", 'export the task or project as "CVAT for images 1.1"', "source_empty")
    images: list[Annotated] = []
    categories: set[str] = set()
    outside = Counter[str]()
    for path in paths:
        root = read_xml(path)
        if root.tag != "annotations":
            raise broken(path, f"the root is <{root.tag}>; expected <annotations>", "export again", "not_cvat")
        if root.find("track") is not None:
            reason = "holds tracks, as CVAT for video 1.1 does"
            raise broken(path, reason, "export the task as CVAT for images 1.1", "not_cvat")
        for position, element in enumerate(root.findall("image")):
            with faults.collect():
                prefix = path.parent.name if len(paths) > 1 else ""
                images.append(_image(element, path, prefix, position, outside))
        categories |= {label.findtext("name") or "" for meta in root.findall("meta") for label in meta.iter("label")}
    remarks = [f"{n} {what}" for what, n in outside.items()]
    return Document(images, sorted(categories | set(labels_of(images))), paths, remarks)


def _image(element: Element, path: Path, prefix: str, position: int, outside: Counter[str]) -> Annotated:
    name, subset = element.get("name", ""), element.get("subset")
    where = f"{prefix}/{path.name}" if prefix else path.name
    where += f": image {'/'.join(filter(None, (subset, name)))!r}" if name else f": image number {position}"
    if not name:
        raise broken(where, "the name is missing")
    size = size_of(element.get("height"), element.get("width"), where)
    shapes: list[Shape] = []
    order = sorted(enumerate(element), key=lambda entry: _order(entry[1]))
    for number_, child in order:
        if child.get("outside") == "1":
            outside["shapes that are outside their image left out"] += 1
        elif child.tag != "tag":  # of the image as a whole
            at = f"{where}: {child.tag} {number_}"
            shapes += read_shapes(child.get("label"), partial(_shapes, child, at, size))
    names = tuple("/".join(filter(None, parts)) for parts in ((prefix, subset, name), (subset, name), (name,)))
    return Annotated(where, names, size, tuple(shapes), True, (path.parent, path.parent / "images"), prefix=prefix)


def _order(element: Element) -> float:
    try:
        return float(element.get("z_order", "0"))
    except ValueError:
        return 0.0


def _shapes(element: Element, where: str, size: Size) -> list[Shape]:
    label = element.get("label")
    if label is None:
        raise broken(where, "the label is missing")
    return [_shape(element, label, where, size)]


def _shape(element: Element, label: str, where: str, size: Size) -> Shape:
    match element.tag:
        case "polygon":
            corners = ring(_points(element, where), where)
            return Area(label, where, partial(fill, [corners]), corners)
        case "box":
            x0, y0, x1, y1, degrees = _numbers(element, ("xtl", "ytl", "xbr", "ybr", "rotation"), where)
            if x1 <= x0 or y1 <= y0:
                raise broken(where, f"a box from ({x0:g}, {y0:g}) to ({x1:g}, {y1:g}) has no area")
            corners = box(x0, y0, x1, y1, degrees)
            return Area(label, where, partial(fill, [corners]), corners, "box")
        case "ellipse":
            x, y, rx, ry, degrees = _numbers(element, ("cx", "cy", "rx", "ry", "rotation"), where)
            if rx <= 0 or ry <= 0:
                raise broken(where, f"an ellipse with the radii {rx:g} and {ry:g} has no area")
            reach = box(x - rx, y - ry, x + rx, y + ry, degrees)
            return Area(label, where, lambda size: ellipse((x, y), (rx, ry), size, degrees), reach, "ellipse")
        case "mask":
            return Area(label, where, _mask(element, where, size), np.empty((0, 2)), "mask")
        case "points" | "polyline":
            return Stroke(label, where, _points(element, where), joined=element.tag == "polyline")
    return Unread(label, f"shapes of type {element.tag}")


def _points(element: Element, where: str) -> F64:
    pairs = [pair.split(",") for pair in element.get("points", "").split(";")]
    if any(len(pair) != 2 for pair in pairs):
        raise broken(f"{where}: points", f"expected x,y;x,y;..., got {element.get('points')!r}")
    return coordinates([value for pair in pairs for value in pair], f"{where}: points")


def _numbers(element: Element, keys: tuple[str, ...], where: str) -> list[float]:
    return [number(element.get(key, "0" if key == "rotation" else None), f"{where}: {key}") for key in keys]


def _mask(element: Element, where: str, size: Size) -> partial[U8]:
    """A brush: run lengths along the rows of its box."""
    left, top, width, height = (int(v) for v in _numbers(element, ("left", "top", "width", "height"), where))
    if left < 0 or top < 0 or width < 1 or height < 1 or left + width > size[1] or top + height > size[0]:
        raise broken(where, f"a mask of {width} x {height} at ({left}, {top}) does not fit into {wh(size)} pixels")
    lengths = counts(element.get("rle", "").split(","), width * height, f"{where}: rle")
    return partial(_paste, lengths, (height, width), (top, left))


def _paste(lengths: list[int], shape: Size, corner: Size, size: Size) -> U8:
    mask = np.zeros(size, np.uint8)
    mask[corner[0] : corner[0] + shape[0], corner[1] : corner[1] + shape[1]] = unroll(lengths, shape)
    return mask
