"""COCO instances and keypoints."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from scaler.errors import Fault, Faults, ScalerError
from scaler.exchange.parsing import broken, counts, expect, field, number, pairs, read_json, ring, size_of, wh
from scaler.exchange.raster import box, fill, fill_coco, unroll
from scaler.exchange.shapes import (
    U8,
    Annotated,
    Area,
    Document,
    ImportOptions,
    Shape,
    Size,
    Stroke,
    Unread,
    read_shapes,
)

NOWHERE = np.empty((0, 2))


def read_coco(source: Path, options: ImportOptions, faults: Faults) -> Document:
    """A COCO file of images, annotations and categories.

    Polygons are painted by pycocotools; run lengths may be compressed or not. Keypoints of visibility 0 are left out.
    Broken entries go to `faults`.

    Raises:
        ScalerError: it is not such a file.
    """
    root = read_json(source)
    if isinstance(root, list):
        reason = "a list, as COCO results are; expected an annotation file with images and categories"
        raise broken(source, reason, "choose the annotation file", "not_coco")
    at, keys = str(source), ("images", "annotations", "categories")
    images, annotations, categories = (field(expect(root, dict, at), key, list, at) for key in keys)
    file = _CocoFile(source.name, options, faults)
    file.read_categories(categories)
    file.read_images(images, source.parent)
    known = len(faults.of("error"))
    for where, entry in file.entries(annotations, "annotation"):
        with faults.collect():
            file.read_annotation(where, entry)
    lost = len(faults.of("error")) > known  # annotations that may be of any image, so that none is surely empty
    return Document(
        [
            replace(image, shapes=tuple(file.shapes[key]), answered=bool(file.shapes[key]) or not lost)
            for key, image in file.images.items()
        ],
        list(file.categories.values()),
        [source],
        keypoints=sorted({name for names in file.keypoints.values() for name in names}),
    )


class _CocoFile:
    """The tables of one file while they fill."""

    def __init__(self, name: str, options: ImportOptions, faults: Faults) -> None:
        self._name, self._options, self._faults = name, options, faults
        self.categories: dict[Any, str] = {}
        self.keypoints: dict[Any, list[str]] = {}
        self.images: dict[Any, Annotated] = {}
        self.shapes: dict[Any, list[Shape]] = {}
        self._ids: set[Any] = set()  # of broken images too
        self._texts: dict[str, list[Shape]] = {}  # the shapes by the text of the image's id

    def entries(self, values: list[Any], what: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each object of a list with its place; others are faults."""
        for position, entry in enumerate(values):
            key = entry.get("id") if isinstance(entry, dict) else None
            where = f"{self._name}: {what} {f'number {position}' if key is None else key}"
            with self._faults.collect():
                yield where, expect(entry, dict, where)

    def read_categories(self, values: list[Any]) -> None:
        for where, entry in self.entries(values, "category"):
            with self._faults.collect():
                key = _id(entry, where)
                if self._options.categories and not isinstance(entry.get("name"), str):
                    continue  # it is not among the chosen ones
                name = field(entry, "name", str, where)
                joints = [str(joint) for joint in expect(entry.get("keypoints") or [], list, f"{where}: keypoints")]
                if self.categories.setdefault(key, name) != name:
                    reason = f"the id {key} stands for {self.categories[key]!r} and for {name!r}"
                    raise broken(where, reason, "give each category its own id", "id_twice")
                self.keypoints[key] = joints

    def read_images(self, values: list[Any], folder: Path) -> None:
        for where, entry in self.entries(values, "image"):
            with self._faults.collect():
                key = _id(entry, where)
                if key in self._ids:
                    raise broken(where, "two images have this id", "give each image its own", "id_twice")
                self._ids.add(key)
                name = field(entry, "file_name", str, where)
                stated = (entry.get("height"), entry.get("width"))
                size = None if stated == (None, None) else size_of(*stated, where)
                self.images[key] = Annotated(where, (name,), size, (), True, (folder, folder / "images"))
                self.shapes[key] = self._texts[str(key)] = []

    def read_annotation(self, where: str, entry: dict[str, Any]) -> None:
        try:
            _known(entry, "image_id", self._ids, where)
        except ScalerError as error:
            likely = self._texts.get(str(entry.get("image_id")))
            if likely is None:
                raise
            likely.append(Unread(None, faults=error.faults))
            return
        image = self.images.get(entry["image_id"])
        if image is None:  # broken itself, and reported
            return
        category = entry.get("category_id")
        label = self.categories.get(category) if isinstance(category, int | float | str) else None
        if label is None and self._options.categories:
            shapes: list[Shape] = [Unread("(unknown category)")]
        elif label is None:
            shapes = read_shapes(None, partial(_known, entry, "category_id", self.categories, where))
        elif entry.get("iscrowd") and not self._options.crowds:
            shapes = [Unread(label, "crowd regions (--without-crowds)")]
        else:
            shapes = read_shapes(label, lambda: self._shapes(entry, label, image.size, where))
        self.shapes[entry["image_id"]] += shapes

    def _shapes(self, entry: dict[str, Any], label: str, size: Size | None, where: str) -> list[Shape]:
        joints = _joints(entry, where)
        names = self.keypoints.get(entry["category_id"], [])
        strokes: list[Shape] = []
        for index, (x, y, visibility) in enumerate(joints):
            name = names[index] if index < len(names) else ""
            if visibility:
                label_ = name if name in self._options.background else label
                strokes.append(Stroke(label_, where, np.asarray([[x, y]])))
        areas = self._areas(entry, label, size, where, only_points=bool(joints))
        return [*areas, *strokes] or [Unread(label, "annotations with invisible keypoints only")]

    def _areas(
        self, entry: dict[str, Any], label: str, size: Size | None, where: str, *, only_points: bool
    ) -> list[Area]:
        segmentation = entry.get("segmentation")
        kind = "crowd" if entry.get("iscrowd") else ""
        if isinstance(segmentation, dict):
            return [Area(label, where, _run_lengths(segmentation, size, where), NOWHERE, kind or "mask")]
        if isinstance(segmentation, list) and segmentation:
            rings = self._rings(segmentation, where)
            return [Area(label, where, partial(fill_coco, rings), np.concatenate(rings), kind or "polygon")]
        if segmentation:
            reason = f"expected polygons or run lengths, got {type(segmentation).__name__}"
            raise broken(f"{where}: segmentation", reason)
        if only_points:
            return []
        if not self._options.boxes or not entry.get("bbox"):
            reason = "a box without outline, as in detection sets; a box is no mask"
            raise broken(
                where, reason, "choose a segmentation file, or count boxes as objects with --boxes", "box_only"
            )
        values = [number(value, f"{where}: bbox") for value in expect(entry["bbox"], list, f"{where}: bbox")]
        if len(values) != 4 or values[2] <= 0 or values[3] <= 0:
            raise broken(f"{where}: bbox", f"expected x, y, and a width and height above 0, got {entry['bbox']}")
        corners = box(values[0], values[1], values[0] + values[2], values[1] + values[3])
        return [Area(label, where, partial(fill, [corners]), corners, "box")]

    def _rings(self, segmentation: list[Any], where: str) -> list[Any]:
        """The polygons of a segmentation: flat lists of x, y, x, y, ..., or lists of pairs, or one such list alone.

        Rings of one or two points beside good ones enclose nothing; they are left out with a warning.
        """
        at = f"{where}: segmentation"
        alone = not any(isinstance(part, list) for part in segmentation)
        parts = [_flat(part, at) for part in ([segmentation] if alone else segmentation)]
        short = [part for part in parts if len(part) in (2, 4)]
        if 0 < len(short) < len(parts):
            reason = "polygons of one or two points enclose nothing and are left out"
            self._faults.add(Fault("ring_without_area", (where,), reason, severity="warning"))
            parts = [part for part in parts if len(part) not in (2, 4)]
        return [ring(part, at) for part in parts]


