"""Scoring whole splits: predictions come at the model's size and are judged at the size the user brought."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.evaluation import SplitScores
from scaler.errors import ScalerError
from scaler.metrics.measures import Score, score, summarise
from scaler.metrics.names import CURVES, PER_IMAGE, THRESHOLDS
from scaler.metrics.parallel import map_in_order

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Judged:
    """The images of a split, and how they are judged.

    Attributes:
        ids: n image ids.
        masks: n masks of {0, 1}, each (H, W) at its image's native size.
        stretch: min-max each prediction, after resizing (see `scaler.metrics.measures.score`).
        sets: name of the test set that each image belongs to; empty: all are one set.
    """

    ids: Sequence[str]
    masks: Sequence[NDArray[Any]]
    stretch: bool
    sets: Sequence[str] = ()


def evaluate_batches(
    judged: Judged,
    batches: Iterable[Mapping[str, NDArray[Any]]],
    keep: Callable[[str, int, U8], object],
    advance: Callable[[int], object] = lambda count: None,
) -> SplitScores:
    """Score every image of a split for every model; no more than a batch of predictions is in memory.

    Args:
        judged: the images.
        batches: model -> (b, S, S) float in [0, 1] or uint8 (p = value / 255), the images in their order.
        keep: called with the model, the number of the first image, and the batch's predictions as uint8.
        advance: called with the number of predictions scored (progress).

    Returns:
        Scores per image, of each set where there are several, and of the whole, without the predictions.

    Raises:
        ScalerError: there is no image, or the numbers of ids, masks and predictions differ.
    """
    names = list(judged.sets) or [""] * len(judged.ids)
    tallies: dict[str, _Tally] = {}
    jobs = _jobs(judged, batches, keep)
    for model, number, result in map_in_order(lambda job: (job.model, job.number, job.score(judged.stretch)), jobs):
        tallies.setdefault(model, _Tally.of(len(judged.ids), names)).add(number, names[number], result)
        advance(1)
    counts = {"ids": len(judged.ids), "masks": len(judged.masks)} | {m: tally.count for m, tally in tallies.items()}
    _refuse_other_counts(counts)
    members = {name: [i for i, own in enumerate(names) if own == name] for name in sorted(set(names))}
    sets = {name: {m: tally.of_set(name, rows) for m, tally in tallies.items()} for name, rows in members.items()}
    return SplitScores(
        ids=list(judged.ids),
        per_image={model: tally.columns for model, tally in tallies.items()},
        summary={model: summarise(tally.columns, tally.curves) for model, tally in tallies.items()},
        curves={model: tally.curves for model, tally in tallies.items()},
        prediction={},
        set=names,
        sets=sets if len(members) > 1 else {},
    )


@dataclass(frozen=True)
class _Job:
    model: str
    number: int
    prediction: NDArray[Any]
    mask: NDArray[Any]

    def score(self, stretch: bool) -> Score:
        return score(to_native(self.prediction, self.mask.shape), self.mask, stretch=stretch)


@dataclass
class _Tally:
    """What a model has scored so far."""

    columns: dict[str, F64]
    totals: dict[str, F64]
    count: int = 0

    @staticmethod
    def of(images: int, sets: Sequence[str]) -> _Tally:
        totals = {name: np.zeros((len(CURVES), THRESHOLDS)) for name in sorted(set(sets))}
        return _Tally({name: np.empty(images) for name in PER_IMAGE}, totals)

    def add(self, number: int, set_name: str, result: Score) -> None:
        for name, value in result.metrics.items():
            self.columns[name][number] = value
        self.totals[set_name] += result.curves
        self.count += 1

    @property
    def curves(self) -> F64:
        return np.asarray(np.sum(list(self.totals.values()), axis=0) / self.count)

    def of_set(self, name: str, rows: list[int]) -> dict[str, float]:
        own = {metric: column[rows] for metric, column in self.columns.items()}
        return summarise(own, self.totals[name] / len(rows))


def _jobs(
    judged: Judged, batches: Iterable[Mapping[str, NDArray[Any]]], keep: Callable[[str, int, U8], object]
) -> Iterator[_Job]:
    first = 0
    for batch in batches:
        size = max(map(len, batch.values()), default=0)
        _refuse_other_counts({"ids": len(judged.ids), "masks": len(judged.masks)}, at_least=first + size)
        masks = judged.masks[first : first + size]
        for model, stack in batch.items():
            keep(model, first, _to_uint8(stack))
            for number, prediction in enumerate(stack):
                yield _Job(model, first + number, prediction, masks[number])
        first += size


def _refuse_other_counts(counts: dict[str, int], at_least: int = 1) -> None:
    if len(set(counts.values())) != 1 or min(counts.values()) < at_least:
        raise ScalerError(
            f"evaluate: expected one mask and one prediction per image, at least one image, got {counts}."
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


def _to_uint8(stack: NDArray[Any]) -> U8:
    return stack if stack.dtype == np.uint8 else np.rint(stack.astype(np.float64) * 255).astype(np.uint8)
