from __future__ import annotations

import math

import numpy as np
import py_sod_metrics as sod
import pytest

from scaler.errors import ScalerError
from scaler.metrics.levels import stretched
from scaler.metrics.measures import score, summarise
from scaler.metrics.names import CURVES, METRICS, PER_IMAGE


def corner() -> tuple[np.ndarray, np.ndarray]:
    """A 2x2 object in a 4x4 image, predicted as 0.8 on it and 0.2 elsewhere."""
    mask = np.zeros((4, 4), np.uint8)
    mask[:2, :2] = 1
    return np.where(mask, 0.8, 0.2), mask


def blob(seed: int, size: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    distance = np.hypot(y - rng.uniform(10, 30), x - rng.uniform(10, 30))
    soft = 1 / (1 + np.exp((distance - 9) / 3)) + rng.normal(0, 0.1, (size, size))
    return (np.clip(soft, 0.1, 0.8) * 255).astype(np.uint8), (distance < 10).astype(np.uint8)


def test_overlap_and_error_by_hand() -> None:
    values = score(*corner(), stretch=False).metrics
    assert values["mae"] == pytest.approx(0.2)
    assert values["iou"] == values["dice"] == 1.0
    wide = np.zeros((4, 4))
    wide[:2, :] = 1  # 8 predicted, 4 of them right, none missed
    values = score(wide, corner()[1], stretch=False).metrics
    assert values["iou"] == 0.5
    assert values["dice"] == pytest.approx(2 * 4 / (8 + 4))
    assert values["mae"] == pytest.approx(4 / 16)


def test_f_and_e_by_hand() -> None:
    result = score(*corner(), stretch=False)
    everything = 1.3 * 0.25 / (0.3 * 0.25 + 1)  # precision 4/16, recall 1
    # 0.2 is level 51 and 0.8 level 204: thresholds 0-51 take all, 52-204 the object, 205-255 nothing
    assert result.metrics["f_mean"] == pytest.approx((52 * everything + 153 * 1) / 256)
    assert result.metrics["e_mean"] == pytest.approx((52 * 4 / 15 + 153 * 1 + 51 * 4 / 15) / 256)  # 16 / 15 is cut
    assert result.metrics["f_adaptive"] == pytest.approx(1)  # the adaptive threshold is 2 * 5.6 / 16 = 0.7
    assert result.metrics["e_adaptive"] == 1
    precision, recall, f, e = result.curves
    assert precision[51] == pytest.approx(0.25)
    assert precision[52] == recall[204] == 1
    assert recall[205] == f[205] == 0
    assert e[51] == pytest.approx(4 / 15)
    assert result.curves.shape == (len(CURVES), 256)


def test_structure_by_hand() -> None:
    objects = 1.6 / 1.64  # 2 mean / (mean^2 + 1 + std), the same in object and background
    one_pixel = 1.0
    strip = (4 * 0.4 * (1 / 3) * 0.2) / ((0.4**2 + 1 / 9) * (0.12 + 1 / 3))
    rest = (4 * (4 / 15) * (1 / 9) * (1 / 15)) / (((4 / 15) ** 2 + 1 / 81) * (0.04 + 1 / 9))
    region = (one_pixel + 3 * strip + 3 * strip + 9 * rest) / 16  # the centroid (0.5, 0.5) rounds to even: (0, 0)
    assert score(*corner(), stretch=False).metrics["s_alpha"] == pytest.approx(0.5 * objects + 0.5 * region)


def test_weighted_f_by_hand() -> None:
    mask = np.zeros((8, 8), np.uint8)
    mask[0, 0] = 1
    prediction = mask.astype(np.float64)
    assert score(prediction, mask, stretch=False).metrics["f_weighted"] == pytest.approx(1)
    prediction[3, 4] = 0.5  # five pixels away: its error counts 2 - 0.5 times
    precision = 1 / (1 + 0.5 * 1.5)
    expected = 2 * precision / (1 + precision)
    assert score(prediction, mask, stretch=False).metrics["f_weighted"] == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_stretch_is_what_pysodmetrics_does_by_itself_and_never_silent(seed: int) -> None:
    prediction, mask = blob(seed)
    library = {
        "s_alpha": (sod.Smeasure(), "sm"),
        "mae": (sod.MAE(), "mae"),
        "f_weighted": (sod.WeightedFmeasure(), "wfm"),
    }
    stretched_score, plain = (score(prediction, mask, stretch=s).metrics for s in (True, False))
    for name, (metric, key) in library.items():
        metric.step(prediction, mask * 255)  # normalize=True: the library's default
        assert stretched_score[name] == pytest.approx(metric.get_results()[key], abs=1e-12)
        assert abs(plain[name] - stretched_score[name]) > 1e-3
    assert plain["mae"] == pytest.approx(np.abs(prediction / 255 - mask).mean())


def test_uint8_and_float_agree_on_every_level() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    mask = (levels > 100).astype(np.uint8)
    a, b = score(levels, mask, stretch=False), score(levels / 255, mask, stretch=False)
    assert a.metrics == pytest.approx(b.metrics, abs=1e-13)
    assert np.array_equal(a.curves, b.curves)
    assert a.curves[1][101] == 1  # recall of p >= 101/255 is complete ...
    assert a.curves[1][102] == pytest.approx(154 / 155)  # ... and then loses one pixel per level


@pytest.mark.parametrize("where", ["row", "column", "corner"])
def test_centroid_on_the_edge_has_a_structure_measure(where: str) -> None:
    mask = np.zeros((6, 8), np.uint8)
    mask[(-1, slice(2, 5)) if where == "row" else (slice(1, 4), -1) if where == "column" else (-1, -1)] = 1
    prediction = mask.astype(np.float64)
    metric = sod.Smeasure()
    with pytest.warns(RuntimeWarning):  # the defect that we work around is still there
        metric.step(prediction, mask.astype(bool), normalize=False)
    assert math.isnan(metric.get_results()["sm"])
    assert score(prediction, mask, stretch=False).metrics["s_alpha"] == pytest.approx(1)
    assert 0 < score(np.full(mask.shape, 0.5), mask, stretch=False).metrics["s_alpha"] < 1


def test_nothing_to_find() -> None:
    mask = np.zeros((5, 5), np.uint8)
    silent = score(mask, mask, stretch=False)
    means = {"e_mean": 255 / 256, "f_mean": 255 / 256}  # the threshold 0 calls every pixel
    assert silent.metrics == {name: float(name != "mae") for name in PER_IMAGE} | means
    assert silent.curves[:, 1:].min() == 1
    quiet = score(np.full((5, 5), 0.2), mask, stretch=False).metrics  # level 51: found at the thresholds 0 to 51
    assert quiet["mae"] == pytest.approx(0.2)
    assert quiet["s_alpha"] == pytest.approx(0.8)
    assert quiet["iou"] == quiet["dice"] == quiet["f_adaptive"] == quiet["e_adaptive"] == 1
    assert quiet["e_mean"] == quiet["f_mean"] == pytest.approx(204 / 256)
    assert quiet["f_weighted"] == 0
    loud = score(np.full((5, 5), 0.9), mask, stretch=False).metrics
    assert loud["iou"] == loud["dice"] == loud["f_weighted"] == 0
    assert loud["f_mean"] == loud["e_mean"] == pytest.approx(26 / 256)


def test_nothing_found() -> None:
    values = score(np.zeros((4, 4)), corner()[1], stretch=False).metrics
    assert values["iou"] == values["dice"] == values["f_adaptive"] == values["f_weighted"] == 0
    assert values["f_mean"] == pytest.approx(1.3 * 0.25 / (0.3 * 0.25 + 1) / 256)  # p >= 0 takes all


def test_a_full_mask_is_scored() -> None:
    values = score(np.full((5, 5), 0.75), np.ones((5, 5), np.uint8), stretch=False).metrics
    assert values["s_alpha"] == pytest.approx(0.75)
    assert values["iou"] == 1
    assert all(math.isfinite(value) for value in values.values())


def test_a_constant_map_is_not_stretched() -> None:
    assert np.array_equal(stretched(np.full((2, 2), 0.3)), np.full((2, 2), 0.3))
    assert stretched(np.array([[0.2, 0.4]])).tolist() == [[0.0, 1.0]]


def test_maxima_are_those_of_the_mean_curve() -> None:
    curves = np.zeros((2, 4, 256))
    curves[0, 2:, 10] = 1.0  # each image is perfect at a threshold of its own ...
    curves[1, 2:, 200] = 1.0
    columns = {name: np.array([0.25, 0.75]) for name in PER_IMAGE}
    summary = summarise(columns, curves.mean(axis=0))
    assert summary["f_max"] == summary["e_max"] == 0.5  # ... and no single threshold serves both
    assert summary["iou"] == 0.5
    assert set(summary) == set(METRICS)


@pytest.mark.parametrize(
    ("prediction", "mask", "message"),
    [
        (np.zeros((4, 4)), np.zeros((4, 5)), "one size"),
        (np.zeros((0, 4)), np.zeros((0, 4)), "one size"),
        (np.full((2, 2), 3.0), np.zeros((2, 2)), "not logits"),
        (np.full((2, 2), np.nan), np.zeros((2, 2)), "not logits"),
        (np.zeros((2, 2)), np.full((2, 2), 255), "0 and 1"),
    ],
)
def test_bad_input_is_refused(prediction: np.ndarray, mask: np.ndarray, message: str) -> None:
    with pytest.raises(ScalerError, match=message):
        score(prediction, mask, stretch=False)
