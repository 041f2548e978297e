"""Weak and strong augmentation: geometry carries everything along, photometry moves nothing."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from torch import Tensor

from scaler.data import augment
from scaler.data.augment import OPERATIONS, apply_strong, apply_views, draw_strong, draw_weak, invert_views
from scaler.data.geometry import View
from scaler.errors import ScalerError


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def strong(image: Tensor, rng: np.random.Generator, operations: int, magnitude: float) -> Tensor:
    return apply_strong(image, draw_strong(rng, len(image), operations, magnitude))


def images(count: int = 4, size: tuple[int, int] = (24, 24)) -> Tensor:
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(1))


def test_weak_views_are_drawn_from_the_options() -> None:
    views = draw_weak(rng(), 600, ["none", "h"], [0, 2])
    counts = Counter(views)
    assert set(counts) == {View(f, t) for f in ("none", "h") for t in (0, 2)}  # type: ignore[arg-type]
    assert min(counts.values()) > 110  # 150 expected
    assert views == draw_weak(rng(), 600, ["none", "h"], [0, 2])
    assert views != draw_weak(rng(1), 600, ["none", "h"], [0, 2])
    assert all(view.is_exact for view in views)


def test_images_that_are_not_square_keep_their_shape() -> None:
    views = draw_weak(rng(), 50, ["none", "v"], [0, 1, 2, 3], square=False)
    assert {view.quarter_turns for view in views} == {0, 2}
    x = images(50, (8, 12))
    assert apply_views(x, views).shape == x.shape
    with pytest.raises(ScalerError, match="quarter_turns"):
        draw_weak(rng(), 4, ["none"], [1, 3], square=False)
    with pytest.raises(ValueError, match="odd quarter turn"):
        apply_views(x[:1], [View("none", 1)])


def test_each_image_moves_by_its_own_view_and_comes_back() -> None:
    views = draw_weak(rng(), 12, ["none", "h", "v"], [0, 1, 2, 3])
    x = images(12)
    moved = apply_views(x, views)
    for i, view in enumerate(views):
        assert torch.equal(moved[i : i + 1], view.apply(x[i : i + 1]))
    assert torch.equal(invert_views(moved, views), x)


def test_labels_travel_with_their_image() -> None:
    views = draw_weak(rng(), 6, ["none", "h", "v"], [0, 1, 2, 3])
    x = images(6)
    marks = (x[:, :1] * 3).to(torch.uint8)
    moved = apply_views(marks, views, "nearest")
    assert moved.dtype == torch.uint8
    assert torch.equal(moved, (apply_views(x, views)[:, :1] * 3).to(torch.uint8))
    assert torch.equal(invert_views(moved, views, "nearest"), marks)
    with pytest.raises(ValueError, match="nearest"):
        apply_views(marks, views)


def test_one_view_for_all() -> None:
    x = images(3)
    assert torch.equal(apply_views(x, [View("h")] * 3), x.flip(-1))
    assert torch.equal(apply_views(x, [View()] * 3), x)


def test_views_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="each of 4 images"):
        apply_views(images(4), [View()])
    with pytest.raises(ValueError, match="scale 1"):
        apply_views(images(1), [View(scale=2.0)])


def test_strong_stays_in_range_and_leaves_its_input_alone() -> None:
    x = images(16)
    before = x.clone()
    for seed in range(4):
        y = strong(x, rng(seed), 5, 1.0)
        assert y.shape == x.shape
        assert y.dtype == x.dtype
        assert torch.isfinite(y).all()
        assert 0 <= y.min() <= y.max() <= 1
        assert all(not torch.equal(y[i], x[i]) for i in range(16))
    assert torch.equal(x, before)


def test_strong_follows_the_generator() -> None:
    x = images()
    assert torch.equal(strong(x, rng(), 2, 0.5), strong(x, rng(), 2, 0.5))
    assert not torch.equal(strong(x, rng(), 2, 0.5), strong(x, rng(1), 2, 0.5))


def test_nothing_to_do_changes_nothing() -> None:
    x = images()
    assert torch.equal(strong(x, rng(), 0, 1.0), x)
    assert torch.equal(strong(x, rng(), 5, 0.0), x)


def test_each_image_draws_its_own_different_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[int, float]] = []

    def note(number: int) -> object:
        def operation(image: Tensor, strength: float, sign: float) -> Tensor:
            assert sign in (-1, 1)
            drawn.append((number, strength))
            return image

        return operation

    monkeypatch.setattr(augment, "OPERATIONS", tuple(note(number) for number in range(5)))
    strong(images(400, (2, 2)), rng(), 2, 0.6)
    pairs = [(drawn[i][0], drawn[i + 1][0]) for i in range(0, 800, 2)]
    assert all(first != second for first, second in pairs)
    assert len(set(pairs)) == 20  # every ordered pair of five
    assert min(Counter(number for number, _ in drawn).values()) > 110  # 160 expected of each
    strengths = [strength for _, strength in drawn]
    assert 0 <= min(strengths) < 0.05
    assert 0.55 < max(strengths) <= 0.6


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_operations_move_nothing(operation: object, sign: float) -> None:
    """A mirrored image gives the mirrored result, and a bright spot stays where it is."""
    assert callable(operation)
    x = images(1)[0] * 0.3
    x[:, 5:8, 14:17] = 0.9
    for move in (lambda t: t.flip(-1), lambda t: t.flip(-2), lambda t: t.rot90(1, (-2, -1))):
        assert torch.allclose(operation(move(x), 0.8, sign), move(operation(x, 0.8, sign)), atol=1e-5)
    spot = operation(x, 0.8, sign).mean(dim=0)
    y, x_ = divmod(int(torch.nn.functional.avg_pool2d(spot[None], 3, 1, 1).argmax()), 24)
    assert (y, x_) == (6, 15)


def test_operations_by_hand() -> None:
    contrast, brightness, posterize, sharpness, blur = OPERATIONS
    x = torch.tensor([0.2, 0.4]).expand(3, 1, 2).clone()
    assert torch.allclose(brightness(x, 0.5, 1.0), x * 1.45)
    assert torch.allclose(brightness(x, 0.5, -1.0), x * 0.55)
    # grey all over, mean 0.3: contrast 1.45 takes 0.2 to 0.3 - 0.145 and 0.4 to 0.3 + 0.145; torchvision's
    # grey is 0.2989 R + 0.587 G + 0.114 B = 0.9999 of it
    assert torch.allclose(contrast(x, 0.5, 1.0), torch.tensor([0.155, 0.445]).expand(3, 1, 2), atol=1e-4)
    # strength 1: 4 bits, 16 levels: 0.2 -> 3/16, 0.4 -> 6/16
    assert torch.allclose(posterize(x, 1.0, 1.0), torch.tensor([0.1875, 0.375]).expand(3, 1, 2))
    assert torch.equal(posterize(x, 0.1, 1.0), x)  # 8 bits: all there are
    spot = torch.zeros(3, 50, 50)
    spot[:, 25, 25] = 1.0
    # strength 1 of a side of 50: deviation 0.5; neighbours fall by exp(-1 / (2 0.25)) = exp(-2)
    blurred = blur(spot, 1.0, 1.0)
    assert blurred.sum().item() == pytest.approx(3, rel=1e-5)
    assert (blurred[0, 25, 26] / blurred[0, 25, 25]).item() == pytest.approx(np.exp(-2), rel=1e-5)
    # torchvision smooths the inner pixels with 1/13 of their neighbours and 5/13 of their own, then goes 1 + 0.9 away
    assert sharpness(spot, 1.0, -1.0)[0, 25, 25].item() == pytest.approx(0.1 + 0.9 * 5 / 13)
    assert sharpness(spot * 0.5, 1.0, 1.0)[0, 25, 25].item() == pytest.approx(0.5 + 0.9 * 0.5 * 8 / 13)


@pytest.mark.parametrize(("operations", "magnitude"), [(6, 0.5), (-1, 0.5), (2, 1.5), (2, -0.1)])
def test_settings_out_of_range_are_refused(operations: int, magnitude: float) -> None:
    with pytest.raises(ValueError, match="expected 0-5 operations"):
        strong(images(1), rng(), operations, magnitude)
