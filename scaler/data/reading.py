"""One sample's files, read and checked against each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from scaler.data.folder import Sample
from scaler.data.images import read_image, read_marks, read_mask
from scaler.data.points import draw
from scaler.data.points_files import is_points, read_points
from scaler.errors import Fault, Faults
from scaler.params import PrepareDataParams

U8 = NDArray[np.uint8]
SKIPPED = "left out (prepare_data.skip_broken)"
SMALL_DIFFERENCE = 16  # pixels up to which resizing is offered


@dataclass(frozen=True)
class Pixels:
    """One sample at native size: image (H, W, 3) uint8 RGB; mask (H, W) uint8 {0, 1}; marks (H, W) uint8 {0, 1, 2}."""

    image: U8
    mask: U8 | None
    marks: U8 | None


def read_sample(sample: Sample, params: PrepareDataParams, faults: Faults) -> Pixels | None:
    """Read the files of one sample.

    Args:
        sample: the sample.
        params: `mask_threshold`, `mask_size_tolerance` and `image_white` say how its files are read.
        faults: gets what is wrong with them.

    Returns:
        None if something is wrong. With `params.skip_broken`, a training image whose labels are broken is returned
        without them.
    """
    found = Faults(faults.source)
    image: U8 | None = None
    mask = marks = None
    with found.collect([sample.id], "image_unreadable"):
        image = read_image(sample.image, params.image_white)
    if sample.mask is not None:
        with found.collect([sample.id], "mask_refused"):
            mask = read_mask(sample.mask, params.mask_threshold)
    if image is not None:
        with found.collect([sample.id], "marks_refused"):
            marks = read_marks_of(sample, image.shape[:2], params)
        mask = _fitted(sample.mask, mask, sample, image, params, found)
        marks = _fitted(sample.marks, marks, sample, image, params, found)
    is_broken = bool(found.of("error"))
    faults.add(*skippable(found, params))
    if image is None or (is_broken and not (params.skip_broken and sample.split == "train")):
        return None
    return Pixels(image, mask, marks)


def skippable(found: Faults, params: PrepareDataParams) -> list[Fault]:
    """The faults of one sample; warnings instead of errors with `params.skip_broken`."""
    if not params.skip_broken:
        return found.items
    return [
        replace(item, severity="warning", remedy=f"{SKIPPED}; {item.remedy}") if item.severity == "error" else item
        for item in found.items
    ]


def _fitted(
    path: Path | None, labels: U8 | None, sample: Sample, image: U8, params: PrepareDataParams, faults: Faults
) -> U8 | None:
    """The labels at the size of their image; None if they are too different."""
    if path is None or labels is None or labels.shape == image.shape[:2]:
        return labels
    fault = other_size(path, labels.shape[:2], sample, image.shape[:2], params.mask_size_tolerance)
    faults.add(fault)
    if fault.severity == "error":
        return None
    size = (image.shape[1], image.shape[0])
    return np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


def read_marks_of(sample: Sample, shape: tuple[int, ...], params: PrepareDataParams) -> U8 | None:
    """The marks of a sample, from a picture or from points: (H, W) uint8 {0 unknown, 1 foreground, 2 background}.

    Args:
        sample: the result is None if it has no marks.
        shape: height and width of its image, on which points are drawn; a picture of marks keeps its own size.
        params: `marks_convention` of pictures; `size`, `point_radius` and `tiles` for points.

    Raises:
        ScalerError: the file cannot be used, or a point is outside the image.
    """
    if sample.marks is None:
        return None
    if not is_points(sample.marks):
        return read_marks(sample.marks, params.marks_convention)
    points = sample.points or read_points(sample.marks)
    return draw(points, (shape[0], shape[1]), params.size, params.point_radius, params.tiles)


def other_size(
    path: Path, shape: tuple[int, ...], sample: Sample, image_shape: tuple[int, ...], tolerance: int
) -> Fault:
    """The fault of a mask or marks file whose size (height, width) is not that of its image.

    A note, if neither side differs by more than `tolerance` pixels: the labels are then resized.
    """
    (height, width), (image_height, image_width) = shape, image_shape
    reason = f"{width} x {height} pixels (width x height), but its image has {image_width} x {image_height}"
    off = max(abs(height - image_height), abs(width - image_width))
    if off <= tolerance:
        reason = f"up to {tolerance} pixels wider or narrower than the image (prepare_data.mask_size_tolerance)"
        return Fault("size_adjusted", (path,), f"{reason}: resized", "", "note", (sample.id,))
    remedy = "export it at the image's size"
    if off <= SMALL_DIFFERENCE:
        remedy = f"set prepare_data.mask_size_tolerance: {off} to resize it, or export it at the image's size"
    if (height, width) == (image_width, image_height):
        remedy = "one of the two is stored turned (EXIF orientation is applied to each): export both upright"
    return Fault("size_differs", (path,), reason, remedy, ids=(sample.id,))
