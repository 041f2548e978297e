"""COCO instances and keypoints."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from scaler.errors import ScalerError
from scaler.exchange.parsing import counts, expect, field, number, read_json, ring, safe_name, size_of
from scaler.exchange.raster import box, fill, fill_coco, unroll
from scaler.exchange.shapes import U8, Annotated, Area, Document, Options, Size, Stroke

NOWHERE = np.empty((0, 2))


def read_coco(source: Path, options: Options) -> Document:
    """A COCO file of images, annotations and categories.

    Polygons are painted by pycocotools; run lengths may be compressed or not. Keypoints of visibility 0 are left out.

    Raises:
        ScalerError: the file is no such file, or an annotation is broken; the message names its id.
    """
    root = read_json(source)
    if isinstance(root, list):
        raise ScalerError(
            f"{source}: a list, as COCO results are; expected an annotation file with images and categories."
        )
    expect(root, dict, str(source))
    categories, keypoints = _categories(root, source)
    images = _images(root, source)
    shapes: dict[Any, list[Area | Stroke]] = {key: [] for key in images}
    crowds = 0
    for annotation in field(root, "annotations", list, str(source)):
        where = f"{source}: annotation {expect(annotation, dict, f'{source}: annotations').get('id', '(no id)')}"
        image = _known(annotation, "image_id", images, where)
        label = _known(annotation, "category_id", categories, where)
        if annotation.get("iscrowd") and not options.crowds:
            crowds += 1
            continue
        joints = _keypoints(annotation, label, keypoints.get(label, []), options, where)
        pointed = bool(annotation.get("keypoints"))
        shapes[annotation["image_id"]] += [*_areas(annotation, label, image, options, where, pointed), *joints]
    return Document(
        [replace(image, shapes=tuple(shapes[key])) for key, image in images.items()],
        list(categories.values()),
        [source],
        [f"{crowds} crowd regions left out"] if crowds else [],
        sorted({name for names in keypoints.values() for name in names}),
    )


def _categories(root: dict[str, Any], source: Path) -> tuple[dict[Any, str], dict[str, list[str]]]:
    categories: dict[Any, str] = {}
    keypoints: dict[str, list[str]] = {}
    for number_, entry in enumerate(field(root, "categories", list, str(source))):
        where = f"{source}: category {number_}"
        name = field(expect(entry, dict, where), "name", str, where)
        if entry.get("id") in categories:
            raise ScalerError(f"{where}: the id {entry.get('id')} comes twice; give each category its own.")
        categories[field(entry, "id", int, where)] = name
        keypoints[name] = [str(joint) for joint in expect(entry.get("keypoints", []), list, f"{where}: keypoints")]
    return categories, keypoints


def _images(root: dict[str, Any], source: Path) -> dict[Any, Annotated]:
    images: dict[Any, Annotated] = {}
    for position, entry in enumerate(field(root, "images", list, str(source))):
        where = f"{source}: image {expect(entry, dict, f'{source}: images').get('id', f'number {position}')}"
        key = entry.get("id")
        if not isinstance(key, int | str) or isinstance(key, bool):
            raise ScalerError(f"{where}: the id must be a whole number or a text.")
        if key in images:
            raise ScalerError(f"{where}: the id comes twice; give each image its own.")
        size = None
        if entry.get("height") is not None or entry.get("width") is not None:
            size = size_of(entry.get("height"), entry.get("width"), where)
        name = safe_name(field(entry, "file_name", str, where), where)
        images[key] = Annotated(name, where, size, (), answered=True, beside=source.parent)
    return images


def _known(annotation: dict[str, Any], key: str, table: dict[Any, Any], where: str) -> Any:
    value = annotation.get(key)
    if isinstance(value, int | str) and value in table:
        return table[value]
    what = "images" if key == "image_id" else "categories"
    raise ScalerError(f"{where}: {key} {value!r} is not among the {what} of the file; the file is incomplete.")


def _areas(
    annotation: dict[str, Any], label: str, image: Annotated, options: Options, where: str, has_keypoints: bool
) -> list[Area]:
    segmentation = annotation.get("segmentation")
    kind = "crowd" if annotation.get("iscrowd") else ""
    if isinstance(segmentation, list) and segmentation:
        rings = [ring(expect(part, list, f"{where}: segmentation"), where) for part in segmentation]
        return [Area(label, where, partial(fill_coco, rings), np.concatenate(rings), kind or "polygon")]
    if isinstance(segmentation, dict):
        return [Area(label, where, _run_lengths(segmentation, image.size, where), NOWHERE, kind or "mask")]
    if segmentation:
        raise ScalerError(
            f"{where}: segmentation: expected polygons or run lengths, got {type(segmentation).__name__}."
        )
    if has_keypoints:
        return []
    if not options.boxes or not annotation.get("bbox"):
        raise ScalerError(
            f"{where}: a box without outline, as in detection sets; a box is no mask. "
            "Choose a segmentation file, or take boxes as objects by --boxes."
        )
    values = [number(value, f"{where}: bbox") for value in expect(annotation["bbox"], list, f"{where}: bbox")]
    if len(values) != 4 or values[2] <= 0 or values[3] <= 0:
        raise ScalerError(f"{where}: bbox: expected x, y, and a width and height above 0, got {annotation['bbox']}.")
    corners = box(values[0], values[1], values[0] + values[2], values[1] + values[3])
    return [Area(label, where, partial(fill, [corners]), corners, "box")]


def _run_lengths(segmentation: dict[str, Any], size: Size | None, where: str) -> Any:
    stated = field(segmentation, "size", list, f"{where}: segmentation")
    if len(stated) != 2:
        raise ScalerError(f"{where}: segmentation: size: expected height and width, got {stated}.")
    shape = size_of(stated[0], stated[1], f"{where}: segmentation: size")
    if size is not None and shape != size:
        raise ScalerError(
            f"{where}: run lengths for {shape[1]} x {shape[0]} pixels, but the image has {size[1]} x {size[0]}; "
            "the file mixes sizes. Export it again."
        )
    packed = segmentation.get("counts")
    place = f"{where}: segmentation: counts"
    given = packed if isinstance(packed, list) else _inflated(expect(packed, str, place), where)
    lengths = counts(given, shape[0] * shape[1], place)
    return lambda size: _of_size(unroll(lengths, shape, "F"), size, where)


def _inflated(text: str, where: str) -> list[int]:
    """The run lengths in COCO's text: 5 bits a letter from "0" on, the 6th says that more follow, least ones first.

    From the fourth on they are differences to the last but one. (pycocotools reads damaged texts without a word.)
    """
    lengths: list[int] = []
    value = shift = 0
    for letter in text:
        code = ord(letter) - ord("0")
        if not 0 <= code < 64:
            raise ScalerError(f"{where}: segmentation: counts: {letter!r} is no letter of compressed run lengths.")
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        lengths.append(value + lengths[-2] if len(lengths) > 2 else value)
        value = shift = 0
    if shift:
        raise ScalerError(f"{where}: segmentation: counts: the compressed run lengths end too early.")
    return lengths


def _of_size(mask: U8, size: Size, where: str) -> U8:
    if mask.shape != size:
        raise ScalerError(
            f"{where}: a mask of {mask.shape[1]} x {mask.shape[0]} for an image of {size[1]} x {size[0]}."
        )
    return mask


def _keypoints(annotation: dict[str, Any], label: str, names: list[str], options: Options, where: str) -> list[Stroke]:
    values = annotation.get("keypoints") or []
    numbers = [number(value, f"{where}: keypoints") for value in expect(values, list, f"{where}: keypoints")]
    if len(numbers) % 3:
        raise ScalerError(f"{where}: {len(numbers)} keypoint values; expected triples of x, y and visibility.")
    strokes = []
    for index in range(len(numbers) // 3):
        x, y, visibility = numbers[3 * index : 3 * index + 3]
        name = names[index] if index < len(names) else ""
        if visibility:
            strokes.append(Stroke(name if name in options.background else label, where, np.asarray([[x, y]])))
    return strokes
