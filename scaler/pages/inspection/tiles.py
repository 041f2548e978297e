"""Pictures of the page: small, as data URIs; labels keep on which side of 0.5 every pixel lies."""

from __future__ import annotations

import base64
import io
from typing import Any

import cv2
import numpy as np
from PIL import Image

from scaler.pages.inspection.run import U8

QUALITY = 85  # of photographs, JPEG
MARKS = np.array([0, 255, 128], dtype=np.uint8)  # grey of unknown, foreground, background


def photograph(image: U8, side: int) -> str:
    """(S, S, 3) uint8 RGB as JPEG of at most `side` pixels."""
    return _uri(fitted(image, side), "jpeg", quality=QUALITY)


def label(map_: U8, side: int) -> str:
    """(S, S) uint8 = round(255 p) as grey PNG of the same values; areas are averaged where it must shrink."""
    return _uri(fitted(map_, side), "png")


def mask(values: U8, side: int) -> str:
    """(S, S) uint8 {0, 1} as black (0) and white (255); shrunk by the majority."""
    shrunk = fitted((values > 0).astype(np.uint8) * np.uint8(255), side)
    return _uri((shrunk >= 128).astype(np.uint8) * np.uint8(255), "png")


def marks(values: U8, side: int) -> str:
    """(S, S) uint8 {0 unknown, 1 foreground, 2 background} as grey 0, 255, 128; no mark is lost by shrinking."""
    return _uri(MARKS[shrunk_marks(values, side)], "png")


def fitted(picture: U8, side: int) -> U8:
    """Square pictures at most `side` pixels wide, by averaging areas."""
    if picture.shape[0] <= side:
        return picture
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def shrunk_marks(values: U8, side: int) -> U8:
    """Marks at most `side` pixels wide; where several fall on one pixel, foreground is seen rather than background."""
    size = values.shape[0]
    if size <= side:
        return values
    result = np.zeros((side, side), dtype=np.uint8)
    for value in (2, 1):
        rows, columns = np.nonzero(values == value)
        result[rows * side // size, columns * side // size] = value
    return result


def _uri(pixels: U8, kind: str, **options: Any) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind.upper(), **options)
    return f"data:image/{kind};base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
