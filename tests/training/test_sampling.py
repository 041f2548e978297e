"""scaler.training.sampling and schedule: which images a step sees, and how fast it learns."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from scaler.params import ScheduleParams
from scaler.training.sampling import Strata, batch_index, steps_per_epoch
from scaler.training.schedule import learning_rate

KEY = (0, "warm_up", 0)
LABELLED = np.arange(30) % 6 == 0  # 5 of 30


def test_every_batch_has_as_many_labelled_images_as_asked_for() -> None:
    strata = Strata.of(LABELLED, 3)
    assert strata is not None
    assert steps_per_epoch(30, 8, strata) == 5  # 25 other images, five a batch
    seen: Counter[int] = Counter()
    for step in range(5):
        index = batch_index(KEY, 0, step, 30, 8, strata)
        assert len(set(index.tolist())) == 8
        assert LABELLED[index].sum() == 3
        seen.update(index.tolist())
    assert {seen[i] for i in np.flatnonzero(~LABELLED)} == {1}, "an epoch goes once through the others"
    assert {seen[i] for i in np.flatnonzero(LABELLED)} == {3}, "and round the labelled ones, evenly"
    again = [batch_index(KEY, 0, step, 30, 8, strata).tolist() for step in range(5)]
    other = [batch_index(KEY, 1, step, 30, 8, strata).tolist() for step in range(5)]
    assert again != other


def test_labelled_images_alone_take_as_many_steps() -> None:
    strata = Strata.of(LABELLED, 8)
    assert strata is not None
    assert steps_per_epoch(30, 8, strata) == steps_per_epoch(30, 8, None) == 3
    assert LABELLED[batch_index(KEY, 0, 2, 30, 8, strata)].all()


@pytest.mark.parametrize("labelled", [np.ones(4, np.bool_), np.zeros(4, np.bool_)])
def test_images_of_one_kind_have_no_strata(labelled: np.ndarray) -> None:
    assert Strata.of(labelled, 2) is None
    assert Strata.of(LABELLED, None) is None


def rates(decay: str, before: int = 0) -> list[float]:
    schedule = ScheduleParams(
        epochs=4,
        batch_size=1,
        learning_rate=1.0,
        decay_every=2,
        decay_factor=0.1,
        decay=decay,
        moments="stage",
        select="last",
    )
    return [learning_rate(schedule, epoch, before) for epoch in (0, 1, 2, 3.5)]


def test_learning_rates() -> None:
    assert rates("stage", before=3) == pytest.approx([1, 1, 0.1, 0.1])
    assert rates("run") == rates("stage")
    assert rates("run", before=3) == pytest.approx([0.1, 0.01, 0.01, 0.001])
    assert rates("cosine", before=3) == pytest.approx([1, (1 + 2**-0.5) / 2, 0.5, (1 - np.cos(np.pi / 8)) / 2])
