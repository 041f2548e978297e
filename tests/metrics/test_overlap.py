"""IoU and Dice against values counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from scaler.metrics.overlap import binarize, dice, iou


def grid(*rows: str) -> np.ndarray:
    """A mask of characters: "#" is inside."""
    return np.array([[sign == "#" for sign in row] for row in rows])


def test_the_object_begins_at_one_half() -> None:
    assert binarize(np.array([0, 127, 128, 255], dtype=np.uint8)).tolist() == [False, False, True, True]
    assert binarize(np.array([0, 0.499, 0.5, 1], dtype=np.float32)).tolist() == [False, False, True, True]


@pytest.mark.parametrize(
    ("a", "b", "expected", "expected_dice"),
    [
        (["##..", "##.."], [".##.", ".##."], 2 / 6, 4 / 8),
        (["##"], ["##"], 1.0, 1.0),
        (["#."], [".#"], 0.0, 0.0),
        (["..", ".."], ["..", ".."], 1.0, 1.0),
        (["..", ".."], ["#.", ".."], 0.0, 0.0),
    ],
)
def test_overlap_by_hand(a: list[str], b: list[str], expected: float, expected_dice: float) -> None:
    assert iou(grid(*a), grid(*b)) == pytest.approx(expected)
    assert dice(grid(*a), grid(*b)) == pytest.approx(expected_dice)


def test_stacks_are_measured_image_by_image() -> None:
    drawn = np.random.default_rng(0).random((2, 3, 5, 7)) > 0.5
    values = iou(drawn, drawn[0, 0])
    assert values.shape == (2, 3)
    assert values[1, 2] == iou(drawn[1, 2], drawn[0, 0])
