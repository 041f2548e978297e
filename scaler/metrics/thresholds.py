"""Precision, recall, F and E from counts of pixels: at all thresholds from one histogram, or at a single one.

With *t* the pixels that a threshold calls foreground, of which *h* lie in the object, *f* those of the object and *N*
all pixels: precision h / t, recall h / f, F = 1.3 P R / (0.3 P + R); E is the mean over pixels of (a + 1)^2 / 4 with
a = 2 x y / (x^2 + y^2), x and y being prediction and truth less their means. It takes four values in an image, one for
each pair of called and true.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
BETA_SQUARED = 0.3
EPSILON = float(np.spacing(1))  # as in the toolbox


class Counts(NamedTuple):
    """Pixels of an image at each of T thresholds.

    Attributes:
        called: (T,) float64, pixels that the threshold calls foreground.
        hits: (T,) float64, those of them that lie in the object.
        foreground: pixels of the object.
        pixels: all pixels.
    """

    called: F64
    hits: F64
    foreground: int
    pixels: int


def counts_of_levels(everywhere: F64, inside: F64) -> Counts:
    """Counts at the thresholds level >= 0, ..., 255.

    Args:
        everywhere: (256,) histogram of all pixels.
        inside: (256,) histogram of the object's pixels.
    """
    called, hits = (np.cumsum(own[::-1])[::-1] for own in (everywhere, inside))
    return Counts(called, hits, int(hits[0]), int(called[0]))


def counts_above(p: F64, truth: NDArray[np.bool_], threshold: float) -> Counts:
    """Counts of p >= threshold."""
    called = p >= threshold
    every, hits = (np.asarray([np.count_nonzero(own)], np.float64) for own in (called, called & truth))
    return Counts(every, hits, int(np.count_nonzero(truth)), truth.size)


def precision_recall_f(counts: Counts) -> tuple[F64, F64, F64]:
    """Each (T,) float64 in [0, 1]; 1 where there is no object and none was called."""
    called, hits, foreground, _ = counts
    precision = _ratio(hits, called)
    recall = hits / max(foreground, 1)
    f = _ratio((1 + BETA_SQUARED) * precision * recall, BETA_SQUARED * precision + recall)
    if foreground == 0:
        nothing = called == 0
        precision, recall, f = (np.where(nothing, 1.0, own) for own in (precision, recall, f))
    return precision, recall, f


def e_measure(counts: Counts) -> F64:
    """(T,) float64 in [0, 1].

    The definition divides by N - 1, so that a perfect map reaches N / (N - 1); what is above 1 becomes 1.
    """
    called, hits, foreground, pixels = counts
    if foreground == 0:
        total = pixels - called
    elif foreground == pixels:
        total = called
    else:
        called_share, true_share = called / pixels, foreground / pixels
        x = np.stack([1 - called_share, 0 - called_share])  # prediction less its mean: called, not called
        y = np.asarray([1 - true_share, 0 - true_share])  # truth less its mean: object, background
        aligned = 2 * x[:, None] * y[:, None] / (x[:, None] ** 2 + y[:, None] ** 2 + EPSILON)
        false, missed = called - hits, foreground - hits
        pixels_of_pair = np.stack([[hits, false], [missed, pixels - called - missed]])
        total = ((aligned + 1) ** 2 / 4 * pixels_of_pair).sum(axis=(0, 1))
    return np.asarray(np.minimum(total / max(pixels - 1, 1), 1.0))


def _ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> F64:
    return np.asarray(numerator / np.where(denominator == 0, 1, denominator))
