"""Label Studio's JSON export, brushes and pre-annotations' shapes included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from scaler.data.decode import SUFFIXES
from scaler.data.folder import OTHER_PICTURES
from scaler.errors import ScalerError
from scaler.exchange.label_studio_shapes import KINDS, shape_of
from scaler.exchange.parsing import expect, field, read_json, safe_name, size_of
from scaler.exchange.shapes import Annotated, Area, Document, Options, Size, Stroke


def read_label_studio(source: Path, options: Options) -> Document:
    """A JSON export (not JSON-MIN): a list of tasks with their annotations.

    Cancelled annotations count as not annotated; predictions are left aside. An image is looked for by the path in its
    address, then by its name, then by its name without the letters that an upload puts before it.

    Raises:
        ScalerError: no such file; several annotations of one task (unless told what to do); a broken region.
    """
    tasks = read_json(source)
    if not isinstance(tasks, list):
        raise ScalerError(f"{source}: expected a list of tasks, as Label Studio exports as JSON.")
    left_out: Counter[str] = Counter()
    images = [
        _task(task, f"{source}: task {_key(task, number)}", source, options, left_out)
        for number, task in enumerate(tasks)
    ]
    labels = sorted({shape.label for image in images for shape in image.shapes})
    return Document(images, labels, [source], [f"{n} {what} left out" for what, n in sorted(left_out.items())])


def _key(task: Any, number: int) -> Any:
    return task.get("id", f"number {number}") if isinstance(task, dict) else f"number {number}"


def _task(task: Any, where: str, source: Path, options: Options, left_out: Counter[str]) -> Annotated:
    expect(task, dict, where)
    if "annotations" not in task or "data" not in task:
        raise ScalerError(f"{where}: no data and annotations; export as JSON (not JSON-MIN, not a list of files).")
    left_out["predictions"] += len(task.get("predictions") or [])
    data = field(task, "data", dict, where)
    address = _address(data, where)
    given = [expect(entry, dict, f"{where}: annotations") for entry in field(task, "annotations", list, where)]
    kept = [entry for entry in given if not entry.get("was_cancelled")]
    left_out["cancelled annotations"] += len(given) - len(kept)
    if len(kept) > 1 and options.several == "refuse":
        raise ScalerError(
            f"{where}: {len(kept)} annotations of one image; say what counts by --several last (the latest change) "
            "or --several union."
        )
    if options.several == "last":
        kept = sorted(kept, key=lambda entry: str(entry.get("updated_at") or entry.get("created_at") or ""))[-1:]
    shapes: list[Area | Stroke] = []
    size: Size | None = None
    for entry in kept:
        place = f"{where}: annotation {entry.get('id', '(no id)')}"
        for region in _regions(field(entry, "result", list, place), place, left_out):
            size = _size(region, size, place)
            shapes += shape_of(region, size, f"{place}: region {region.get('id', '(no id)')}")
    name = safe_name(_path_of(address, where), where)
    return Annotated(name, where, size, tuple(shapes), answered=bool(kept), beside=source.parent, strip=True)


def _address(data: dict[str, Any], where: str) -> str:
    known = (*SUFFIXES, *OTHER_PICTURES)
    found = {key: value for key, value in data.items() if isinstance(value, str)}
    pictures = {k: v for k, v in found.items() if PurePosixPath(_path_of(v, where)).suffix.lower() in known}
    if "image" in found:
        return found["image"]
    if len(pictures) != 1:
        raise ScalerError(
            f"{where}: data: expected one address of an image, found {', '.join(pictures) or 'none'}; "
            "name the image's key 'image'."
        )
    return next(iter(pictures.values()))


def _path_of(address: str, where: str) -> str:
    """The part of an address that is a path: of URLs, of cloud storage, of local files (?d=...)."""
    try:
        parts = urlsplit(address)
    except ValueError:
        raise ScalerError(f"{where}: {address[:60]!r} is no address of an image.") from None
    local = parse_qs(parts.query).get("d")
    path = local[0] if local else unquote(parts.path) if parts.scheme or address.startswith("/") else address
    return path.removeprefix("/data/").lstrip("/")


def _regions(results: list[Any], where: str, left_out: Counter[str]) -> Iterator[dict[str, Any]]:
    """Regions with a shape; where a tool keeps shape and labels apart, under one id, only the labelled one."""
    labelled = {entry.get("id") for entry in results if isinstance(entry, dict) and entry.get("type") == "labels"}
    for entry in results:
        kind = field(expect(entry, dict, where), "type", str, where)
        if kind not in KINDS:
            left_out[f"results of type {kind}"] += 1
        elif not (kind == KINDS[kind] and entry.get("id") in labelled):
            yield entry


def _size(region: dict[str, Any], before: Size | None, where: str) -> Size:
    size = size_of(region.get("original_height"), region.get("original_width"), f"{where}: original")
    if before is not None and size != before:
        raise ScalerError(f"{where}: regions for images of two sizes, {before} and {size} (height, width).")
    if region.get("image_rotation"):
        raise ScalerError(
            f"{where}: the image was turned by {region['image_rotation']} degrees in Label Studio; "
            "set it upright there, check the regions, and export again."
        )
    return size
