from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np

from scaler.artifacts.evaluation import SplitScores, create_predictions, read_scores, write_scores
from scaler.artifacts.hdf5 import put_image
from tests.artifacts.world import SIDE, scores


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


def test_predictions_may_be_written_one_by_one() -> None:
    file, expected = h5py.File.in_memory(), scores("val", 0.25)
    for model, stack in expected.prediction.items():
        data = create_predictions(file, "val", model, (len(stack), SIDE, SIDE))
        for number, prediction in enumerate(stack):
            put_image(data, number, prediction)
    write_scores(file, {"val": replace(expected, prediction={})})
    assert same(read_scores(file)["val"], expected)
