"""The weighted F-measure, from one distance transform.

In the object the error of a pixel is the smaller of its own and the Gaussian mean of those around it, where a pixel of
the background counts with the error of the nearest pixel of the object. In the background an error weighs
2 - 2^(-d / 5), d being the distance to the object. Nearest pixels are needed only as far as the Gaussian reaches, so
they are looked up offset by offset, nearest first.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
WINDOW, SIGMA = 7, 5.0  # of the Gaussian
HALF_DISTANCE = 5.0
RADIUS = WINDOW // 2
PAD = RADIUS + 1
EPSILON = float(np.spacing(1))
KERNEL = np.exp(-(np.arange(-RADIUS, RADIUS + 1) ** 2) / (2 * SIGMA**2))
KERNEL /= KERNEL.sum()
# (row, column) of all neighbours that can be the nearest; of equally near ones the leftmost, then the topmost counts,
# as in scipy's transform
OFFSETS = sorted(
    ((y, x) for y in range(-PAD, PAD + 1) for x in range(-PAD, PAD + 1) if 0 < y * y + x * x <= 2 * RADIUS**2),
    key=lambda offset: (offset[0] ** 2 + offset[1] ** 2, offset[1], offset[0]),
)
FAR = 2**16 - 1  # squared distance in pixels at which the weight is 2 within 4e-16
WEIGHT = 2 - np.exp2(-np.sqrt(np.arange(FAR + 1)) / HALF_DISTANCE)
WEIGHT[0] = 0
"""Weight of an error in the background by its squared distance to the object; 0 in the object."""


def weighted_f(p: F64, truth: U8) -> float:
    """Weighted F (beta 1) of one map.

    Args:
        p: (H, W) float64 in [0, 1].
        truth: (H, W) uint8 {0, 1}.

    Returns:
        A value in [0, 1]. Without an object 1 if p is 0 everywhere, else 0; with one 0 if p is 0 everywhere.
    """
    foreground, found = cv2.countNonZero(truth), cv2.countNonZero(p)
    if foreground == 0 or found == 0:
        return float(foreground == found)
    missed = _missed(p, truth)
    hits = foreground - missed
    precision = hits / (hits + _false(p, truth) + EPSILON)
    recall = 1 - missed / foreground
    return float(np.clip(2 * recall * precision / (recall + precision + EPSILON), 0, 1))


def _missed(p: F64, truth: U8) -> float:
    """Sum of the errors in the object."""
    left, top, width, height = cv2.boundingRect(truth)
    rows, columns = (slice(max(a - RADIUS, 0), a + b + RADIUS) for a, b in ((top, height), (left, width)))
    inside = truth[rows, columns]
    error = (1 - p[rows, columns]) * inside
    smooth = cv2.sepFilter2D(_continued(error, inside), -1, KERNEL, KERNEL, borderType=cv2.BORDER_CONSTANT)
    return float(np.minimum(error, smooth, out=smooth).sum())  # the error is 0 outside, and so is the smaller


def _continued(error: F64, inside: U8) -> F64:
    """The error with that of the nearest pixel of the object in the background, as far as the Gaussian reaches."""
    margin = ((PAD, PAD), (PAD, PAD))
    mask, out = np.pad(inside, margin), np.pad(error, margin)
    near = cv2.dilate(inside, np.ones((WINDOW, WINDOW), np.uint8)) > inside
    is_object, values, width = mask.ravel().view(np.bool_), out.ravel(), mask.shape[1]
    rest = np.flatnonzero(np.pad(near, margin))
    for y, x in OFFSETS:
        step = y * width + x
        found = is_object[rest + step]
        at = rest[found]
        values[at] = values[at + step]
        rest = rest[~found]
        if not rest.size:
            break
    return out[PAD:-PAD, PAD:-PAD]


def _false(p: F64, truth: U8) -> float:
    """Weighted sum of the errors in the background."""
    found = (p > 0).view(np.uint8)
    left, top, width, height = cv2.boundingRect(found | truth)  # beyond it nothing counts
    crop = slice(top, top + height), slice(left, left + width)
    distance = cv2.distanceTransform(1 - truth[crop], cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    squared = cv2.multiply(distance, distance, dtype=cv2.CV_16U)  # whole but for the rounding of the root; at most FAR
    return float(np.vdot(p[crop], cv2.LUT(squared, WEIGHT)))
