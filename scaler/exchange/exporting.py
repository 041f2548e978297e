"""`python -m scaler export FORMAT ...`: labels or predictions out to annotation tools."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from scaler.errors import ScalerError
from scaler.exchange.export_formats import WRITERS
from scaler.exchange.objects import Item


def export_annotations(
    kind: str,
    items: list[Item],
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
        items: what to export.
        out: a folder; new, or with other files in it.
        label: name of the category.
        polygons: outlines instead of pixels; None for what the tool edits best.
        tolerance: pixels by which outlines may be simpler; 0 gives back the very same mask.
        with_images: copy the images too (into `images/`, for Labelme beside the files).
        overwrite: replace files that are there.

    Returns:
        The summary, line by line.

    Raises:
        ScalerError: a mask is unreadable or of another size, or a file is in the way. Nothing was written then.
    """
    writer, best = WRITERS[kind]
    try:
        out.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".export-", dir=out))
    except OSError as error:
        raise ScalerError(f"{out}: cannot be written to ({error.strerror}); choose another --out.") from None
    try:
        for name, content in writer(items, label, best if polygons is None else polygons, tolerance):
            _put(staging / name, content)
        if with_images:
            for item in items:
                target = staging / ("" if kind == "labelme" else "images") / item.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(item.image, target)
        written = _move(staging, out, overwrite)
    except OSError as error:
        raise ScalerError(
            f"{error.filename or out}: cannot be written ({error.strerror}); make room or check it."
        ) from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return _told(items, out, written)


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _move(staging: Path, out: Path, overwrite: bool) -> int:
    paths = sorted(path for path in staging.rglob("*") if path.is_file())
    if not paths:
        raise ScalerError("nothing to export: none of the images has a label.")
    for path in paths:
        target = out / path.relative_to(staging)
        if target.exists() and not overwrite:
            raise ScalerError(f"{target}: is there already; another --out, or --overwrite to replace it.")
    for path in paths:
        target = out / path.relative_to(staging)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
    return len(paths)


def _told(items: list[Item], out: Path, written: int) -> list[str]:
    labelled = sum(item.mask is not None for item in items)
    lines = [f"{out}: {len(items)} images, {labelled} of them labelled; {written} files"]
    if turned := sum(item.turned for item in items):
        lines.append(
            f"{turned} images carry an EXIF turn, which some tools ignore; sizes and shapes are of the upright image"
        )
    return lines
