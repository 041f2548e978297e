"""Label Studio's JSON export."""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from scaler.data.decode import SUFFIXES, UNREAD_SUFFIXES
from scaler.errors import Faults
from scaler.exchange.label_studio_shapes import KINDS, NO_SHAPES, labels_of_region, shape_of
from scaler.exchange.parsing import DATA_URI, base64_bytes, broken, expect, field, read_json, size_of, wh
from scaler.exchange.shapes import Annotated, Document, ImportOptions, Shape, Size, Unread, labels_of, read_shapes

UPLOADED = re.compile(r"^[0-9a-f]{8}-")  # what an upload puts before the name


def read_label_studio(source: Path, options: ImportOptions, faults: Faults) -> Document:
    """A JSON export (not JSON-MIN): a list of tasks with their annotations.

    Cancelled annotations count as not annotated; predictions are set aside. An image is looked for by the path in its
    address, then by its name, then by its name without the letters that an upload puts before it. Broken tasks and
    regions go to `faults`.

    Raises:
        ScalerError: it is not such a file.
    """
    tasks = read_json(source)
    if not isinstance(tasks, list):
        reason = "expected a list of tasks, as Label Studio exports as JSON"
        raise broken(source, reason, "export as JSON", "not_label_studio")
    aside = Counter[str]()
    images = []
    for number, task in enumerate(tasks):
        with faults.collect():
            images.append(_task(task, number, source, options, aside))
    return Document(images, labels_of(images), [source], [f"{n} {what} set aside" for what, n in sorted(aside.items())])


def _task(task: Any, number: int, source: Path, options: ImportOptions, aside: Counter[str]) -> Annotated:
    key = task.get("id", f"number {number}") if isinstance(task, dict) else f"number {number}"
    where = f"{source.name}: task {key}"
    expect(task, dict, where)
    given_as = "annotations" if "annotations" in task else "completions"  # before Label Studio 1.0
    if given_as not in task or "data" not in task:
        raise broken(where, "no data and annotations", "export as JSON (not JSON-MIN)", "not_label_studio")
    if predictions := task.get("predictions"):
        aside["predictions"] += len(expect(predictions, list, f"{where}: predictions"))
    address = _address(field(task, "data", dict, where), where)
    given = [expect(entry, dict, f"{where}: annotations") for entry in field(task, given_as, list, where)]
    kept = [entry for entry in given if not entry.get("was_cancelled")]
    if len(kept) < len(given):
        aside["cancelled annotations"] += len(given) - len(kept)
    if options.several == "last":
        kept = sorted(kept, key=lambda entry: str(entry.get("updated_at") or entry.get("created_at") or ""))[-1:]
    shapes: list[Shape] = []
    if len(kept) > 1 and options.several == "refuse":
        shapes = read_shapes(None, partial(_refuse_several, where, len(kept)))
        kept = []
    sizes: list[Size] = []
    for entry in kept:
        at = f"{where}: annotation {entry.get('id', '(no id)')}"
        for region in _regions(field(entry, "result", list, at), at):
            place = f"{at}: region {region.get('id', '(no id)')}"
            for label in labels_of_region(region):
                shapes += read_shapes(label, partial(_read_region, region, label, sizes, place))
    size = sizes[0] if sizes else None
    roots = (source.parent, source.parent / "images")
    if address.startswith(DATA_URI):
        name = f"task_{task.get('id', number)}"
        content = base64_bytes(address, f"{where}: data")
        return Annotated(where, (name,), size, tuple(shapes), bool(kept or shapes), roots, embedded=content)
    path = _path_of(address, where)
    name = PurePosixPath(path.replace("\\", "/")).name
    names = (path, name, UPLOADED.sub("", name))
    return Annotated(where, names, size, tuple(shapes), bool(kept or shapes), roots)


def _refuse_several(where: str, count: int) -> list[Shape]:
    remedy = "choose --several last (the latest change) or --several union"
    raise broken(where, f"{count} annotations of one image", remedy, "several_annotations")


def _address(data: dict[str, Any], where: str) -> str:
    known = (*SUFFIXES, *UNREAD_SUFFIXES)
    found = {key: value for key, value in data.items() if isinstance(value, str)}
    images = {
        key: value
        for key, value in found.items()
        if value.startswith(f"{DATA_URI}image/") or PurePosixPath(_path_of(value, where)).suffix.lower() in known
    }
    if "image" in found:
        return found["image"]
    if len(images) != 1:
        reason = f"expected one address of an image, found {', '.join(images) or 'none'}"
        raise broken(f"{where}: data", reason, "name the image's key 'image'")
    return next(iter(images.values()))


def _path_of(address: str, where: str) -> str:
    """The part of an address that is a path: of URLs, of cloud storage, of local files (?d=...), of Windows."""
    if re.match(r"[A-Za-z]:[\\/]", address):
        return address
    try:
        parts = urlsplit(address)
    except ValueError:
        raise broken(where, f"{address[:60]!r} is not the address of an image") from None
    local = parse_qs(parts.query).get("d")
    path = local[0] if local else unquote(parts.path) if parts.scheme or address.startswith("/") else address
    return path.removeprefix("/data/").lstrip("/\\")


def _regions(results: list[Any], where: str) -> list[dict[str, Any]]:
    """Results with a shape; where a tool keeps shape and labels apart, under one id, only the labelled one."""
    entries = [expect(entry, dict, where) for entry in results]
    labelled = {str(entry.get("id")) for entry in entries if entry.get("type") == "labels"}
    kept = []
    for entry in entries:
        kind = field(entry, "type", str, where)
        if kind not in NO_SHAPES and not (KINDS.get(kind) == kind and str(entry.get("id")) in labelled):
            kept.append(entry)
    return kept


def _read_region(region: dict[str, Any], label: str, sizes: list[Size], where: str) -> list[Shape]:
    """One region with one of its labels; `sizes` remembers the image's."""
    if region["type"] not in KINDS:
        return [Unread(label, f"regions of type {region['type']}")]
    size = size_of(region.get("original_height"), region.get("original_width"), f"{where}: original")
    if sizes and size != sizes[0]:
        raise broken(where, f"drawn on an image of {wh(size)} pixels, the regions before on one of {wh(sizes[0])}")
    sizes[:] = [size]
    if region.get("image_rotation"):
        reason = f"the image was rotated by {region['image_rotation']} degrees in Label Studio"
        raise broken(where, reason, "set it upright there, check the regions, and export again", "image_rotated")
    return [shape_of(region, label, size, where)]
