"""Means and variances of a map over the object, the background, and the quadrants around the object's centroid.

For a map of 256 levels they follow from the histograms of the quadrants, else from the pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from scaler.metrics.levels import LevelMap, histogram

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]


class Moments(NamedTuple):
    """Number of pixels, their mean, and the sum of their squared distances from it."""

    size: int
    mean: float
    scatter: float


class Quadrant(NamedTuple):
    """All pixels of a quadrant, those of the object in it, and the map there, (h, w) float64."""

    every: Moments
    inside: Moments
    p: F64


@dataclass(frozen=True)
class Regions:
    """One map, seen by regions of its mask.

    Attributes:
        quadrants: the one to four that have pixels; a single one where there is no object.
        inside: the object.
        outside: the background.
        level_histograms: (256,) float64 each: pixels of every level floor(255 p), in the image and in the object.
    """

    quadrants: list[Quadrant]
    inside: Moments
    outside: Moments
    level_histograms: tuple[F64, F64]


def regions(drawn: LevelMap, truth: U8) -> Regions:
    """Measure a map (H, W) over the regions of its mask, (H, W) uint8 {0, 1}."""
    p, code, value = drawn.p, drawn.code, drawn.value
    places = _quadrants(truth)
    every = [histogram(code[place]) for place in places]
    inside = [histogram(code[place], truth[place]) for place in places]
    image, own = np.sum(every, axis=0), np.sum(inside, axis=0)
    if value is None:
        quadrants = [Quadrant(_moments(p[q]), _moments(p[q][truth[q] > 0]), p[q]) for q in places]
        parts = _moments(p[truth > 0]), _moments(p[truth == 0])
    else:
        quadrants = [
            Quadrant(_level_moments(a, value), _level_moments(b, value), p[q])
            for a, b, q in zip(every, inside, places, strict=True)
        ]
        parts = _level_moments(own, value), _level_moments(image - own, value)
    return Regions(quadrants, *parts, (drawn.by_level(image), drawn.by_level(own)))


def pixel_scatter(values: F64) -> float:
    """Sum of the squared distances of pixels from their mean."""
    return float(np.sum((values - values.mean()) ** 2))


def _quadrants(truth: U8) -> list[tuple[slice, slice]]:
    """Quadrants that meet in the object's centroid, rounded half to even, which belongs to the first of them."""
    foreground = cv2.countNonZero(truth)
    if foreground == 0:
        return [(slice(None), slice(None))]
    cuts = []
    for axis, length in enumerate(truth.shape):
        along = cv2.reduce(truth, 1 - axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel().astype(np.int64)
        cuts.append(round(int(np.arange(length) @ along) / foreground) + 1)
    rows, columns = ((slice(0, c), slice(c, length)) for c, length in zip(cuts, truth.shape, strict=True))
    return [(r, c) for r in rows for c in columns if r.start < r.stop and c.start < c.stop]


def _moments(values: F64) -> Moments:
    return Moments(values.size, float(values.mean()), pixel_scatter(values)) if values.size else Moments(0, 0.0, 0.0)


def _level_moments(counts: F64, value: F64) -> Moments:
    size = counts.sum()
    if size == 0:
        return Moments(0, 0.0, 0.0)
    origin = value[counts.argmax()]  # so that the mean of equal values is exactly that value
    mean = origin + counts @ (value - origin) / size
    return Moments(int(size), float(mean), float(counts @ (value - mean) ** 2))
