"""Scoring whole splits: predictions come at the model's size and are judged at the size the user brought."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.evaluation import SplitScores
from scaler.errors import ScalerError
from scaler.metrics.measures import score, summarise
from scaler.metrics.names import CURVES, PER_IMAGE, THRESHOLDS
from scaler.metrics.parallel import map_in_order

F64 = NDArray[np.float64]


def evaluate_split(
    ids: Sequence[str],
    predictions: Mapping[str, NDArray[Any]],
    masks: Sequence[NDArray[Any]],
    *,
    stretch: bool,
    sets: Sequence[str] = (),
    advance: Callable[[int], object] = lambda count: None,
) -> SplitScores:
    """Score every image of a split for every model.

    Args:
        ids: n image ids.
        predictions: model -> (n, S, S) float in [0, 1] or uint8 (p = value / 255).
        masks: n masks of {0, 1}, each (H, W) at its image's native size.
        stretch: min-max each prediction, after resizing (see `scaler.metrics.measures.score`).
        sets: name of the test set that each image belongs to; empty: all are one set.
        advance: called with the number of predictions scored (progress).

    Returns:
        Scores per image, of each set where there are several, and of the whole, with the predictions as uint8.

    Raises:
        ScalerError: there is no image, or the numbers of ids, masks and predictions differ.
    """
    counts = {"ids": len(ids), "masks": len(masks)} | {name: len(stack) for name, stack in predictions.items()}
    if not ids or len(set(counts.values())) != 1:
        raise ScalerError(
            f"evaluate: expected one mask and one prediction per image, at least one image, got {counts}."
        )
    names = list(sets) or [""] * len(ids)
    members = {name: [i for i, own in enumerate(names) if own == name] for name in sorted(set(names))}
    summaries: dict[str, dict[str, dict[str, float]]] = {name: {} for name in members}
    per_image: dict[str, dict[str, F64]] = {}
    curves: dict[str, F64] = {}
    for model, stack in predictions.items():
        columns = {name: np.empty(len(ids)) for name in PER_IMAGE}
        totals = {name: np.zeros((len(CURVES), THRESHOLDS)) for name in members}
        results = map_in_order(
            lambda pair: score(to_native(pair[0], pair[1].shape), pair[1], stretch=stretch),
            zip(stack, masks, strict=True),
        )
        for i, result in enumerate(results):
            for name, value in result.metrics.items():
                columns[name][i] = value
            totals[names[i]] += result.curves
            advance(1)
        per_image[model], curves[model] = columns, np.sum(list(totals.values()), axis=0) / len(ids)
        for name, chosen in members.items():
            own = {metric: column[chosen] for metric, column in columns.items()}
            summaries[name][model] = summarise(own, totals[name] / len(chosen))
    return SplitScores(
        ids=list(ids),
        per_image=per_image,
        summary={model: summarise(per_image[model], curves[model]) for model in predictions},
        curves=curves,
        prediction={model: _to_uint8(stack) for model, stack in predictions.items()},
        set=names,
        sets=summaries if len(members) > 1 else {},
    )


def to_native(prediction: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """A map at native size: bilinear between pixel centres, in float64; as it is where the size is the same.

    Args:
        prediction: (S, S) float in [0, 1] or uint8.
        shape: (H, W).

    Returns:
        (H, W): float64 in [0, 1], or uint8 where that is given and no other size is wanted.
    """
    if prediction.shape == shape:
        return prediction
    p = prediction.astype(np.float64)
    if prediction.dtype == np.uint8:
        p = p / 255
    # the weights of a bilinear mean may sum to 1 + 1 ulp
    return np.clip(cv2.resize(p, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), p.min(), p.max())


def _to_uint8(stack: NDArray[Any]) -> NDArray[np.uint8]:
    return stack if stack.dtype == np.uint8 else np.rint(stack.astype(np.float64) * 255).astype(np.uint8)
