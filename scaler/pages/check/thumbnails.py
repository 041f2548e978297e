"""Small pictures of the suspicious: the image with its mask's outline and its marks."""

from __future__ import annotations

import base64
import io
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scaler.data.folder import Sample
from scaler.data.images import read_image, read_mask
from scaler.data.reading import read_marks_of
from scaler.errors import ScalerError
from scaler.pages.report.pictures import BLUE, ORANGE, WHITE, outline, shrunk
from scaler.params import PrepareDataParams

U8 = NDArray[np.uint8]
QUALITY = 80  # of the JPEG


def thumbnail(sample: Sample, params: PrepareDataParams) -> str | None:
    """A data URI, longer side 128 pixels: mask outline white on the photograph, foreground marks orange, background
    marks blue. What is refused or of another size is left out; None where the image itself is refused.
    """
    try:
        image = read_image(sample.image, params.image_white)
    except ScalerError:
        return None
    small = shrunk(image).copy()
    mask, marks = _labels(sample, image.shape[:2], params)
    if mask is not None and mask.shape == image.shape[:2]:
        edge = outline(shrunk(mask * np.uint8(255)) >= 128)
        small[edge] = WHITE
    if marks is not None and marks.shape == image.shape[:2]:
        for value, colour in ((2, BLUE), (1, ORANGE)):
            touched = shrunk((marks == value).astype(np.uint8) * np.uint8(255)) > 0
            small[touched] = colour
    buffer = io.BytesIO()
    Image.fromarray(small).save(buffer, format="JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _labels(sample: Sample, shape: tuple[int, int], params: PrepareDataParams) -> tuple[U8 | None, U8 | None]:
    mask = marks = None
    with suppress(ScalerError):
        mask = None if sample.mask is None else read_mask(sample.mask, params.mask_threshold)
    with suppress(ScalerError):
        marks = read_marks_of(sample, shape, params)
    return mask, marks
