"""A predicted map with its levels, from whose histograms most metrics follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
LEVELS = 256
EXACT_COUNTS = 2**24  # OpenCV's histograms are float32


@dataclass(frozen=True)
class LevelMap:
    """One prediction.

    Attributes:
        p: (H, W) float64 in [0, 1].
        code: (H, W) uint8: which of 256 levels each pixel has.
        level: (256,) the level floor(255 p) that each code stands for.
        value: (256,) float64, the p that each code stands for; None where pixels of one code differ in p.
    """

    p: F64
    code: U8
    level: NDArray[np.intp]
    value: F64 | None = None

    def by_level(self, counts: F64) -> F64:
        """(256,) counts by code as counts by level floor(255 p)."""
        return np.asarray(np.bincount(self.level, counts, minlength=LEVELS), np.float64)


def level_map(probability: NDArray[Any], *, stretch: bool) -> LevelMap:
    """A map from uint8 (p = value / 255) or from float in [0, 1]; `stretch` rescales it to [0, 1] by min-max."""
    if probability.dtype == np.uint8:
        value = np.arange(LEVELS) / 255
        if stretch:
            low, high = int(probability.min()), int(probability.max())
            value[low : high + 1] = stretched(value[low : high + 1])
        code = np.ascontiguousarray(probability)
        return LevelMap(np.asarray(cv2.LUT(code, value), np.float64), code, (value * 255).astype(np.intp), value)
    p = probability.astype(np.float64)
    p = stretched(p) if stretch else p
    return LevelMap(p, (p * 255).astype(np.uint8), np.arange(LEVELS))


def stretched(p: F64) -> F64:
    """Min-max of one map to [0, 1]; a constant map is returned as it is."""
    low, high = p.min(), p.max()
    return (p - low) / (high - low) if high > low else p


def histogram(code: U8, mask: U8 | None = None) -> F64:
    """How many pixels have each of the 256 codes, of all pixels or of those where the mask is not 0.

    Args:
        code: (H, W) uint8, at least one pixel.
        mask: (H, W) uint8.

    Returns:
        (256,) float64.
    """
    total = np.zeros(LEVELS)
    rows = max(EXACT_COUNTS // code.shape[1], 1)
    for top in range(0, code.shape[0], rows):
        part = slice(top, top + rows)
        own = None if mask is None else mask[part]
        total += cv2.calcHist([code[part]], [0], own, [LEVELS], [0, LEVELS])[:, 0]
    return total