def _id(entry: dict[str, Any], where: str) -> int | str:
    """A whole number, which table programs may have written as 1.0, or text."""
    key = entry.get("id")
    if isinstance(key, float) and key.is_integer():
        return int(key)
    if not isinstance(key, int | str) or isinstance(key, bool):
        raise broken(where, f"expected a whole number or text as id, got {key!r}")
    return key


def _flat(part: Any, where: str) -> list[Any]:
    """x, y, x, y, ... of one polygon, which may be written as pairs."""
    nested = isinstance(part, list) and part and all(isinstance(pair, list) for pair in part)
    return pairs(part, where).reshape(-1).tolist() if nested else expect(part, list, where)


def _known(entry: dict[str, Any], key: str, table: Collection[Any], where: str) -> list[Shape]:
    """No shapes; or the error that an id is not in its table."""
    value = entry.get(key)
    if isinstance(value, int | float | str) and value in table:
        return []
    what = "images" if key == "image_id" else "categories"
    reason = f"the id is not among the {what} of the file"
    if isinstance(value, str) != isinstance(next(iter(table), value), str):
        reason += f", whose ids are {'numbers' if isinstance(value, str) else 'text'}"
    raise broken(f"{where}: {key} {value!r}", reason, f"add it to {what}, or correct it", "id_unknown")


