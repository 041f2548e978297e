"""A source of any format, read and merged, image by image; the summary of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from scaler.artifacts.filehash import sha256
from scaler.data.problems import Problems
from scaler.errors import ScalerError
from scaler.exchange.merge import Merged, Tally, check_names, merge
from scaler.exchange.pictures import Picture, find_picture, pictures_by_id
from scaler.exchange.read_coco import read_coco
from scaler.exchange.read_cvat import read_cvat
from scaler.exchange.read_label_studio import read_label_studio
from scaler.exchange.read_labelme import read_labelme
from scaler.exchange.read_masks import read_masks
from scaler.exchange.read_yolo import read_yolo
from scaler.exchange.shapes import Annotated, Document, Options

READERS: dict[str, Callable[[Path, Options], Document]] = {
    "coco": read_coco,
    "labelme": read_labelme,
    "cvat": read_cvat,
    "yolo": read_yolo,
    "label-studio": read_label_studio,
    "masks": read_masks,
}


def read_document(kind: str, source: Path, options: Options) -> Document:
    """The images and shapes of a source; nothing is painted yet.

    Raises:
        ScalerError: there is no such source, no image in it, or a category that it lacks; see the format's reader.
    """
    if not source.exists():
        raise ScalerError(f"{source}: no such file or folder.")
    if options.images is not None and not options.images.is_dir():
        raise ScalerError(f"--images: {options.images}: no such folder.")
    document = READERS[kind](source, options)
    if not document.images:
        raise ScalerError(f"{source}: no image in this source; is it a {kind} file?")
    check_names(document, options)
    return document


def paired(document: Document, options: Options, problems: Problems) -> list[tuple[Annotated, Picture]]:
    """Each entry with its image; missing images and two entries for one image go to `problems`.

    Images of a scanned folder that no entry names come last, as not annotated.
    """
    found: dict[str, tuple[Annotated, Picture]] = {}
    for image in document.images:
        try:
            picture = find_picture(image, options)
        except ScalerError as error:
            problems.add(str(error))
            continue
        if picture.id in found:
            problems.add(
                f"{image.where}: the image {picture.id} comes twice, first in {found[picture.id][0].where}; "
                "keep one entry, or give the images different names."
            )
        else:
            found[picture.id] = (image, picture)
    if document.scan is not None and document.scan.is_dir():
        for key, path in pictures_by_id(document.scan).items():
            if key not in found:
                entry = Annotated(path.relative_to(document.scan).as_posix(), str(path), None, (), answered=False)
                found[key] = (entry, find_picture(replace(entry, beside=document.scan), options))
    return [found[key] for key in sorted(found)]


def merged(
    pairs: list[tuple[Annotated, Picture]], options: Options, problems: Problems, tally: Tally
) -> Iterator[Merged]:
    """Mask and marks of each image in turn; faults go to `problems`."""
    for image, picture in pairs:
        try:
            yield merge(image, picture, options, tally)
        except ScalerError as error:
            problems.add(str(error))


def fingerprint(document: Document) -> str:
    """SHA-256 (hex) of the source: of its file, or of the list of its files' names and digests."""
    if len(document.sources) == 1:
        return sha256(document.sources[0])
    lines = [f"{path.name}\0{sha256(path)}\n" for path in document.sources]
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


def date_of(document: Document) -> str:
    """When the newest file of the source was written, ISO 8601, UTC."""
    newest = max(path.stat().st_mtime for path in document.sources)
    return datetime.fromtimestamp(int(newest), UTC).isoformat()


def told(document: Document, tally: Tally, options: Options) -> list[str]:
    """The summary's lines about what was read."""
    objects = ", ".join(f"{name} {n}" for name, n in sorted(tally.objects.items())) or "none"
    lines = [f"{sum(tally.objects.values())} objects and marks: {objects}"]
    for phrase, n in sorted(tally.counts.items()):
        beyond = f" (at most {tally.overhang:.1f} pixels)" if "cut at" in phrase else ""
        lines.append(f"{n} {phrase}{beyond}")
    empty = sum(n for phrase, n in tally.counts.items() if phrase.startswith("images with"))
    if empty and not options.empty_is_background:
        lines.append(
            f"{empty} images without object were left unlabelled; if they were looked at and hold none, "
            "--empty-is-background gives them an empty mask"
        )
    elif empty:
        lines.append(f"{empty} images without object got an empty mask (--empty-is-background)")
    return [*lines, *document.remarks]
