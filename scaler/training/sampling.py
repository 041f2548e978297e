"""Which images a step sees: every image once an epoch, or a fixed number of labelled ones in each batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaler.randomness import generator

Key = tuple[int | str, ...]
I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Strata:
    """Labelled and other images, and how many labelled ones a batch has.

    Attributes:
        labelled: (N,) bool.
        per_batch: labelled images in each batch.
    """

    labelled: NDArray[np.bool_]
    per_batch: int

    @staticmethod
    def of(labelled: NDArray[np.bool_], per_batch: int | None) -> Strata | None:
        """None where batches are drawn from all images alike, or where all images are of one kind."""
        if per_batch is None or labelled.all() or not labelled.any():
            return None
        return Strata(labelled, per_batch)


def epoch_order(key: Key, epoch: int, count: int) -> I64:
    """The order of `count` images in one epoch, (count,)."""
    return generator(*key, "order", epoch).permutation(count)


def steps_per_epoch(count: int, batch_size: int, strata: Strata | None) -> int:
    """Full batches of an epoch, at least one. With strata an epoch goes once through the images without a mask."""
    if strata is None or strata.per_batch >= batch_size:
        return max(1, count // batch_size)
    return max(1, int((~strata.labelled).sum()) // (batch_size - strata.per_batch))


def batch_index(key: Key, epoch: int, step: int, count: int, batch_size: int, strata: Strata | None) -> I64:
    """Positions of the images of one batch, (batch_size,) or fewer where there are fewer images."""
    if strata is None:
        return epoch_order(key, epoch, count)[step * batch_size : (step + 1) * batch_size]
    labelled, others = np.flatnonzero(strata.labelled), np.flatnonzero(~strata.labelled)
    own = min(strata.per_batch, batch_size)
    rest = batch_size - own
    # The labelled images come round as often as they must, in a new order each time.
    places = np.arange(step * own, (step + 1) * own)
    laps = {
        int(lap): generator(*key, "labelled", epoch, int(lap)).permutation(labelled) for lap in places // len(labelled)
    }
    chosen = [laps[int(place // len(labelled))][place % len(labelled)] for place in places]
    order = epoch_order(key, epoch, len(others))[step * rest : (step + 1) * rest]
    return np.concatenate([np.asarray(chosen, np.int64), others[order]])
