from __future__ import annotations

import io
import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from scaler.artifacts.evaluation import read_scores, write_scores
from scaler.errors import ScalerError
from scaler.metrics.evaluation import to_native
from scaler.metrics.measures import score
from scaler.metrics.names import METRICS, MODELS, PER_IMAGE
from scaler.metrics.scores import curves_csv, metrics_json, per_image_csv, per_image_frame
from tests.metrics.in_memory import evaluate_split


def world(count: int = 4, size: int = 16) -> tuple[list[str], dict[str, np.ndarray], list[np.ndarray]]:
    rng = np.random.default_rng(7)
    ids = [f"test/{i}" for i in range(count - 1)] + ['a,"b"<script>']
    predictions = {model: rng.integers(0, 256, (count, size, size), dtype=np.uint8) for model in MODELS}
    masks = [(rng.random((20 + 3 * i, 31)) > 0.6).astype(np.uint8) for i in range(count)]
    return ids, predictions, masks


def test_every_image_is_scored_at_its_native_size() -> None:
    ids, predictions, masks = world()
    done: list[int] = []
    scores = evaluate_split(ids, predictions, masks, stretch=False, advance=done.append)
    assert sum(done) == len(ids) * len(MODELS)
    for model, stack in predictions.items():
        singles = [score(to_native(p, m.shape), m, stretch=False) for p, m in zip(stack, masks, strict=True)]
        for name in PER_IMAGE:
            values = [single.metrics[name] for single in singles]
            assert scores.per_image[model][name].tolist() == values
            assert scores.summary[model][name] == pytest.approx(np.mean(values))
        curve = np.mean([single.curves for single in singles], axis=0)
        assert scores.summary[model]["f_max"] == pytest.approx(curve[2].max())
        assert scores.summary[model]["e_max"] == pytest.approx(curve[3].max())


def test_resizing_is_bilinear_between_pixel_centres() -> None:
    assert to_native(np.array([[0.0, 1.0]]), (1, 4)).tolist() == [[0.0, 0.25, 0.75, 1.0]]
    assert to_native(np.array([[0, 255]], np.uint8), (2, 2)).tolist() == [[0.0, 1.0], [0.0, 1.0]]
    same = np.random.default_rng(0).random((5, 6))
    assert np.array_equal(to_native(same, (5, 6)), same)
    assert to_native(np.ones((3, 3)), (101, 77)).max() == 1.0


def test_the_stretch_comes_after_resizing() -> None:
    prediction = np.array([[[0.2, 0.6], [0.2, 0.6]]])
    mask = np.array([[0, 0, 1, 1]] * 4, np.uint8)
    plain, stretch = (evaluate_split(["a"], {"sam": prediction}, [mask], stretch=s) for s in (False, True))
    assert plain.summary["sam"]["mae"] == pytest.approx(np.mean([0.2, 0.3, 0.5, 0.4]))
    assert stretch.summary["sam"]["mae"] == pytest.approx(np.mean([0, 0.25, 0.25, 0]))


def test_scores_survive_hdf5(tmp_path: Path) -> None:
    ids, predictions, masks = world()
    splits = {split: evaluate_split(ids, predictions, masks, stretch=False) for split in ("val", "test")}
    with h5py.File(tmp_path / "evaluation.h5", "w") as file:
        write_scores(file, splits)
    with h5py.File(tmp_path / "evaluation.h5") as file:
        assert file["test/sam/iou"].dtype == np.float32
        assert file["test/sam/prediction"].chunks == (1, 16, 16)
        back = read_scores(file)
    assert list(back) == ["val", "test"]
    for split, scores in splits.items():
        assert back[split].ids == ids
        assert back[split].summary == scores.summary
        for model in MODELS:
            assert np.array_equal(back[split].curves[model], scores.curves[model])
            assert np.array_equal(back[split].prediction[model], predictions[model])
            assert np.allclose(back[split].per_image[model]["iou"], scores.per_image[model]["iou"], atol=1e-7)


def test_several_sets_are_summed_up_each_by_itself(tmp_path: Path) -> None:
    ids, predictions, masks = world(5)
    sets = ["CAMO", "NC4K/b", "CAMO", "NC4K/b", "NC4K/b"]
    scores = evaluate_split(ids, predictions, masks, stretch=False, sets=sets)
    for name in set(sets):
        rows = [i for i, own in enumerate(sets) if own == name]
        alone = evaluate_split(
            [ids[i] for i in rows],
            {model: stack[rows] for model, stack in predictions.items()},
            [masks[i] for i in rows],
            stretch=False,
        )
        assert alone.sets == {}
        for model in MODELS:
            assert scores.sets[name][model] == pytest.approx(alone.summary[model])
    whole = evaluate_split(ids, predictions, masks, stretch=False)
    assert all(scores.summary[model] == pytest.approx(whole.summary[model]) for model in MODELS)
    with h5py.File(tmp_path / "evaluation.h5", "w") as file:
        write_scores(file, {"test": scores})
    with h5py.File(tmp_path / "evaluation.h5") as file:
        back = read_scores(file)["test"]
    assert (back.set, back.sets) == (sets, scores.sets)
    assert set(json.loads(metrics_json({"test": scores}))["test"]["sets"]) == set(sets)
    table = pd.read_csv(io.StringIO(per_image_csv({"test": scores})))
    assert table["set"].tolist() == sets * len(MODELS)


def test_sidecars_hold_the_same_numbers_in_the_same_bytes() -> None:
    ids, predictions, masks = world()
    first, second = ({"test": evaluate_split(ids, predictions, masks, stretch=False)} for _ in range(2))
    for writer in (metrics_json, per_image_csv, curves_csv):
        assert writer(first) == writer(second)
    values = json.loads(metrics_json(first))
    assert set(values["test"]) == set(MODELS)
    assert list(values["test"]["sam"]) == list(METRICS)
    assert values["test"]["sam"]["iou"] == pytest.approx(first["test"].summary["sam"]["iou"], abs=1e-6)
    table = pd.read_csv(io.StringIO(per_image_csv(first)))
    assert table.columns.tolist() == ["split", "set", "model", "id", *PER_IMAGE]
    assert table["id"].tolist() == ids * len(MODELS)  # quotes, commas and tags in a name come back as they were
    assert table["mae"].to_numpy() == pytest.approx(per_image_frame(first["test"])["mae"].to_numpy(), abs=1e-6)
    curves = pd.read_csv(io.StringIO(curves_csv(first)))
    assert curves.columns.tolist() == ["split", "model", "threshold", "precision", "recall", "f_measure", "e_measure"]
    assert len(curves) == 256 * len(MODELS)
    best = curves[curves["model"] == "teacher"]["f_measure"].max()
    assert best == pytest.approx(first["test"].summary["teacher"]["f_max"], abs=1e-6)


def test_counts_that_differ_are_refused() -> None:
    ids, predictions, masks = world()
    with pytest.raises(ScalerError, match="one prediction per image"):
        evaluate_split(ids, predictions, masks[:-1], stretch=False)
    with pytest.raises(ScalerError, match="at least one image"):
        evaluate_split([], {}, [], stretch=False)
