"""One sample's files, read and checked against each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scaler.data.folder import Sample
from scaler.data.images import read_image, read_marks, read_mask
from scaler.data.points import draw
from scaler.data.points_files import is_points, read_points
from scaler.errors import Fault, Faults
from scaler.params import PrepareDataParams

U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Pixels:
    """One sample at native size: image (H, W, 3) uint8 RGB; mask (H, W) uint8 {0, 1}; marks (H, W) uint8 {0, 1, 2}."""

    image: U8
    mask: U8 | None
    marks: U8 | None


def read_sample(sample: Sample, params: PrepareDataParams, faults: Faults) -> Pixels | None:
    """Read the files of one sample; None if there is an error in one of them, which `faults` gets."""
    image: U8 | None = None
    mask = marks = None
    before = len(faults.items)
    with faults.collect([sample.id], "image_unreadable"):
        image = read_image(sample.image)
    if sample.mask is not None:
        with faults.collect([sample.id], "mask_refused"):
            mask = read_mask(sample.mask)
    if image is None:
        return None
    with faults.collect([sample.id], "marks_refused"):
        marks = read_marks_of(sample, image.shape[:2], params)
    for path, labels in ((sample.mask, mask), (sample.marks, marks)):
        if path is not None and labels is not None and labels.shape != image.shape[:2]:
            faults.add(other_size(path, labels.shape[:2], sample, image.shape[:2]))
    return Pixels(image, mask, marks) if len(faults.items) == before else None


def read_marks_of(sample: Sample, shape: tuple[int, ...], params: PrepareDataParams) -> U8 | None:
    """The marks of a sample, from a picture or from points: (H, W) uint8 {0 unknown, 1 foreground, 2 background}.

    Args:
        sample: the result is None if it has no marks.
        shape: height and width of its image, on which points are drawn; a picture of marks keeps its own size.
        params: `marks_convention` of pictures; `size` and `point_radius` for points.

    Raises:
        ScalerError: the file cannot be used, or a point lies outside the image.
    """
    if sample.marks is None:
        return None
    if not is_points(sample.marks):
        return read_marks(sample.marks, params.marks_convention)
    points = sample.points or read_points(sample.marks)
    return draw(points, (shape[0], shape[1]), params.size, params.point_radius)


def other_size(path: Path, shape: tuple[int, ...], sample: Sample, image_shape: tuple[int, ...]) -> Fault:
    """The fault of a mask or marks file whose size (height, width) is not that of its image."""
    (height, width), (image_height, image_width) = shape, image_shape
    remedy = "export it at the image's size"
    if (height, width) == (image_width, image_height):
        remedy = "one of the two is stored turned (EXIF orientation is applied to each): export both upright"
    reason = (
        f"{width} x {height} pixels (width x height), but its image {sample.image.name} has "
        f"{image_width} x {image_height}"
    )
    return Fault("size_differs", (path,), reason, remedy, ids=(sample.id,))
