"""The annotation files themselves: each writer takes the images one by one and gives back what is to be written."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import numpy as np
import pycocotools.mask as coco

from scaler.exchange.brush import encode_brush
from scaler.exchange.objects import ExportImage
from scaler.exchange.outlines import keyhole, outlines
from scaler.exchange.raster import png_bytes, runs
from scaler.exchange.shapes import F64, U8

Files = Iterator[tuple[str, bytes]]
LABEL_STUDIO_CONFIG = """\
<View>
  <Image name="image" value="$image"/>
  <BrushLabels name="brush" toName="image"><Label value={label}/></BrushLabels>
  <PolygonLabels name="polygon" toName="image"><Label value={label}/></PolygonLabels>
</View>
"""


def coco_files(images: Iterable[ExportImage], label: str, polygons: bool, tolerance: float) -> Files:
    """annotations.json: COCO instances; compressed run lengths, or polygons with holes as keyholes."""
    entries: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, image in enumerate(images, 1):
        entries.append({"id": number, "file_name": image.name, "height": image.size[0], "width": image.size[1]})
        for part in image.objects():
            packed = coco.encode(np.asfortranarray(part))
            rle = {"size": list(image.size), "counts": packed["counts"].decode("ascii")}
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "segmentation": [_outline(part, tolerance).reshape(-1).tolist()] if polygons else rle,
                    "area": int(part.sum()),
                    "bbox": [float(value) for value in coco.toBbox(packed)],
                    "iscrowd": 0,
                }
            )
    root = {"images": entries, "annotations": annotations, "categories": [{"id": 1, "name": label}]}
    yield "annotations.json", _json(root)


def labelme_files(images: Iterable[ExportImage], label: str, polygons: bool, tolerance: float) -> Files:
    """<id>.json beside each labelled image: polygons, or mask shapes. Images without label get no file."""
    for image in images:
        if image.mask is None:
            continue
        shapes = []
        for part in image.objects():
            shape: dict[str, Any] = {"label": label, "group_id": None, "description": "", "flags": {}, "mask": None}
            if polygons:
                shape |= {"shape_type": "polygon", "points": _outline(part, tolerance).tolist()}
            else:
                top, left, bottom, right = _bounds(part)
                patch = png_bytes(part[top : bottom + 1, left : right + 1])
                corners = [[float(left), float(top)], [float(right), float(bottom)]]
                shape |= {"shape_type": "mask", "points": corners, "mask": base64.b64encode(patch).decode("ascii")}
            shapes.append(shape)
        root: dict[str, Any] = {
            "version": "5.5.0",
            "flags": {},
            "shapes": shapes,
            "imagePath": PurePosixPath(image.name).name,
            "imageData": None,
            "imageHeight": image.size[0],
            "imageWidth": image.size[1],
        }
        yield f"{image.id}.json", _json(root)


def cvat_files(images: Iterable[ExportImage], label: str, polygons: bool, tolerance: float) -> Files:
    """annotations.xml: CVAT for images 1.1; polygons, or masks."""
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    task = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task")
    entry = ElementTree.SubElement(ElementTree.SubElement(task, "labels"), "label")
    ElementTree.SubElement(entry, "name").text = label
    for number, image in enumerate(images):
        height, width = image.size
        element = ElementTree.SubElement(
            root, "image", {"id": str(number), "name": image.name, "width": str(width), "height": str(height)}
        )
        for part in image.objects():
            common = {"label": label, "source": "auto", "occluded": "0", "z_order": "0"}
            if polygons:
                points = ";".join(f"{x:.2f},{y:.2f}" for x, y in _outline(part, tolerance))
                ElementTree.SubElement(element, "polygon", {**common, "points": points})
                continue
            top, left, bottom, right = _bounds(part)
            lengths = runs(part[top : bottom + 1, left : right + 1])
            box = {"left": left, "top": top, "width": right - left + 1, "height": bottom - top + 1}
            ElementTree.SubElement(
                element,
                "mask",
                {**common, "rle": ", ".join(map(str, lengths)), **{key: str(value) for key, value in box.items()}},
            )
    ElementTree.indent(root)
    yield "annotations.xml", b'<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root) + b"\n"


def label_studio_files(images: Iterable[ExportImage], label: str, polygons: bool, tolerance: float) -> Files:
    """tasks.json with pre-annotations (predictions), and the labelling configuration that fits them."""
    tasks = []
    for image in images:
        height, width = image.size
        results = []
        for number, part in enumerate(image.objects()):
            kind = "polygon" if polygons else "brush"
            if polygons:
                value: dict[str, Any] = {"points": (_outline(part, tolerance) * 100 / (width, height)).tolist()}
            else:
                value = {"format": "rle", "rle": encode_brush(part)}
            results.append(
                {
                    "id": f"object{number}",
                    "type": f"{kind}labels",
                    "from_name": kind,
                    "to_name": "image",
                    "original_width": width,
                    "original_height": height,
                    "image_rotation": 0,
                    "value": {**value, f"{kind}labels": [label]},
                }
            )
        predictions = [{"model_version": "scaler", "result": results}] if image.mask is not None else []
        tasks.append({"data": {"image": f"/data/local-files/?d={quote(image.name)}"}, "predictions": predictions})
    yield "tasks.json", _json(tasks)
    yield "labeling_config.xml", LABEL_STUDIO_CONFIG.format(label=quoteattr(label)).encode()


def mask_files(images: Iterable[ExportImage], label: str, polygons: bool, tolerance: float) -> Files:
    """<id>.png of 0 and 255 for each labelled image."""
    for image in images:
        if image.mask is not None:
            yield f"{image.id}.png", png_bytes(image.mask() * np.uint8(255))


Writer = Callable[[Iterable[ExportImage], str, bool, float], Files]
WRITERS: dict[str, tuple[Writer, bool]] = {  # the writer, and whether polygons are what its tool edits best
    "coco": (coco_files, False),
    "labelme": (labelme_files, True),
    "cvat": (cvat_files, False),
    "label-studio": (label_studio_files, False),
    "masks": (mask_files, False),
}


def _outline(part: U8, tolerance: float) -> F64:
    return keyhole(*outlines(part, tolerance))


def _bounds(part: U8) -> tuple[int, int, int, int]:
    """First row and column, last row and column."""
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]), int(columns[-1])


def _json(root: Any) -> bytes:
    return (json.dumps(root, ensure_ascii=True) + "\n").encode()
