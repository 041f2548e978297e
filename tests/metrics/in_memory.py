"""Scoring of predictions that are in memory, for worlds and tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.evaluation import SplitScores
from scaler.metrics.evaluation import Judged, evaluate_batches

BATCH = 3


def evaluate_split(
    ids: Sequence[str],
    predictions: Mapping[str, NDArray[Any]],
    masks: Sequence[NDArray[Any]],
    *,
    stretch: bool,
    sets: Sequence[str] = (),
    advance: Callable[[int], object] = lambda count: None,
) -> SplitScores:
    """`evaluate_batches` of model -> (n, S, S) in batches of `BATCH`; the scores hold the predictions as uint8."""
    count = max(map(len, predictions.values()), default=0)
    parts = (slice(first, first + BATCH) for first in range(0, count, BATCH))
    batches = ({model: stack[part] for model, stack in predictions.items()} for part in parts)
    kept: dict[str, list[NDArray[np.uint8]]] = {}
    judged = Judged(ids, masks, stretch, sets)
    scores = evaluate_batches(judged, batches, lambda m, _, p: kept.setdefault(m, []).append(p), advance)
    return replace(scores, prediction={model: np.concatenate(part) for model, part in kept.items()})
