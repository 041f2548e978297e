"""One sample's files, read and checked against each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scaler.data.folder import Sample
from scaler.data.images import Convention, read_image, read_marks, read_mask
from scaler.data.problems import Problems
from scaler.errors import ScalerError

U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Picture:
    """One sample at native size: image (H, W, 3) uint8 RGB; mask (H, W) uint8 {0, 1}; marks (H, W) uint8 {0, 1, 2}."""

    image: U8
    mask: U8 | None
    marks: U8 | None


def read_sample(sample: Sample, convention: Convention, problems: Problems) -> Picture | None:
    """Read the files of one sample; None where one of them is at fault, which `problems` then tells."""
    try:
        image = read_image(sample.image)
    except ScalerError as error:
        problems.add(str(error))
        return None
    try:
        mask = None if sample.mask is None else read_mask(sample.mask)
        marks = None if sample.marks is None else read_marks(sample.marks, convention)
        for path, labels in ((sample.mask, mask), (sample.marks, marks)):
            if labels is not None and labels.shape != image.shape[:2]:
                raise ScalerError(_other_size(path, labels, sample.image, image))
    except ScalerError as error:
        problems.add(str(error))
        return None
    return Picture(image, mask, marks)


def _other_size(path: Path | None, labels: U8, image_path: Path, image: U8) -> str:
    (height, width), (image_height, image_width) = labels.shape, image.shape[:2]
    cure = "export it at the image's size"
    if (height, width) == (image_width, image_height):
        cure = "one of the two is stored turned (EXIF orientation is applied to each): export both upright"
    return (
        f"{path}: {width} x {height} pixels (width x height), but its image {image_path} has "
        f"{image_width} x {image_height}; {cure}."
    )
