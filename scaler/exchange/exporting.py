"""`python -m scaler export FORMAT ...`: labels or predictions out to annotation tools."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from scaler.errors import Fault, Faults, ScalerError
from scaler.exchange.export_formats import WRITERS
from scaler.exchange.objects import ExportImage
from scaler.exchange.staging import staged, staged_files


def export_annotations(
    kind: str,
    images: list[ExportImage],
    out: Path,
    *,
    label: str = "object",
    polygons: bool | None = None,
    tolerance: float = 0.0,
    with_images: bool = False,
    overwrite: bool = False,
) -> list[str]:
    """Write annotation files of one object per connected part of each mask; all of them or none.

    Args:
        kind: a key of `WRITERS`.
        images: what to export.
        out: a folder; new, or with other files in it.
        label: name of the category.
        polygons: outlines instead of pixels; None for what the tool edits best.
        tolerance: pixels by which outlines may be simpler; 0 reproduces the mask exactly.
        with_images: copy the images too (into `images/`, for Labelme beside the files).
        overwrite: replace files that are there.

    Returns:
        The summary, line by line.

    Raises:
        ScalerError: a mask is unreadable or of another size, or a file is in the way. Nothing was written then.
    """
    writer, best = WRITERS[kind]
    with staged(out) as staging:
        faults = Faults(out)
        for name, content in writer(_read(images, faults), label, best if polygons is None else polygons, tolerance):
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        faults.raise_if_errors()
        if with_images:
            for image in images:
                target = staging / ("" if kind == "labelme" else "images") / image.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(image.path, target)
        written = _move(staging, out, overwrite)
    labelled, turned = sum(image.mask is not None for image in images), sum(image.turned for image in images)
    lines = [f"{out}: {len(images)} images, {labelled} of them labelled; {written} files"]
    if turned:
        lines.append(
            f"{turned} images have an EXIF orientation, which some tools ignore; shapes are those of the upright image"
        )
    return lines


def _read(images: list[ExportImage], faults: Faults) -> Iterator[ExportImage]:
    """The images with their masks read; those whose mask is not readable go to `faults`."""
    for image in images:
        with faults.collect([image.id]):
            mask = None if image.mask is None else image.mask()
            yield replace(image, mask=None if mask is None else partial(np.asarray, mask))


def _move(staging: Path, out: Path, overwrite: bool) -> int:
    paths, faults = staged_files(staging), Faults(out)
    if not paths:
        raise ScalerError(Fault("nothing_to_export", (), "nothing to export: none of the images has a label"))
    targets = {path: out / path.relative_to(staging) for path in paths}
    for target in targets.values():
        if target.exists() and not overwrite:
            remedy = "choose another --out, or --overwrite to replace it"
            faults.add(Fault("in_the_way", (target,), "is there already", remedy))
    faults.raise_if_errors()
    for path, target in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
    return len(paths)
