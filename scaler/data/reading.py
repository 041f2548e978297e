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
from scaler.data.problems import Problems
from scaler.errors import ScalerError
from scaler.params import PrepareDataParams

U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Picture:
    """One sample at native size: image (H, W, 3) uint8 RGB; mask (H, W) uint8 {0, 1}; marks (H, W) uint8 {0, 1, 2}."""

    image: U8
    mask: U8 | None
    marks: U8 | None


def read_sample(sample: Sample, params: PrepareDataParams, problems: Problems) -> Picture | None:
    """Read the files of one sample; None where one of them is at fault, which `problems` then tells."""
    try:
        image = read_image(sample.image)
    except ScalerError as error:
        problems.add(str(error))
        return None
    try:
        mask = None if sample.mask is None else read_mask(sample.mask)
        marks = read_marks_of(sample, image.shape[:2], params)
        for path, labels in ((sample.mask, mask), (sample.marks, marks)):
            if labels is not None and labels.shape != image.shape[:2]:
                raise ScalerError(_other_size(path, labels, sample.image, image))
    except ScalerError as error:
        problems.add(str(error))
        return None
    return Picture(image, mask, marks)


def read_marks_of(sample: Sample, shape: tuple[int, int], params: PrepareDataParams) -> U8 | None:
    """The marks of a sample, from a picture or from points: (H, W) uint8 {0 unknown, 1 foreground, 2 background}.

    Args:
        sample: None is the answer where it has no marks.
        shape: height and width of its image, on which points are drawn; a picture of marks keeps its own.
        params: `marks_convention` of pictures; `size` and `point_radius` for points.

    Raises:
        ScalerError: the file is at fault, or a point lies outside the image.
    """
    if sample.marks is None:
        return None
    if not is_points(sample.marks):
        return read_marks(sample.marks, params.marks_convention)
    points = sample.points or read_points(sample.marks)
    return draw(points, shape, params.size, params.point_radius)


def _other_size(path: Path | None, labels: U8, image_path: Path, image: U8) -> str:
    (height, width), (image_height, image_width) = labels.shape, image.shape[:2]
    cure = "export it at the image's size"
    if (height, width) == (image_width, image_height):
        cure = "one of the two is stored turned (EXIF orientation is applied to each): export both upright"
    return (
        f"{path}: {width} x {height} pixels (width x height), but its image {image_path} has "
        f"{image_width} x {image_height}; {cure}."
    )
