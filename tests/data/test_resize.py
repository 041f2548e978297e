from __future__ import annotations

import numpy as np
import pytest

from scaler.data.resize import to_square
from scaler.errors import ScalerError


def test_shrinking_averages_areas_by_hand() -> None:
    image = np.repeat(np.asarray([[0, 4, 100, 100], [8, 12, 100, 200]], np.uint8)[..., None], 3, axis=2)
    image = np.vstack([image, image])
    mask = np.asarray([[1, 1, 0, 0], [0, 0, 0, 1]] * 2, np.uint8)
    small, small_mask, marks = to_square(image, mask, None, 2)
    np.testing.assert_array_equal(small[..., 0], [[6, 125], [6, 125]])
    np.testing.assert_array_equal(small_mask, [[1, 0], [1, 0]])  # 1/2 covered is foreground, 1/4 is not
    assert marks is None


@pytest.mark.parametrize("shape", [(7, 5), (40, 50), (200, 20), (32, 32), (1, 1)])
def test_any_size_becomes_the_square(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (*shape, 3), np.uint8)
    mask, marks = rng.integers(0, 2, shape, np.uint8), rng.integers(0, 3, shape, np.uint8)
    small, small_mask, small_marks = to_square(image, mask, marks, 32)
    assert small.shape == (32, 32, 3)
    assert small_mask is not None
    assert small_marks is not None
    assert small.dtype == small_mask.dtype == small_marks.dtype == np.uint8
    assert set(np.unique(small_mask)) <= {0, 1}
    assert set(np.unique(small_marks)) == set(np.unique(marks)) or 0 not in np.unique(small_marks)
    if shape == (32, 32):
        np.testing.assert_array_equal(small, image)
        np.testing.assert_array_equal(small_mask, mask)
        np.testing.assert_array_equal(small_marks, marks)


def test_constant_images_stay_constant_when_one_axis_grows() -> None:
    small, _, _ = to_square(np.full((100, 10, 3), 77, np.uint8), None, None, 32)
    assert (small == 77).all()


@pytest.mark.parametrize("inverted", [False, True])
def test_small_objects_and_holes_never_vanish(inverted: bool) -> None:
    mask = np.zeros((320, 320), np.uint8)
    mask[100:103, 200:202] = 1
    expected = np.zeros((32, 32), np.uint8)
    expected[10, 20] = 1
    image = np.zeros((320, 320, 3), np.uint8)
    _, small, _ = to_square(image, 1 - mask if inverted else mask, None, 32)
    np.testing.assert_array_equal(small, 1 - expected if inverted else expected)


def test_single_marks_land_at_their_scaled_place() -> None:
    marks = np.zeros((480, 640), np.uint8)
    marks[13, 77], marks[400, 600] = 1, 2
    _, _, small = to_square(np.zeros((480, 640, 3), np.uint8), None, marks, 32)
    assert small is not None
    assert np.argwhere(small == 1).tolist() == [[13 * 32 // 480, 77 * 32 // 640]]
    assert np.argwhere(small == 2).tolist() == [[400 * 32 // 480, 600 * 32 // 640]]


def test_each_of_several_marks_stays_where_only_some_are_hit() -> None:
    marks = np.zeros((480, 640), np.uint8)
    places = [(7, 10), (7, 30), (100, 101), (300, 333), (479, 639)]  # the first is hit: 7 = (0 + 0.5) * 480 / 32 - 0.5
    for row, column in places:
        marks[row, column] = 1
    _, _, small = to_square(np.zeros((480, 640, 3), np.uint8), None, marks, 32)
    assert small is not None
    assert np.argwhere(small == 1).tolist() == [[row * 32 // 480, column * 32 // 640] for row, column in places]


def test_marks_never_become_another_class() -> None:
    marks = np.zeros((100, 100), np.uint8)
    marks[:, 30:50] = 2
    _, _, small = to_square(np.zeros((100, 100, 3), np.uint8), None, marks, 64)
    assert small is not None
    assert set(np.unique(small)) == {0, 2}


def test_a_lost_mark_takes_a_pixel_that_the_other_class_can_spare() -> None:
    marks = np.full((64, 64), 2, np.uint8)
    marks[0, 0] = 1
    _, _, small = to_square(np.zeros((64, 64, 3), np.uint8), None, marks, 32)
    assert small is not None
    assert np.argwhere(small == 1).tolist() == [[0, 0]]
    assert np.count_nonzero(small == 2) == 32 * 32 - 1


def test_marks_that_fall_together_are_refused() -> None:
    marks = np.zeros((640, 640), np.uint8)
    marks[10, 10], marks[9, 9] = 1, 2
    with pytest.raises(ScalerError, match=r"same pixel at size 32; raise prepare_data\.size"):
        to_square(np.zeros((640, 640, 3), np.uint8), None, marks, 32)
