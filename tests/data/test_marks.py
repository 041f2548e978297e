from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from scaler.data.marks import points, scribbles


def blob(height: int = 60, width: int = 80) -> NDArray[np.uint8]:
    mask = np.zeros((height, width), np.uint8)
    return np.asarray(cv2.ellipse(mask, (30, 30), (20, 10), 25, 0, 360, 1, -1), np.uint8)


def parts(region: NDArray[np.bool_]) -> int:
    return int(cv2.connectedComponents(region.astype(np.uint8), connectivity=8)[0]) - 1


@pytest.mark.parametrize("seed", range(8))
def test_one_point_per_class_inside_it_and_away_from_its_edge(seed: int) -> None:
    mask = blob()
    marks = points(mask, np.random.default_rng(seed), 2)
    assert parts(marks == 1) == parts(marks == 2) == 1
    assert (marks == 1).sum() == (marks == 2).sum() == 13  # a whole disc of radius 2
    assert (mask[marks == 1] == 1).all()
    assert (mask[marks == 2] == 0).all()
    kept_off = cv2.dilate(mask, np.ones((5, 5), np.uint8)) - cv2.erode(mask, np.ones((3, 3), np.uint8))
    assert not (kept_off[marks > 0]).any()


def test_point_of_radius_0_and_in_a_thin_object() -> None:
    mask = np.zeros((40, 40), np.uint8)
    mask[20, 5:35] = 1
    marks = points(mask, np.random.default_rng(0), 0)
    assert (marks == 1).sum() == (marks == 2).sum() == 1
    wide = points(mask, np.random.default_rng(0), 3)
    assert (mask[wide == 1] == 1).all()


def test_several_points_per_class_lie_apart() -> None:
    mask = blob()
    marks = points(mask, np.random.default_rng(0), 2, per_class=3)
    assert parts(marks == 1) == parts(marks == 2) == 3
    alone = points(mask, np.random.default_rng(0), 2) == 1
    assert (marks[alone] == 1).all()  # the first is where it would be without the others
    tiny = np.zeros((40, 40), np.uint8)
    tiny[20:23, 20:23] = 1
    assert parts(points(tiny, np.random.default_rng(0), 1, per_class=5) == 1) == 1  # no place for more


@pytest.mark.parametrize("seed", range(8))
def test_strokes_stay_in_their_class_and_are_long(seed: int) -> None:
    mask = blob()
    marks = scribbles(mask, np.random.default_rng(seed), 2)
    assert parts(marks == 1) == parts(marks == 2) == 1
    assert (mask[marks == 1] == 1).all()
    assert (mask[marks == 2] == 0).all()
    rows, columns = np.nonzero(marks == 1)
    assert 8 <= np.ptp(columns) <= 36
    assert 0.01 < (marks == 1).sum() / mask.sum() < 0.25
    assert (marks == 2).sum() >= 20
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    assert distance[rows, columns].min() >= 2


def test_width_of_a_stroke() -> None:
    mask = np.zeros((41, 101), np.uint8)
    mask[10:31, 5:96] = 1
    for width in (1, 3, 5):
        marks = scribbles(mask, np.random.default_rng(0), width)
        assert np.median((marks == 1).sum(axis=0)[(marks == 1).any(axis=0)]) == width


def test_every_large_object_gets_a_stroke_and_specks_get_none() -> None:
    mask = np.zeros((60, 90), np.uint8)
    mask[10:30, 10:30] = mask[10:30, 60:80] = mask[50, 45] = 1
    marks = scribbles(mask, np.random.default_rng(0), 1)
    assert (marks[:, :40] == 1).any()
    assert (marks[:, 50:] == 1).any()
    assert marks[50, 45] == 0
    assert parts(marks == 1) == 2
    assert parts(marks == 2) == 1


@pytest.mark.parametrize("simulate", [points, scribbles])
@pytest.mark.parametrize(("value", "present"), [(0, 2), (1, 1)])
def test_empty_and_full_masks_have_one_class_only(simulate, value: int, present: int) -> None:  # type: ignore[no-untyped-def]
    marks = simulate(np.full((30, 50), value, np.uint8), np.random.default_rng(0), 2)
    assert set(np.unique(marks)) == {0, present}


@pytest.mark.parametrize("simulate", [points, scribbles])
def test_same_generator_same_marks(simulate) -> None:  # type: ignore[no-untyped-def]
    first, again, other = (simulate(blob(), np.random.default_rng(seed), 2) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("simulate", [points, scribbles])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_tiny_objects_keep_a_mark_of_each_class(simulate, size: int) -> None:  # type: ignore[no-untyped-def]
    mask = np.zeros((20, 20), np.uint8)
    mask[7 : 7 + size, 3 : 3 + size] = 1
    marks = simulate(mask, np.random.default_rng(0), 2)
    assert set(np.unique(marks)) == {0, 1, 2}
    assert (mask[marks == 1] == 1).all()


def test_ring_with_a_hole() -> None:
    mask = np.zeros((60, 60), np.uint8)
    cv2.circle(mask, (30, 30), 20, 1, 8)
    marks = scribbles(mask, np.random.default_rng(0), 2)
    assert (mask[marks == 1] == 1).all()
    assert (mask[marks == 2] == 0).all()
    assert parts(marks == 2) == 1
