"""Scores of predictions that lie in files, whoever made them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scaler.data.decode import decode
from scaler.data.images import read_image, read_mask
from scaler.errors import ScalerError
from scaler.metrics.evaluation import to_native
from scaler.metrics.measures import score, summarise
from scaler.metrics.names import CURVES, PER_IMAGE, THRESHOLDS
from scaler.use.pairs import Pair

F64 = NDArray[np.float64]
JPEG_SPREAD = 16  # channels of a grey JPEG differ by rounding only


@dataclass(frozen=True)
class SetScores:
    """What one set scores.

    Attributes:
        ids: n image ids.
        per_image: metric -> (n,) float64 (`metric_names.PER_IMAGE`).
        summary: metric -> value of the set (`metric_names.METRICS`).
        notes: what a reader should know, a sentence each.
    """

    ids: list[str]
    per_image: dict[str, F64]
    summary: dict[str, float]
    notes: list[str]


def score_pairs(
    pairs: list[Pair],
    *,
    stretch: bool,
    resize: bool,
    mask_threshold: int | None = None,
    fail: Callable[[str], object],
    advance: Callable[[int], object] = lambda count: None,
) -> SetScores | None:
    """Score a set by `scaler.metrics.measures`.

    Args:
        pairs: at least one.
        stretch: min-max each prediction.
        resize: bring a prediction of another size to its mask's, bilinear; else it is a fault.
        mask_threshold: None: masks are read strictly; else grey above this value, 0 to 255, is the object.
        fail: told of each file that cannot be scored, a line each.
        advance: called with the number of images done (progress).

    Returns:
        The scores, or None if any image failed: a mean over the others would be another number.
    """
    rows: list[dict[str, float]] = []
    total = np.zeros((len(CURVES), THRESHOLDS))
    brightest = 0.0
    failed = False
    for pair in pairs:
        try:
            p = read_prediction(pair.prediction)
            mask = _read_mask(pair.mask, mask_threshold)
            result = score(_fitted(pair, p, mask.shape, resize), mask, stretch=stretch)
        except ScalerError as error:
            fail(str(error))
            failed = True
        else:
            brightest = max(brightest, float(p.max()))
            rows.append(result.metrics)
            total += result.curves
        advance(1)
    if failed:
        return None
    columns = {name: np.asarray([row[name] for row in rows]) for name in PER_IMAGE}
    notes = []
    if 0 < brightest <= 1 / 255:
        notes.append("no prediction is brighter than 1 of 255: save binary maps with 0 and 255, not 0 and 1")
    return SetScores([pair.id for pair in pairs], columns, summarise(columns, total / len(pairs)), notes)


def read_prediction(path: Path) -> F64:
    """A map as (H, W) float64 in [0, 1]: the grey value over the greatest that the file could hold.

    Raises:
        ScalerError: not readable, or in colour.
    """
    decoded = decode(path)
    values: NDArray[Any] | None = decoded.grey(JPEG_SPREAD if decoded.lossy else 0)
    top = decoded.top
    if decoded.palette is not None:
        colours = decoded.palette[decoded.values]
        values = colours[..., 0] if (colours == colours[..., :1]).all() else None
    if values is None:
        raise ScalerError(f"{path}: in colour; expected a grey map, 0 background to 255 object (an overlay, perhaps?).")
    return values.astype(np.float64) / top


def _read_mask(path: Path, threshold: int | None) -> NDArray[np.uint8]:
    if threshold is None:
        return read_mask(path)
    return np.asarray(read_image(path).max(axis=2) > threshold, np.uint8)


def _fitted(pair: Pair, p: F64, shape: tuple[int, ...], resize: bool) -> F64:
    if p.shape != shape and not resize:
        sizes = " and ".join(f"{width} x {height}" for height, width in (p.shape, shape))
        raise ScalerError(
            f"{pair.prediction}: prediction and mask differ in size, {sizes}. Predict at native size, or give --resize."
        )
    return to_native(p, shape)
