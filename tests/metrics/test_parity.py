"""All metrics equal pysodmetrics' on odd maps and masks, and lie in [0, 1] on all of them."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest

from scaler.errors import ScalerError
from scaler.metrics.levels import stretched
from scaler.metrics.measures import Score, score
from scaler.metrics.names import CURVES
from scaler.metrics.toolbox import reference

SHAPES = [(1, 1), (1, 2), (1, 17), (23, 1), (2, 2), (7, 7), (20, 33), (64, 41)]
Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]


def one_pixel(draw: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    mask[draw.integers(shape[0]), draw.integers(shape[1])] = 1
    return mask


def edge(row: int | slice, column: int | slice) -> Draw:
    def drawn(draw: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        mask = np.zeros(shape, np.uint8)
        mask[row, column] = 1
        return mask

    return drawn


def disc(draw: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    y, x = np.ogrid[: shape[0], : shape[1]]
    centre = draw.uniform(0, shape)
    return (np.hypot(y - centre[0], x - centre[1]) < max(shape) / 4 + 0.5).astype(np.uint8)


MASKS: dict[str, Draw] = {
    "empty": lambda draw, shape: np.zeros(shape, np.uint8),
    "full": lambda draw, shape: np.ones(shape, np.uint8),
    "one pixel": one_pixel,
    "all but one": lambda draw, shape: 1 - one_pixel(draw, shape),
    "last row": edge(-1, slice(None)),
    "last column": edge(slice(None), -1),
    "last pixel": edge(-1, -1),
    "first pixel": edge(0, 0),
    "noise": lambda draw, shape: draw.integers(0, 2, shape, dtype=np.uint8),
    "sparse": lambda draw, shape: (draw.random(shape) < 0.03).astype(np.uint8),
    "disc": disc,
}
MAPS: dict[str, Draw] = {
    "zero": lambda draw, shape: np.zeros(shape, np.uint8),
    "one": lambda draw, shape: np.full(shape, 255, np.uint8),
    "constant": lambda draw, shape: np.full(shape, draw.integers(1, 255), np.uint8),
    "two levels": lambda draw, shape: np.where(draw.random(shape) < 0.5, 77, 0).astype(np.uint8),
    "noise": lambda draw, shape: draw.integers(0, 256, shape, dtype=np.uint8),
    "pale": lambda draw, shape: draw.integers(3, 40, shape, dtype=np.uint8),
    "soft disc": lambda draw, shape: (disc(draw, shape) * draw.integers(150, 256, shape)).astype(np.uint8),
    "floats": lambda draw, shape: draw.random(shape),
    "half": lambda draw, shape: disc(draw, shape) * np.float32(0.6),
}


def check(ours: Score, p: np.ndarray, truth: np.ndarray) -> None:
    """Equal to the toolbox, with the differences that `scaler.metrics.measures` documents."""
    theirs, curves = reference(p, truth)
    own = dict(zip(CURVES, ours.curves, strict=True))
    assert all(0 <= value <= 1 for value in ours.metrics.values())
    assert all(curve.min() >= 0 and curve.max() <= 1 for curve in own.values())
    assert ours.metrics["mae"] == pytest.approx(theirs["mae"], abs=1e-12)
    if not np.isnan(theirs["s_alpha"]):
        assert ours.metrics["s_alpha"] == pytest.approx(theirs["s_alpha"], abs=1e-12)
    assert own["e_measure"] == pytest.approx(np.minimum(curves["e_measure"], 1), abs=1e-12)
    if p.any():
        assert ours.metrics["e_adaptive"] == pytest.approx(min(theirs["e_adaptive"], 1), abs=1e-12)
    nothing_called = np.floor(p.max() * 255) < np.arange(256)
    for name in ("precision", "recall", "f_measure"):
        expected = curves[name] if truth.any() else np.where(nothing_called, 1, curves[name])
        assert own[name] == pytest.approx(expected, abs=1e-12), name
    if truth.any() and p.any():
        assert ours.metrics["f_adaptive"] == pytest.approx(theirs["f_adaptive"], abs=1e-12)
        assert ours.metrics["f_weighted"] == pytest.approx(theirs["f_weighted"], abs=1e-12)
    assert ours.metrics["e_mean"] == pytest.approx(own["e_measure"].mean())
    assert ours.metrics["f_mean"] == pytest.approx(own["f_measure"].mean())


@pytest.mark.parametrize("drawn", MAPS)
@pytest.mark.parametrize("mask", MASKS)
def test_equal_to_pysodmetrics(mask: str, drawn: str) -> None:
    draw = np.random.default_rng([list(MASKS).index(mask), list(MAPS).index(drawn)])
    for shape in SHAPES:
        truth, given = MASKS[mask](draw, shape), MAPS[drawn](draw, shape)
        p = given / 255 if given.dtype == np.uint8 else given.astype(np.float64)
        check(score(given, truth, stretch=False), p, truth.astype(bool))
        check(score(given, truth, stretch=True), stretched(p), truth.astype(bool))


def test_levels_and_floats_give_the_same() -> None:
    """Histograms of 256 levels, and the pixels themselves."""
    draw = np.random.default_rng(5)
    for shape in ((30, 41), (64, 64)):
        given, truth = MAPS["soft disc"](draw, shape), disc(draw, shape)
        fast, plain = score(given, truth, stretch=False), score(given / 255, truth, stretch=False)
        assert fast.metrics == pytest.approx(plain.metrics, abs=1e-13)
        assert np.array_equal(fast.curves, plain.curves)


def test_a_histogram_counts_more_pixels_than_a_float32_does(monkeypatch: pytest.MonkeyPatch) -> None:
    from scaler.metrics import levels

    code = np.random.default_rng(0).integers(0, 256, (40, 30), dtype=np.uint8)
    whole = levels.histogram(code)
    monkeypatch.setattr(levels, "EXACT_COUNTS", 70)  # two rows at a time
    assert np.array_equal(levels.histogram(code), whole)
    assert np.array_equal(whole, np.bincount(code.ravel(), minlength=256))


def test_the_fast_path_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(6)
    given, truth = MAPS["soft disc"](draw, (40, 52)), disc(draw, (40, 52))
    fast = score(given, truth, stretch=False)
    monkeypatch.setenv("SCALER_PLAIN", "attention, metrics")
    monkeypatch.setattr("scaler.metrics.measures.structure", lambda parts: 0.0)
    plain = score(given, truth, stretch=False)
    assert plain.metrics == pytest.approx(fast.metrics, abs=1e-12)
    np.testing.assert_allclose(plain.curves, fast.curves, atol=1e-12)
    monkeypatch.setitem(sys.modules, "py_sod_metrics", None)
    with pytest.raises(ScalerError, match="need the package pysodmetrics"):
        score(given, truth, stretch=False)
