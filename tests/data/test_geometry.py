"""Every flip, turn and scale and its way back, on maps without any symmetry."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from scaler.data.geometry import View, all_views, canonical, scaled_side

ALL_VIEWS = all_views()
EXACT = [view for view in ALL_VIEWS if view.is_exact]
NOT_SMALLER = [view for view in ALL_VIEWS if view.scale >= 1]
HALVED = [view for view in ALL_VIEWS if view.scale == 0.5]
SIZES = [(6, 6), (6, 10), (10, 6)]


def name(view: View) -> str:
    return f"{view.flip}-{view.quarter_turns}-{view.scale}"


def asymmetric(size: tuple[int, int], channels: int = 2) -> Tensor:
    """(2, channels, H, W): every pixel has a value of its own."""
    count = 2 * channels * size[0] * size[1]
    return torch.arange(count, dtype=torch.float64).view(2, channels, *size) / count


def marks(size: tuple[int, int]) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 3, (2, 1, *size)).astype(np.uint8))


def test_there_are_36_views() -> None:
    assert len(set(ALL_VIEWS)) == 36
    assert all_views(["h"], [1], [2.0]) == [View("h", 1, 2.0)]


def test_moves_are_the_ones_named() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).view(1, 1, 2, 2)
    expected = {
        View("h", 0): [[2, 1], [4, 3]],
        View("v", 0): [[3, 4], [1, 2]],
        View("none", 1): [[2, 4], [1, 3]],  # counter-clockwise: the right column comes to the top
        View("none", 2): [[4, 3], [2, 1]],
        View("none", 3): [[3, 1], [4, 2]],
        View("h", 1): [[1, 3], [2, 4]],  # first the flip, then the turn: the transpose
        View("v", 1): [[4, 2], [3, 1]],
    }
    for view, rows in expected.items():
        assert view.apply(x)[0, 0].tolist() == rows, view


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", EXACT, ids=name)
def test_exact_views_come_back_exactly(view: View, size: tuple[int, int]) -> None:
    for x in (asymmetric(size), asymmetric(size).float()):
        moved = view.apply(x)
        assert moved.shape[-2:] == (size if view.quarter_turns % 2 == 0 else size[::-1])
        assert torch.equal(view.invert(moved, size), x)
        assert torch.equal(moved.flatten(1).sort().values, x.flatten(1).sort().values)
        assert torch.equal(view.apply(x, "nearest"), moved)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", NOT_SMALLER, ids=name)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool, torch.float32])
def test_classes_come_back_identical_at_scales_1_and_2(view: View, size: tuple[int, int], dtype: torch.dtype) -> None:
    x = marks(size).to(dtype)
    moved = view.apply(x, "nearest")
    assert moved.dtype == dtype
    assert torch.equal(view.invert(moved, size, "nearest"), x)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", HALVED, ids=name)
def test_classes_at_scale_one_half(view: View, size: tuple[int, int]) -> None:
    """At 0.5 one pixel of each 2 x 2 block survives and fills its block; a map of whole blocks is unchanged."""
    blocks = marks((size[0] // 2, size[1] // 2)).repeat_interleave(2, -1).repeat_interleave(2, -2)
    assert torch.equal(view.invert(view.apply(blocks, "nearest"), size, "nearest"), blocks)
    x = torch.arange(2 * size[0] * size[1]).view(2, 1, *size)
    back = view.invert(view.apply(x, "nearest"), size, "nearest")
    rows, columns = torch.arange(size[0]) // 2, torch.arange(size[1]) // 2
    of_block = (rows[:, None] * size[1] + columns).expand_as(x)  # which block a pixel lies in
    source = x.flatten().argsort()[back.flatten()]  # where each value came from
    assert torch.equal(of_block.flatten()[source].view_as(x), of_block)
    assert (back == x).float().mean().item() == 0.25


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", ALL_VIEWS, ids=name)
def test_labels_come_back_to_where_they_were(view: View, size: tuple[int, int]) -> None:
    """A bilinear way there and back moves nothing: mass and centre stay, to within what the border cuts off."""
    height, width = (8 * side for side in size)
    y, x = torch.meshgrid(torch.arange(height, dtype=torch.float64), torch.arange(width).double(), indexing="ij")
    centre = (0.4 * height, 0.55 * width)
    bump = torch.exp(-((y - centre[0]) ** 2 + 0.5 * (x - centre[1]) ** 2) / 32).view(1, 1, height, width)
    back = view.invert(view.apply(bump), (height, width))
    assert back.shape == bump.shape
    mass, mass_back = bump.sum(), back.sum()
    assert mass_back.item() == pytest.approx(mass.item(), rel=1e-4)
    for axis in (y, x):
        there, here = (axis * bump[0, 0]).sum() / mass, (axis * back[0, 0]).sum() / mass_back
        assert here.item() == pytest.approx(there.item(), abs=5e-3)
    assert (back - bump).abs().max().item() < 0.08


@pytest.mark.parametrize("view", ALL_VIEWS, ids=name)
def test_a_constant_map_stays_constant(view: View) -> None:
    x = torch.full((1, 1, 6, 10), 0.3, dtype=torch.float64)
    assert torch.allclose(view.invert(view.apply(x), (6, 10)), x, atol=1e-15)


def test_shrinking_uses_all_pixels() -> None:
    """Stripes finer than the new pixels must become their mean, wherever they are between the sampling points."""
    for phase in range(4):
        stripes = (torch.arange(32) % 4 == phase).double().expand(1, 1, 8, 32)
        inner = View(scale=0.25).apply(stripes)[..., 1:-1]
        assert torch.allclose(inner, torch.full_like(inner, 0.25), atol=0.07)
        back = View(scale=4.0).invert(stripes, (2, 8))
        assert torch.allclose(back, torch.full_like(back, 0.25), atol=1e-15)


def test_way_back_from_scale_2_is_the_mean_of_each_block() -> None:
    y = asymmetric((6, 10))
    expected = y.view(2, 2, 3, 2, 5, 2).mean(dim=(3, 5))
    assert torch.allclose(View(scale=2.0).invert(y, (3, 5)), expected, atol=1e-15)


@pytest.mark.parametrize("turns", range(4))
def test_two_names_of_one_geometry(turns: int) -> None:
    x = asymmetric((6, 10))
    view = View("v", turns, 2.0)
    other = canonical(view)
    assert other.flip == "h"
    assert torch.equal(view.apply(x), other.apply(x))
    assert torch.equal(view.invert(view.apply(x), (6, 10)), other.invert(other.apply(x), (6, 10)))


def test_canonical_names_tell_all_geometries_apart() -> None:
    x = asymmetric((6, 6), 1)
    seen: dict[View, list[float]] = {}
    for view in EXACT:
        moved = view.apply(x).flatten().tolist()
        assert seen.setdefault(canonical(view), moved) == moved
    assert len(seen) == 8  # the symmetries of the square
    assert len({tuple(moved) for moved in seen.values()}) == 8
    assert all(canonical(view) == view for view in seen)


def test_scaled_sides_are_brought_to_the_nearest_multiple() -> None:
    assert [scaled_side(352, scale, 32) for scale in (0.5, 1.0, 2.0)] == [192, 352, 704]  # 176 = 5.5 x 32
    assert scaled_side(96, 0.5, 32) == 64  # 48 = 1.5 x 32
    assert scaled_side(8, 0.25, 16) == 16
    assert scaled_side(7, 0.5) == 4
    view = View("h", 1, 0.5)
    x = asymmetric((48, 96))
    moved = view.apply(x, multiple_of=16)
    assert moved.shape[-2:] == (48, 32)  # turned: 96, 48; halved: 48, 24; 24 = 1.5 x 16
    assert view.invert(moved, (48, 96)).shape == x.shape


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool])
def test_classes_are_never_interpolated(dtype: torch.dtype) -> None:
    x = torch.zeros(1, 1, 4, 4).to(dtype)
    for view in (View("h"), View(scale=2.0)):
        with pytest.raises(ValueError, match="nearest"):
            view.apply(x)
        with pytest.raises(ValueError, match="nearest"):
            view.invert(x, (4, 4))


@pytest.mark.parametrize("view", [View("d"), View("h", 4), View(scale=0.0), View(scale=math.nan)])  # type: ignore[arg-type]
def test_unknown_views_are_refused(view: View) -> None:
    with pytest.raises(ValueError, match="expected a flip"):
        view.apply(torch.zeros(1, 1, 4, 4))
    with pytest.raises(ValueError, match="bicubic"):
        View().apply(torch.zeros(1, 1, 4, 4), "bicubic")  # type: ignore[arg-type]
