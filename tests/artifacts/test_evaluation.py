from __future__ import annotations

import h5py
import numpy as np

from scaler.artifacts.evaluation import SplitScores, read_scores, write_scores
from tests.artifacts.world import scores


def same(one: SplitScores, other: SplitScores) -> bool:
    np.testing.assert_equal(vars(one), vars(other))
    return True


def test_scores_come_back() -> None:
    file, splits = h5py.File.in_memory(), {"val": scores("val", 0.25), "test": scores("test", 0.5)}
    write_scores(file, splits)
    back = read_scores(file)
    assert list(back) == ["val", "test"]
    assert all(same(back[split], splits[split]) for split in splits)
    assert read_scores(file, predictions=False)["val"].prediction == {}