def _joints(entry: dict[str, Any], where: str) -> list[list[float]]:
    at = f"{where}: keypoints"
    numbers = [number(value, at) for value in expect(entry.get("keypoints") or [], list, at)]
    if len(numbers) % 3:
        raise broken(at, f"{len(numbers)} values; expected triples of x, y and visibility")
    return [numbers[index : index + 3] for index in range(0, len(numbers), 3)]


def _run_lengths(segmentation: dict[str, Any], size: Size | None, where: str) -> partial[U8]:
    at = f"{where}: segmentation"
    stated = field(segmentation, "size", list, at)
    if len(stated) != 2:
        raise broken(f"{at}: size", f"expected height and width, got {stated}")
    shape = size_of(stated[0], stated[1], f"{at}: size")
    if size is not None and shape != size:
        reason = f"run lengths for {wh(shape)} pixels, but the file says that the image has {wh(size)}"
        raise broken(where, reason, "export the file again", "size_differs")
    packed = segmentation.get("counts")
    given = packed if isinstance(packed, list) else _inflated(expect(packed, str, f"{at}: counts"), f"{at}: counts")
    return partial(_unrolled, counts(given, shape[0] * shape[1], f"{at}: counts"), shape, where)


def _inflated(text: str, where: str) -> list[int]:
    """The run lengths in COCO's text: 5 bits a letter from "0" on, the 6th says that more follow, least ones first.

    From the fourth on they are differences to the last but one. (pycocotools accepts damaged text silently.)
    """
    if text.startswith(("b'", 'b"')):
        raise broken(
            where, "text that Python printed of bytes (b'...')", "write counts.decode() instead", "run_lengths"
        )
    lengths: list[int] = []
    value = shift = 0
    for letter in text:
        code = ord(letter) - ord("0")
        if not 0 <= code < 64:
            raise broken(where, f"{letter!r} does not occur in compressed run lengths", "export again", "run_lengths")
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        lengths.append(value + lengths[-2] if len(lengths) > 2 else value)
        value = shift = 0
    if shift:
        raise broken(where, "the compressed run lengths end too early", "export again", "run_lengths")
    return lengths


def _unrolled(lengths: list[int], shape: Size, where: str, size: Size) -> U8:
    if shape != size:
        raise broken(where, f"a mask of {wh(shape)} for an image of {wh(size)}", "export again", "size_differs")
    return unroll(lengths, shape, "F")
