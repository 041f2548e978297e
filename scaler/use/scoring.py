"""Scores of predictions in files, whatever program made them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scaler.data.decode import decode
from scaler.data.images import THRESHOLD, read_mask
from scaler.data.reading import SMALL_DIFFERENCE
from scaler.errors import Fault, ScalerError
from scaler.metrics.evaluation import to_native
from scaler.metrics.measures import Score, score, summarise
from scaler.metrics.names import CURVES, PER_IMAGE, THRESHOLDS
from scaler.metrics.parallel import map_in_order
from scaler.use.pairs import Pair

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
JPEG_SPREAD = 16  # channels of a grey JPEG differ by rounding only


@dataclass(frozen=True)
class ScoreOptions:
    """How predictions and masks are read.

    Attributes:
        stretch: min-max each prediction.
        resize: bring a prediction of another size to its mask's, bilinear; otherwise it is a fault.
        mask_threshold: from this value on, 1 to 255, a grey mask is object (see `scaler.data.images.read_mask`).
        size_tolerance: a prediction that is this many pixels wider or narrower, or higher or lower, is resized, too.
    """

    stretch: bool = False
    resize: bool = False
    mask_threshold: int = THRESHOLD
    size_tolerance: int = 0


@dataclass(frozen=True)
class SetScores:
    """What one set scores.

    Attributes:
        ids: n image ids.
        per_image: metric -> (n,) float64 (`scaler.metrics.names.PER_IMAGE`).
        summary: metric -> value of the set (`scaler.metrics.names.METRICS`).
        notes: what a reader should know, a sentence each.
    """

    ids: list[str]
    per_image: dict[str, F64]
    summary: dict[str, float]
    notes: list[str]


def score_pairs(
    pairs: list[Pair],
    options: ScoreOptions,
    fail: Callable[[Fault], object],
    advance: Callable[[int], object] = lambda count: None,
) -> SetScores | None:
    """Score a set by `scaler.metrics.measures`.

    Args:
        pairs: the set.
        options: how files are read.
        fail: called with a fault for each image that cannot be scored.
        advance: called with the number of images done (progress).

    Returns:
        The scores of all other images, or None if there is none.
    """
    ids: list[str] = []
    rows: list[dict[str, float]] = []
    total = np.zeros((len(CURVES), THRESHOLDS))
    brightest = 0.0
    outcomes = map_in_order(lambda pair: _score_pair(pair, options), pairs)
    for pair, outcome in zip(pairs, outcomes, strict=True):
        if isinstance(outcome, ScalerError):
            for fault in outcome.faults:
                fail(replace(fault, ids=(pair.id,)))
        else:
            result, highest = outcome
            brightest = max(brightest, highest)
            ids.append(pair.id)
            rows.append(result.metrics)
            total += result.curves
        advance(1)
    if not rows:
        return None
    columns = {name: np.asarray([row[name] for row in rows]) for name in PER_IMAGE}
    notes = []
    if 0 < brightest <= 1 / 255:
        notes.append("no prediction is brighter than 1 of 255: save binary maps with 0 and 255, not 0 and 1")
    return SetScores(ids, columns, summarise(columns, total / len(rows)), notes)


def _score_pair(pair: Pair, options: ScoreOptions) -> tuple[Score, float] | ScalerError:
    """Scores of one image and its highest probability, or why it has none."""
    try:
        p = read_prediction(pair.prediction)
        mask = read_mask(pair.mask, options.mask_threshold)
        highest = float(p.max()) / (255 if p.dtype == np.uint8 else 1)
        return score(_fitted(pair, p, mask.shape, options), mask, stretch=options.stretch), highest
    except ScalerError as error:
        return error


def read_prediction(path: Path) -> U8 | F64:
    """A map as (H, W): uint8 (p = value / 255) of a file of 8 bits, else the grey value over its greatest as float64.

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
        reason = "in colour; expected a grey map, 0 background to 255 object"
        raise ScalerError(Fault("prediction_in_colour", (path,), reason, "is it an overlay or a palette of classes?"))
    return values if values.dtype == np.uint8 and top == 255 else values.astype(np.float64) / top


def _fitted(pair: Pair, p: U8 | F64, shape: tuple[int, ...], options: ScoreOptions) -> NDArray[Any]:
    off = max(abs(one - other) for one, other in zip(p.shape, shape, strict=True))
    if off > options.size_tolerance and not options.resize:
        sizes = " and ".join(f"{width} x {height}" for height, width in (p.shape, shape))
        reason = f"prediction and mask differ in size, {sizes}"
        remedy = f"use --size-tolerance {off}" if off <= SMALL_DIFFERENCE else "predict at native size, or use --resize"
        raise ScalerError(Fault("size_differs", (pair.prediction,), reason, remedy))
    return to_native(p, shape)
