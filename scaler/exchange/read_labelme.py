"""Labelme: one JSON file per image."""

from __future__ import annotations

import base64
import binascii
import io
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from scaler.artifacts.visible import files
from scaler.errors import ScalerError
from scaler.exchange.parsing import coordinates, expect, field, read_json, ring, safe_name, size_of
from scaler.exchange.raster import box, ellipse, fill
from scaler.exchange.shapes import F64, U8, Annotated, Area, Document, Options, Size, Stroke

POINTS = {"rectangle": 2, "circle": 2, "line": 2, "mask": 2, "oriented_rectangle": 4, "point": 1}


def read_labelme(source: Path, options: Options) -> Document:
    """A folder of Labelme files (with sub-folders), or one of them. Images without a file came without annotation.

    Raises:
        ScalerError: no such files, or one is broken.
    """
    folder = source if source.is_dir() else source.parent
    found = (
        [source]
        if source.is_file()
        else [folder / name for name in sorted(files(folder)) if name.endswith(".json")]
        if source.is_dir()
        else []
    )
    if not found:
        raise ScalerError(f"{source}: no Labelme file there; expected a folder with one .json per image.")
    images = [_image(path, folder, options) for path in found]
    labels = sorted({shape.label for image in images for shape in image.shapes})
    scan = (options.images or folder) if source.is_dir() else None
    return Document(images, labels, found, [], scan=scan)


def _image(path: Path, folder: Path, options: Options) -> Annotated:
    root = expect(read_json(path), dict, str(path))
    shapes = field(root, "shapes", list, str(path))
    size = None
    if root.get("imageHeight") is not None and root.get("imageWidth") is not None:
        size = size_of(root["imageHeight"], root["imageWidth"], str(path))
    return Annotated(
        _name(root, path, folder, options),
        str(path),
        size,
        tuple(_shape(shape, f"{path}: shape {number}") for number, shape in enumerate(shapes)),
        answered=True,
        embedded=_bytes(root["imageData"], f"{path}: imageData") if root.get("imageData") else None,
        beside=folder,
    )


def _name(root: dict[str, Any], path: Path, folder: Path, options: Options) -> str:
    stated = field(root, "imagePath", str, str(path))
    if options.images is not None:  # the images were moved: only the name still means something
        stated = PurePosixPath(stated.replace("\\", "/")).name
    name = safe_name(stated, str(path), cure="Say where the images lie by --images.")
    return str(PurePosixPath(path.parent.relative_to(folder).as_posix()) / name)


def _bytes(value: Any, where: str) -> bytes:
    try:
        return base64.b64decode(expect(value, str, where), validate=True)
    except (binascii.Error, ValueError):
        raise ScalerError(f"{where}: no base64 text; save the file again in Labelme.") from None


def _shape(shape: Any, where: str) -> Area | Stroke:
    label = field(expect(shape, dict, where), "label", str, where)
    kind = shape.get("shape_type") or "polygon"
    where = f"{where} ({label!r}, {kind})"
    pairs = field(shape, "points", list, where)
    if any(len(expect(pair, list, f"{where}: points")) != 2 for pair in pairs):
        raise ScalerError(f"{where}: points: expected pairs of x and y.")
    points = coordinates([value for pair in pairs for value in pair], where)
    if len(points) != POINTS.get(kind, len(points)) or not len(points):
        raise ScalerError(f"{where}: {len(points)} points; expected {POINTS.get(kind, 'at least 1')}.")
    match kind:
        case "polygon" | "oriented_rectangle":
            corners = ring(points.reshape(-1), where)
            return Area(label, where, partial(fill, [corners]), corners)
        case "rectangle":
            corners = box(*points.reshape(-1).tolist())
            return Area(label, where, partial(fill, [corners]), corners, "box")
        case "circle":
            radius = float(np.hypot(*(points[1] - points[0])))
            if radius == 0:
                raise ScalerError(f"{where}: a circle of radius 0; remove it, or draw it again.")
            reach = np.concatenate([points[:1] - radius, points[:1] + radius])
            return Area(label, where, lambda size: ellipse(points[0], (radius, radius), size), reach, "ellipse")
        case "mask":
            return Area(
                label,
                where,
                partial(_paste, _bytes(shape.get("mask"), f"{where}: mask"), points, where),
                points,
                "mask",
            )
        case "point" | "points":
            return Stroke(label, where, points)
        case "line" | "linestrip":
            return Stroke(label, where, points, joined=True)
    raise ScalerError(f"{where}: this shape_type is not read; draw it as polygon.")


def _paste(data: bytes, corners: F64, where: str, size: Size) -> U8:
    """The picture of a mask shape at its place: from the first corner up to and with the second."""
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            patch = np.asarray(image)
    except Exception:  # decoders of damaged files raise whatever they like
        raise ScalerError(f"{where}: mask: no PNG picture; save the file again in Labelme.") from None
    left, top, right, bottom = (int(value) for value in corners.reshape(-1))
    if patch.shape != (bottom - top + 1, right - left + 1):
        raise ScalerError(
            f"{where}: mask: a picture of {patch.shape[1::-1]} pixels (width, height) between corners "
            f"{corners.tolist()}; expected {right - left + 1} x {bottom - top + 1}."
        )
    if left < 0 or top < 0 or right >= size[1] or bottom >= size[0]:
        raise ScalerError(f"{where}: mask: reaches to ({right}, {bottom}), outside the image of {size[1]} x {size[0]}.")
    mask = np.zeros(size, np.uint8)
    mask[top : bottom + 1, left : right + 1] = patch > 0
    return mask
