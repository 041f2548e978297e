"""Everything that was seen of one sample, and the findings that it gives by itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scaler.data.checks.findings import Findings
from scaler.data.checks.inventory import Collected, Item, add_refusal, relative
from scaler.data.checks.looks import ImageLook, MarksLook, MaskLook, look_at_image, look_at_marks, look_at_mask
from scaler.data.checks.pictures import Told, check_image, check_marks, check_mask, check_turn
from scaler.data.points_files import is_points
from scaler.data.reading import read_sample
from scaler.errors import ScalerError
from scaler.params import PrepareDataParams

U8 = NDArray[np.uint8]


class Record(NamedTuple):
    """One sample; None where a file is absent, or was refused."""

    item: Item
    image: ImageLook | None
    mask: MaskLook | None
    marks: MarksLook | None


def examine_item(item: Item, params: PrepareDataParams, hashed: bool, findings: Findings) -> Record:
    """Look at one sample's files and tell what is wrong with them; each file is looked at, whatever the others are.

    Args:
        item: the sample.
        params: `supervision` decides whether marks are read at all.
        hashed: whether to take the fingerprints that duplicates are found by.
        findings: gets an error per refused file, and the checks of `scaler.data.checks.pictures`.
    """
    image = _try_image(item, hashed, findings)
    seen = _try_mask(item, findings)
    mask, pixels = (None, None) if seen is None else seen
    is_read = params.supervision in ("points", "scribbles") and item.split == "train"
    marks = _try_marks(item, params, image, pixels, findings) if is_read else None
    if image is not None and any(look is not None and look.size != image.size for look in (mask, marks)):
        read_sample(item.sample, params, Collected(findings, "size_differs"))
        return Record(item, image, None, None)
    source = findings.source
    if image is not None:
        _tell(findings, item, item.image, source, [*check_image(image), *check_turn(image, mask)])
        if image.stored.format not in ("unknown", "MPO"):
            _check_suffix(item, item.image, image.stored.format, findings)
    if mask is not None and item.mask is not None:
        _tell(findings, item, item.mask, source, check_mask(mask))
        _check_suffix(item, item.mask, mask.stored.format, findings)
    if marks is not None and item.marks is not None:
        _tell(findings, item, item.marks, source, check_marks(marks))
    return Record(item, image, mask, marks)


def _try_image(item: Item, hashed: bool, findings: Findings) -> ImageLook | None:
    try:
        return look_at_image(item.image, hashed)
    except ScalerError as error:
        add_refusal(findings, "image_unreadable", str(error), (item.id,))
        return None


def _try_mask(item: Item, findings: Findings) -> tuple[MaskLook, U8] | None:
    if item.mask is None:
        return None
    try:
        return look_at_mask(item.mask)
    except ScalerError as error:
        add_refusal(findings, "mask_refused", str(error), (item.id,))
        return None


def _try_marks(
    item: Item, params: PrepareDataParams, image: ImageLook | None, mask: U8 | None, findings: Findings
) -> MarksLook | None:
    if item.marks is None or (image is None and is_points(item.marks)):
        return None  # where points lie can be told on their image only
    width, height = (0, 0) if image is None else image.size
    try:
        return look_at_marks(item.sample, (height, width), params, mask)
    except ScalerError as error:
        add_refusal(findings, "marks_refused", str(error), (item.id,))
        return None


def _tell(findings: Findings, item: Item, path: Path, source: Path, told: Sequence[Told]) -> None:
    for severity, kind, reason, cure in told:
        findings.add(severity, kind, [relative(path, source)], reason, cure, [item.id])


SUFFIXES_OF = {
    "JPEG": (".jpg", ".jpeg"),
    "PNG": (".png",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp",),
    "GIF": (".gif",),
}


def _check_suffix(item: Item, path: Path, stored: str, findings: Findings) -> None:
    if stored in SUFFIXES_OF and path.suffix.lower() not in SUFFIXES_OF[stored]:
        reason = f"named {path.suffix}, but it holds a {stored}"
        cure = "nothing for this program, which reads the contents; other programs may refuse it"
        findings.add("note", "suffix_wrong", [relative(path, findings.source)], reason, cure, [item.id])
