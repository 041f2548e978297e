"""Everything that is known of one sample, and its own faults."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scaler.data.checks.looks import ImageLook, MarksLook, MaskLook, look_at_image, look_at_marks, look_at_mask
from scaler.data.checks.pictures import check_image, check_marks, check_mask, check_turn
from scaler.data.folder import Sample
from scaler.data.points_files import is_points
from scaler.data.reading import other_size, skippable
from scaler.errors import Fault, Faults
from scaler.params import PrepareDataParams

U8 = NDArray[np.uint8]
SUFFIXES_OF = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
    "GIF": (".gif",),
    "WEBP": (".webp",),
    "JPEG2000": (".jp2", ".j2k", ".jpx"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
}


class SampleLook(NamedTuple):
    """One sample; None for a file that is absent or was refused."""

    sample: Sample
    image: ImageLook | None
    mask: MaskLook | None
    marks: MarksLook | None


def look_at_sample(sample: Sample, params: PrepareDataParams, hashed: bool, faults: Faults) -> SampleLook:
    """Look at each file of one sample, whatever is wrong with the others.

    Args:
        sample: the sample.
        params: `supervision` decides whether marks are read at all.
        hashed: whether to compute the fingerprints by which duplicates are found.
        faults: gets an error per refused file, and the checks of `scaler.data.checks.pictures`.
    """
    found = Faults(faults.source)
    look = _look(sample, params, hashed, found)
    faults.add(*skippable(found, params))
    return look


def _look(sample: Sample, params: PrepareDataParams, hashed: bool, faults: Faults) -> SampleLook:
    image: ImageLook | None = None
    mask: MaskLook | None = None
    pixels: U8 | None = None
    with faults.collect([sample.id], "image_unreadable"):
        image = look_at_image(sample.image, hashed, params.image_white)
    if sample.mask is not None:
        with faults.collect([sample.id], "mask_refused"):
            mask, pixels = look_at_mask(sample.mask, params.mask_threshold)
    is_used = params.supervision in ("points", "scribbles") and sample.split == "train"
    marks = _look_at_marks(sample, params, image, pixels, faults) if is_used else None
    sizes = [] if image is None else _other_sizes(sample, image, mask, marks, params.mask_size_tolerance)
    faults.add(*sizes)
    if any(item.severity == "error" for item in sizes):
        return SampleLook(sample, image, None, None)
    if image is not None:
        _add(faults, sample, sample.image, image.stored.format, [*check_image(image), *check_turn(image, mask)])
    if mask is not None and sample.mask is not None:
        _add(faults, sample, sample.mask, mask.stored.format, check_mask(mask))
    if marks is not None and sample.marks is not None:
        _add(faults, sample, sample.marks, "", check_marks(marks))
    return SampleLook(sample, image, mask, marks)


def _look_at_marks(
    sample: Sample, params: PrepareDataParams, image: ImageLook | None, mask: U8 | None, faults: Faults
) -> MarksLook | None:
    if sample.marks is None or (image is None and is_points(sample.marks)):
        return None  # points can be checked on their image only
    width, height = (0, 0) if image is None else image.size
    with faults.collect([sample.id], "marks_refused"):
        return look_at_marks(sample, (height, width), params, mask)
    return None


def _other_sizes(
    sample: Sample, image: ImageLook, mask: MaskLook | None, marks: MarksLook | None, tolerance: int
) -> list[Fault]:
    pairs = ((sample.mask, mask), (sample.marks, marks))
    return [
        other_size(path, look.size[::-1], sample, image.size[::-1], tolerance)
        for path, look in pairs
        if path is not None and look is not None and look.size != image.size
    ]


def _add(faults: Faults, sample: Sample, path: Path, stored: str, found: list[Fault]) -> None:
    faults.add(*(replace(item, files=(path,), ids=(sample.id,)) for item in found))
    if stored in SUFFIXES_OF and path.suffix.lower() not in SUFFIXES_OF[stored]:
        remedy = "nothing for this program, which reads the contents; other programs may refuse it"
        reason = f"named {path.suffix}, but it holds a {stored}"
        faults.add(Fault("suffix_wrong", (path,), reason, remedy, "note", (sample.id,)))
