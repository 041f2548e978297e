"""Bringing image, mask and marks to the square that the models work in."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scaler.errors import Fault, ScalerError

U8 = NDArray[np.uint8]


def to_square(image: U8, mask: U8 | None, marks: U8 | None, size: int) -> tuple[U8, U8 | None, U8 | None]:
    """All three at `size` x `size`; the aspect ratio is not kept, as in the field's own code.

    - image: the mean over the area of a pixel where it shrinks, linear where it grows, each axis separately.
    - mask: the same, then foreground where at least half of the pixel is covered. A class that would vanish keeps the
      pixels in which it covers most.
    - marks: nearest neighbour. A connected mark of which no pixel is hit keeps all of them at their scaled places.

    Args:
        image: (H, W, 3) uint8 RGB.
        mask: (H, W) uint8 {0, 1}, or None.
        marks: (H, W) uint8 {0 unknown, 1 foreground, 2 background}, or None.
        size: side of the result.

    Raises:
        ScalerError: foreground and background marks all fall into one and the same pixel.
    """
    return (
        _area_or_linear(image, size),
        None if mask is None else _resize_mask(mask, size),
        None if marks is None else _resize_marks(marks, size),
    )


def shrunk(values: NDArray[Any], size: int) -> NDArray[Any]:
    """An image with both axes brought down to at most `size`, each by itself: the first half of `to_square`."""
    height, width = values.shape[:2]
    smaller = (min(width, size), min(height, size))
    if smaller != (width, height):  # OpenCV averages areas only where neither axis grows
        values = cv2.resize(values, smaller, interpolation=cv2.INTER_AREA)
    return values


def _area_or_linear(values: NDArray[Any], size: int) -> NDArray[Any]:
    values = shrunk(values, size)
    if values.shape[:2] != (size, size):
        values = cv2.resize(values, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(values)


def _resize_mask(mask: U8, size: int) -> U8:
    covered = _area_or_linear(mask.astype(np.float32), size)
    small = covered >= 0.5 - 1e-6
    if mask.any() and not small.any():
        small = covered >= covered.max()
    elif not mask.all() and small.all():
        small = covered > covered.min()
    return small.astype(np.uint8)


def _resize_marks(marks: U8, size: int) -> U8:
    small: U8 = np.asarray(cv2.resize(marks, (size, size), interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
    for value in (1, 2):
        _, parts = cv2.connectedComponents((marks == value).astype(np.uint8), connectivity=8)
        hit = cv2.resize(parts.astype(np.float32), (size, size), interpolation=cv2.INTER_NEAREST_EXACT)
        for part in np.setdiff1d(parts[parts > 0], hit.astype(parts.dtype)):
            _restore(small, np.nonzero(parts == part), marks.shape, value)
    return small


def _restore(small: U8, pixels: tuple[NDArray[np.intp], ...], shape: tuple[int, ...], value: int) -> None:
    """Put a mark that nearest neighbour has missed at its scaled place, beside the other class."""
    size = len(small)
    places = np.unique(np.stack([at * size // side for at, side in zip(pixels, shape, strict=True)], axis=1), axis=0)
    if (small[tuple(places.T)] == value).any():
        return  # another mark of its class is there
    free = places[small[tuple(places.T)] == 0]
    if not len(free):  # the other class has been hit in all of these: it can spare them if it has more
        if np.count_nonzero(small == 3 - value) <= len(places):
            reason = f"foreground and background marks fall into the same pixel at size {size}"
            raise ScalerError(
                Fault("marks_collide", (), reason, "raise prepare_data.size, or set the marks farther apart")
            )
        free = places
    small[tuple(free.T)] = value
