"""The prompts of a moved map are the moved prompts, in each of the views that permute pixels."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import label
from torch import Tensor

from scaler.data.geometry import FLIPS, TURNS, View
from scaler.models.prompts import PADDING, Prompts
from scaler.training.prompting import prompts_from_marks, prompts_from_mask

EXACT = [View(flip, turns, 1.0) for flip, turns in product(FLIPS, TURNS)]
views = st.sampled_from(EXACT)
STROKES = (
    "1110000000000",
    "1110000002000",
    "0011000002000",
    "0001100002220",
    "0000110000020",
    "0000010000022",
    "0000011000002",
    "0000001111002",
    "0000000001000",
    "0000000001000",
    "2200000001100",
    "2200000000100",
    "2000000000000",
)


@st.composite
def objects(draw: st.DrawFn) -> NDArray[np.bool_]:
    """Some overlapping ellipses on 24 x 24 pixels."""
    rows, columns = np.mgrid[:24, :24]
    found = np.zeros((24, 24), bool)
    for _ in range(draw(st.integers(1, 4))):
        y, x, height, width = (draw(st.floats(low, high)) for low, high in ((0, 23), (0, 23), (1, 8), (1, 8)))
        found |= ((rows - y) / height) ** 2 + ((columns - x) / width) ** 2 <= 1
    assume(found.any())
    return found


def moved_points(found: Prompts, view: View, side: int) -> set[tuple[float, float, int]]:
    """Each point drawn as one pixel of an empty map, moved with the map, and read again."""
    result = set()
    for (x, y), kind in zip(found.points_xy[0].tolist(), found.point_labels[0].tolist(), strict=True):
        if kind != PADDING:
            spot = torch.zeros(1, 1, side, side)
            spot[0, 0, int(y), int(x)] = 1
            row, column = view.apply(spot, "nearest")[0, 0].nonzero()[0].tolist()
            result.add((column + 0.5, row + 0.5, kind))
    return result


def as_map(values: NDArray[np.float32] | NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(values)[None, None]


@given(objects(), views, st.integers(0, 2**32 - 1))
def test_points_of_the_teacher(found: NDArray[np.bool_], view: View, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(found.size).reshape(found.shape)  # no two pixels are equally sure
    p = as_map((0.4 * order / found.size + 0.5 * found).astype(np.float32))
    own, there = (prompts_from_mask(one, "teacher_points", 4) for one in (p, view.apply(p, "nearest")))
    points = moved_points(there, View(), 24)
    assert len(points) == label(found, np.ones((3, 3)))[1] + (not found.all())
    assert points == moved_points(own, view, 24)


@given(objects(), views, st.integers(1, 3))
def test_points_of_discs(found: NDArray[np.bool_], view: View, value: int) -> None:
    components, count = label(found, np.ones((3, 3)))
    for k in range(1, count + 1):  # no two pixels are equally near the centroid
        pixels = np.argwhere(components == k)
        away = np.sort(((pixels - pixels.mean(axis=0)) ** 2).sum(axis=1))
        assume(len(away) == 1 or away[1] - away[0] > 1e-6)
    marks = as_map(np.where(found, 1 + value % 2, 0).astype(np.uint8))
    own, there = (prompts_from_marks(one, "marks_points", count) for one in (marks, view.apply(marks, "nearest")))
    points = moved_points(there, View(), 24)
    assert len(points) == count  # one each: as many as there may be
    assert points == moved_points(own, view, 24)


@pytest.mark.parametrize("view", EXACT, ids=str)
def test_points_along_strokes(view: View) -> None:
    marks = as_map(np.array([[int(digit) for digit in row] for row in STROKES], np.uint8))
    own, there = (prompts_from_marks(one, "marks_points", 3) for one in (marks, view.apply(marks, "nearest")))
    points = moved_points(there, View(), 13)
    assert sorted(kind for _, _, kind in points) == [0, 0, 0, 1, 1, 1]
    assert points == moved_points(own, view, 13)


@given(objects(), views, st.sampled_from(["marks_box", "teacher_box"]))
def test_boxes(found: NDArray[np.bool_], view: View, kind: str) -> None:
    make, dtype = (prompts_from_marks, np.uint8) if kind == "marks_box" else (prompts_from_mask, np.float32)
    one = as_map(found.astype(dtype))  # type: ignore[arg-type]
    box = make(view.apply(one, "nearest"), kind, 1).box_xyxy
    corners = make(one, kind, 1).box_xyxy
    assert box is not None
    assert corners is not None
    spots = torch.zeros(1, 1, 24, 24)
    for x, y in corners.view(2, 2).int().tolist():
        spots[0, 0, y, x] = 1
    rows, columns = view.apply(spots, "nearest")[0, 0].nonzero().unbind(1)
    assert box[0].tolist() == [float(side) + 0.5 for side in (columns.min(), rows.min(), columns.max(), rows.max())]


@given(objects(), views)
def test_masks(found: NDArray[np.bool_], view: View) -> None:
    p = as_map(np.where(found, 0.9, np.linspace(0, 0.4, 24)).astype(np.float32))
    own, there = (prompts_from_mask(one, "teacher_mask", 1).mask_logits for one in (p, view.apply(p, "nearest")))
    assert own is not None
    assert there is not None
    assert torch.equal(view.apply(own, "nearest"), there)
