"""What is measured of an image, against values counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from scaler.pages.measure import components, marks_agreement, oscillation
from scaler.pages.table import rounded


def grid(*rows: str) -> np.ndarray:
    """A map of characters: "#" is inside."""
    return np.array([[sign == "#" for sign in row] for row in rows])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["....", "...."], 0),
        (["#..#", "...."], 2),
        (["#...", ".#..", "..#."], 1),  # diagonal neighbours belong together
        (["##.#", "##..", "...#"], 3),
        (["####", "#..#", "####"], 1),
    ],
)
def test_components_count_eight_neighbours(rows: list[str], expected: int) -> None:
    assert components(grid(*rows)) == expected


def test_agreement_with_marks_counts_marked_pixels_alone() -> None:
    inside = grid("##..", "....")
    marks = np.array([[1, 2, 1, 0], [2, 2, 0, 0]], dtype=np.uint8)
    # of five marks: foreground hit, background missed, foreground missed, twice background kept
    assert marks_agreement(inside, marks) == pytest.approx(3 / 5)
    assert marks_agreement(inside, np.zeros_like(marks)) is None


@pytest.mark.parametrize(
    ("series", "turns"),
    [
        ([0.2, 0.5, 0.8, 1.0], 0),
        ([0.2, 0.8, 0.5, 1.0], 2),
        ([0.9, 0.5, 1.0], 1),
        ([0.5, 0.505, 0.5, 0.506, 1.0], 0),  # steps of a hundredth and less are no movement
        ([1.0, 0.4, 0.8, 0.3, 1.0], 3),
        ([1.0], 0),
        ([1.0, 1.0, 1.0], 0),
    ],
)
def test_oscillation_counts_turns(series: list[float], turns: int) -> None:
    assert oscillation(series) == turns


def test_numbers_are_rounded_without_negative_zero_or_nan() -> None:
    assert rounded(0.123456) == 0.1235
    assert str(rounded(-0.00001)) == "0.0"
    assert rounded(float("nan")) is None
    assert rounded(float("inf")) is None
    assert rounded(None) is None
