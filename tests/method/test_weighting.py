"""Entropies, weights, trusted pixels and branches against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from scaler.method.weighting import (
    DIFFICULT,
    NORMAL,
    SIMPLE,
    agreeing_pixels,
    binary_entropy,
    branch,
    image_entropy,
    image_weight,
    pixel_weight,
    trusted_pixels,
)

D = torch.float64


def maps(*values: float) -> Tensor:
    """One image of one row."""
    return torch.tensor(values, dtype=D).view(1, 1, 1, -1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_binary_entropy_by_hand(dtype: torch.dtype) -> None:
    p = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0], dtype=dtype)
    # H(1/4) = 1/4 log2 4 + 3/4 log2(4/3) = 1/2 + 3/4 (2 - log2 3) = 2 - 3/4 log2 3
    quarter = 2 - 0.75 * math.log2(3)
    entropy = binary_entropy(p)
    assert entropy.dtype == dtype
    assert entropy[[0, 2, 4]].tolist() == [0.0, 1.0, 0.0]  # exactly
    assert torch.allclose(entropy[[1, 3]], torch.tensor([quarter, quarter], dtype=dtype), rtol=1e-6)


def test_binary_entropy_gradient() -> None:
    p = torch.tensor([0.01, 0.2, 0.5, 0.9], dtype=D, requires_grad=True)
    assert gradcheck(binary_entropy, (p,))
    ends = torch.tensor([0.0, 1.0, 1e-30], dtype=torch.float32, requires_grad=True)
    binary_entropy(ends).sum().backward()
    assert ends.grad is not None
    assert torch.isfinite(ends.grad).all()
    assert binary_entropy(torch.tensor([float("nan")])).isnan().all()


def test_image_entropy_is_the_mean_of_each_image() -> None:
    # (0 + 1 + 1 + 0) / 4 and (1 + 1 + 1 + 0) / 4
    p = torch.tensor([[0.0, 0.5, 0.5, 1.0], [0.5, 0.5, 0.5, 1.0]]).view(2, 1, 2, 2)
    assert image_entropy(p).tolist() == [0.5, 0.75]


def test_image_entropy_of_the_foreground() -> None:
    p = torch.zeros(1, 1, 8, 8)
    p[..., 4, 4] = 1.0
    p[..., 4, 5] = 0.5  # counts as object: the object is (4, 4-5), grown by 1 to rows 3-5, columns 3-6: 12 pixels
    p[..., 3, 3] = 0.25  # in the grown region
    p[..., 0, 0] = 0.25  # outside
    quarter = 2 - 0.75 * math.log2(3)
    assert image_entropy(p, "foreground").item() == pytest.approx((1 + quarter) / 12)
    assert image_entropy(p, "all").item() == pytest.approx((1 + 2 * quarter) / 64)


def test_image_entropy_grows_the_object_with_the_image() -> None:
    p = torch.full((1, 1, 64, 128), 0.25)
    p[..., 32, 64] = 1.0  # 64 / 32 = 2 pixels to each side: 25 pixels, of which one is certain
    quarter = 2 - 0.75 * math.log2(3)
    assert image_entropy(p, "foreground").item() == pytest.approx(24 * quarter / 25)


def test_image_entropy_without_an_object_takes_all_pixels() -> None:
    p = torch.stack([torch.full((1, 8, 8), 0.25), torch.zeros(1, 8, 8)])
    p[1, 0, 0, 0] = 1.0
    assert image_entropy(p, "foreground").tolist() == pytest.approx([2 - 0.75 * math.log2(3), 0.0])


def test_image_weight_by_hand() -> None:
    entropy = torch.tensor([0.0, 0.25, 1.0], dtype=D)
    assert image_weight(entropy).tolist() == [1.0, 0.75, 0.0]
    assert image_weight(entropy, "quadratic").tolist() == [1.0, 0.5625, 0.0]
    assert image_weight(entropy, "exponential").tolist() == pytest.approx([1.0, math.exp(-0.25), math.exp(-1)])


def test_image_weight_is_never_negative() -> None:
    above = torch.nextafter(torch.ones(1), torch.full((1,), 2.0))
    assert image_weight(above).item() == 0


def test_pixel_weight_by_hand() -> None:
    p = maps(0.0, 0.25, 0.5, 0.75, 1.0)
    assert pixel_weight(p).flatten().tolist() == [1.0, 0.25, 0.0, 0.25, 1.0]
    assert pixel_weight(p, "absolute").flatten().tolist() == [1.0, 0.5, 0.0, 0.5, 1.0]
    quarter = 0.75 * math.log2(3) - 1  # 1 - H(1/4)
    assert pixel_weight(p, "entropy").flatten().tolist() == pytest.approx([1.0, quarter, 0.0, quarter, 1.0])


@pytest.mark.parametrize("form", ["squared", "absolute", "entropy"])
def test_pixel_weight_gradient(form: str) -> None:
    p = maps(0.1, 0.3, 0.8).requires_grad_()
    assert gradcheck(lambda x: pixel_weight(x, form), (p,))  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_trusted_pixels_include_the_thresholds(dtype: torch.dtype) -> None:
    p = torch.tensor([0.0, 0.3, 0.31, 0.5, 0.69, 0.7, 1.0], dtype=dtype)
    assert trusted_pixels(p).tolist() == [1, 1, 0, 0, 0, 1, 1]
    assert trusted_pixels(p, 0.2, 0.6).tolist() == [1, 0, 0, 0, 1, 1, 1]


def test_agreeing_pixels() -> None:
    p, q = torch.tensor([0.0, 0.6, 0.5, 0.49]), torch.tensor([0.4, 0.4, 1.0, 0.5])
    assert agreeing_pixels(p, q).tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_branch_thresholds_are_inclusive(dtype: torch.dtype) -> None:
    entropy = torch.tensor([0.0, 0.2, 0.2001, 0.7999, 0.8, 1.0], dtype=dtype)
    kinds = branch(entropy)
    assert kinds.dtype == torch.int64
    assert kinds.tolist() == [SIMPLE, SIMPLE, NORMAL, NORMAL, DIFFICULT, DIFFICULT]
    assert (NORMAL, DIFFICULT, SIMPLE) == (0, 1, 2)


def test_unknown_forms_are_refused() -> None:
    p = maps(0.5)
    for call in (
        lambda: image_entropy(p, "edge"),  # type: ignore[arg-type]
        lambda: image_weight(p, "cubic"),  # type: ignore[arg-type]
        lambda: pixel_weight(p, "cubic"),  # type: ignore[arg-type]
    ):
        with pytest.raises(ValueError, match="expected"):
            call()
