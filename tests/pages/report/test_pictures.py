"""Pictures and charts of the report."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from scaler.pages.report.charts import Segment, Series, axis, shares_chart, stops_chart
from scaler.pages.report.pictures import BLUE, ORANGE, disagreement, outline, outlines, photograph, probability


def decode(uri: str) -> np.ndarray:
    raw = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(io.BytesIO(raw)).convert("RGBA"))


def test_pictures_show_what_they_are_given() -> None:
    ramp = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1))
    assert np.abs(decode(probability(ramp))[..., 0].astype(int) - ramp).max() <= 9
    first, sam = (np.zeros((8, 8), np.uint8) for _ in range(2))
    first[:, :5] = 200
    sam[:, 3:] = 200
    shown = decode(disagreement(first, sam))
    assert tuple(shown[0, 0, :3]) == BLUE
    assert tuple(shown[0, 7, :3]) == ORANGE
    assert shown[0, 3, 0] > 200
    over = decode(outlines(first, sam, None))
    assert tuple(over[4, 4]) == (*BLUE, 255)
    assert tuple(over[4, 3]) == (*ORANGE, 255)
    assert over[4, 0, 3] < 255  # inside, the photograph shows through
    image = np.random.default_rng(0).integers(0, 256, (300, 200, 3), dtype=np.uint8)
    assert decode(photograph(image)).shape == (128, 85, 4)


def test_an_outline_is_the_rim_of_the_object() -> None:
    inside = np.zeros((7, 7), bool)
    inside[2:5, 2:5] = True
    rim = outline(inside)
    assert rim.sum() == 8
    assert not rim[3, 3]


def test_charts_survive_gaps_and_odd_ranges() -> None:
    assert axis([0.123, 0.871])[0] <= 0.123
    assert axis([0.5, 0.5])[0] < 0.5 < axis([0.5, 0.5])[1]
    assert axis([])[:2] == (0.0, 1.0)
    nan = float("nan")
    svg = stops_chart(
        "A < B", ["x", "y", "z"], [Series("s", "sam", [0.1, nan, 0.3]), Series("t", "teacher", [nan] * 3)]
    )
    assert "nan" not in svg.lower()
    assert "A &lt; B" in svg
    bars = shares_chart("b", [Segment("Warm-up", 2)], [Series("n", "normal", [3, 0]), Series("d", "difficult", [1, 0])])
    assert bars.count("<rect") == 2  # the second epoch saw no image
    assert "epoch 1: n 3, d 1" in bars
    many = shares_chart("b", [Segment("Warm-up", 1000)], [Series("n", "normal", [1.0] * 1000)])
    assert many.count("<rect") <= 160
