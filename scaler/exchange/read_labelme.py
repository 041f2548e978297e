"""Labelme and X-AnyLabeling: one JSON file per image."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from PIL import Image

from scaler.artifacts.visible import files
from scaler.errors import Faults
from scaler.exchange.parsing import base64_bytes, broken, expect, field, pairs, read_json, ring, size_of, wh
from scaler.exchange.raster import box, ellipse, fill
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

POLYGONS = ("polygon", "oriented_rectangle", "rotation", "quadrilateral")
POINTS = {
    "rectangle": (2, 4),
    "circle": (2,),
    "line": (2,),
    "mask": (2,),
    "oriented_rectangle": (4,),
    "rotation": (4,),
    "quadrilateral": (4,),
    "point": (1,),
}


def read_labelme(source: Path, options: ImportOptions, faults: Faults) -> Document:
    """A folder of Labelme files (with sub-folders), or one of them. Images without a file were not annotated.

    Broken files and shapes go to `faults`.

    Raises:
        ScalerError: there is no such file.
    """
    folder = source if source.is_dir() else source.parent
    names = sorted(files(folder)) if source.is_dir() else [source.name]
    names = [name for name in names if name.lower().endswith(".json") or source.is_file()]
    if not names:
        raise broken(source, "no Labelme file; expected a folder with one .json per image", kind="source_empty")
    images = []
    for name in names:
        with faults.collect([name[:-5]]):
            images.append(_image(name, folder))
    scan = ((options.images or folder, ""),) if source.is_dir() else ()
    return Document(images, labels_of(images), [folder / name for name in names], scan=scan)


def _image(name: str, folder: Path) -> Annotated:
    root = expect(read_json(folder / name), dict, name)
    if "shapes" not in root:
        raise broken(name, "not a Labelme file: 'shapes' is missing", "move it to another folder", "not_labelme")
    size = None
    if root.get("imageHeight") is not None and root.get("imageWidth") is not None:
        size = size_of(root["imageHeight"], root["imageWidth"], name)
    shapes: list[Shape] = []
    for number, shape in enumerate(field(root, "shapes", list, name)):
        if isinstance(shape, dict) and type(shape.get("label")) is int:  # as some scripts write classes
            shape = shape | {"label": str(shape["label"])}
        label = shape.get("label") if isinstance(shape, dict) else None
        read = partial(_shapes, shape, f"{name}: shape {number}")
        shapes += read_shapes(label if isinstance(label, str) else None, read)
    return Annotated(
        name,
        (_stated(expect(root["imagePath"], str, f"{name}: imagePath"), name),) if root.get("imagePath") else (),
        size,
        tuple(shapes),
        answered=True,
        roots=(folder, folder / "images"),
        own=name[:-5],
        embedded=base64_bytes(root["imageData"], f"{name}: imageData") if root.get("imageData") else None,
    )


def _stated(path: str, name: str) -> str:
    """The stated path below the folder of all annotation files; of an absolute one, the file's own name."""
    parent, windows = name.rpartition("/")[0], PureWindowsPath(path)
    if not parent:
        return path
    return f"{parent}/{windows.name if windows.drive or windows.root else path}"


def _shapes(shape: Any, where: str) -> list[Shape]:
    label = field(expect(shape, dict, where), "label", str, where)
    kind = shape.get("shape_type") or "polygon"
    return [_shape(shape, label, kind, f"{where} ({label!r}, {kind})")]


def _shape(shape: dict[str, Any], label: str, kind: str, where: str) -> Shape:
    if kind not in (*POINTS, "polygon", "points", "linestrip"):
        return Unread(label, f"shapes of type {kind}")
    points = pairs(field(shape, "points", list, where), f"{where}: points")
    expected = POINTS.get(kind, ())
    if not len(points) or (expected and len(points) not in expected):
        wanted = " or ".join(map(str, expected)) or "at least 1"
        raise broken(where, f"{len(points)} points; expected {wanted}", "delete it, or draw it again")
    if kind in POLYGONS or (kind == "rectangle" and len(points) == 4):
        corners = ring(points, where)
        return Area(label, where, partial(fill, [corners]), corners, "polygon" if kind == "polygon" else "box")
    match kind:
        case "rectangle":
            corners = box(*points.reshape(-1).tolist())
            return Area(label, where, partial(fill, [corners]), corners, "box")
        case "circle":
            radius = float(np.hypot(*(points[1] - points[0])))
            if radius == 0:
                raise broken(where, "a circle of radius 0", "delete it, or draw it again")
            reach = np.concatenate([points[:1] - radius, points[:1] + radius])
            return Area(label, where, lambda size: ellipse(points[0], (radius, radius), size), reach, "ellipse")
        case "mask":
            patch = base64_bytes(shape.get("mask"), f"{where}: mask")
            return Area(label, where, partial(_paste, patch, points, where), points, "mask")
    return Stroke(label, where, points, joined=kind in ("line", "linestrip"))


def _paste(data: bytes, corners: F64, where: str, size: Size) -> U8:
    """The PNG of a mask shape at its place: from the first corner up to and including the second."""
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            patch = np.asarray(image)
    except Exception:  # decoders of damaged files raise whatever they like
        raise broken(f"{where}: mask", "not a PNG image", "save the file again in Labelme") from None
    left, top, right, bottom = (int(value) for value in corners.reshape(-1))
    if patch.shape != (bottom - top + 1, right - left + 1):
        reason = f"an image of {wh(patch.shape[:2])} pixels between corners {corners.tolist()}"
        raise broken(f"{where}: mask", f"{reason}; expected {right - left + 1} x {bottom - top + 1}")
    if left < 0 or top < 0 or right >= size[1] or bottom >= size[0]:
        raise broken(f"{where}: mask", f"reaches to ({right}, {bottom}), outside the image of {wh(size)} pixels")
    mask = np.zeros(size, np.uint8)
    mask[top : bottom + 1, left : right + 1] = patch > 0
    return mask
