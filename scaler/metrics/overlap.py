"""Intersection over union and Dice of masks: the one place where they are computed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Masks = NDArray[np.bool_]
F64 = NDArray[np.float64]


def binarize(probability: NDArray[Any]) -> Masks:
    """The predicted object, p >= 0.5: uint8 (p = value / 255) or float in [0, 1] to bool of the same shape."""
    return np.asarray(probability >= (128 if probability.dtype == np.uint8 else 0.5))


def iou(a: Masks, b: Masks) -> F64:
    """Intersection over union, image by image; 1 where both masks are empty.

    Args:
        a: (..., H, W) bool.
        b: (..., H, W) bool; the leading axes broadcast against those of `a`.

    Returns:
        (...) float64 in [0, 1].
    """
    shared, areas = _areas(a, b)
    union = areas - shared
    return np.where(union == 0, 1.0, shared / np.maximum(union, 1))


def dice(a: Masks, b: Masks) -> F64:
    """Twice the intersection over the sum of both areas; arguments and result as in `iou`."""
    shared, areas = _areas(a, b)
    return np.where(areas == 0, 1.0, 2 * shared / np.maximum(areas, 1))


def _areas(a: Masks, b: Masks) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pixels in both masks, and the sum of the pixels in each."""
    return _area(a & b), _area(a) + _area(b)


def _area(masks: Masks) -> NDArray[np.intp]:
    # image by image: counting along axes is ten times slower
    single = masks.reshape(-1, *masks.shape[-2:])
    return np.asarray([np.count_nonzero(mask) for mask in single]).reshape(masks.shape[:-2])
