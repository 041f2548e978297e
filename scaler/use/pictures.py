"""Predictions as 8-bit PNG files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.writing import write_file

COLOUR = (255, 64, 0)  # RGB; visible on green, brown and pink alike
TINT = 0.45
HALF = 128  # the least 8-bit value of p >= 0.5
ROWS = 1024  # at a time, so that large images need no large copies
PNG_BEGIN, PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"

U8 = NDArray[np.uint8]


def to_bytes(p: NDArray[Any], *, stretch: bool, threshold: float | None) -> U8:
    """A prediction as it is stored.

    Args:
        p: (H, W) float in [0, 1], or uint16 (65535 is 1), at native size.
        stretch: min-max, as the field's toolboxes do; a constant map stays as it is.
        threshold: None for round(255 p), else 255 where p >= threshold and 0 elsewhere, after stretching.

    Returns:
        (H, W) uint8.
    """
    top = 65535.0 if p.dtype == np.uint16 else 1.0
    low, high = (float(p.min()) / top, float(p.max()) / top) if stretch else (0.0, 1.0)
    low, high = (low, high) if high > low else (0.0, 1.0)
    stored = np.empty(p.shape, np.uint8)
    for rows in _rows(len(p)):
        values = (p[rows].astype(np.float64) / top - low) / (high - low)
        stored[rows] = np.rint(values * 255) if threshold is None else np.where(values >= threshold, 255, 0)
    return stored


def overlay(image: U8, prediction: U8) -> U8:
    """The image with the prediction as a tint, as strong as its value, and a contour at one half.

    Args:
        image: (H, W, 3) uint8 RGB.
        prediction: (H, W) uint8.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    tinted = np.empty_like(image, order="C")
    for rows in _rows(len(image)):
        strength = TINT * prediction[rows, :, None].astype(np.float32) / 255
        tinted[rows] = np.rint(image[rows] * (1 - strength) + np.asarray(COLOUR, np.float32) * strength)
    contours, _ = cv2.findContours((prediction >= HALF).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    width = max(1, round(min(prediction.shape) / 200))
    return np.asarray(cv2.drawContours(tinted, contours, -1, COLOUR, width), np.uint8)


def write_png(path: Path, image: U8) -> None:
    """Write (H, W) grey or (H, W, 3) RGB; errors as `scaler.artifacts.writing.write_file`."""
    _, data = cv2.imencode(".png", image[..., ::-1] if image.ndim == 3 else image)
    write_file(path, data.tobytes(), durable=False)


def is_whole_png(path: Path) -> bool:
    """Whether a file begins and ends as a PNG does."""
    try:
        with path.open("rb") as file:
            begin = file.read(len(PNG_BEGIN))
            file.seek(-len(PNG_END), os.SEEK_END)
            return begin == PNG_BEGIN and file.read() == PNG_END
    except OSError:
        return False


def _rows(height: int) -> Iterator[slice]:
    return (slice(begin, begin + ROWS) for begin in range(0, height, ROWS))
