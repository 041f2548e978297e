"""Losses of one map against values worked out by hand, and their gradients against finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.nn import functional as F

from scaler.errors import ScalerError
from scaler.method.losses import (
    cross_entropy_to_each,
    deep_supervision,
    invariance_loss,
    iou_loss,
    iou_to_each,
    noise_resistance_loss,
    partial_cross_entropy,
    supervised_loss,
    weighted_cross_entropy,
)

D = torch.float64
LN2, LN3, LN4 = math.log(2), math.log(3), math.log(4)


def row(*values: float) -> Tensor:
    """One image of one row."""
    return torch.tensor(values, dtype=D).view(1, 1, 1, -1)


# Three pixels with p = 1/2, 3/4, 1/4 (logits 0, ln 3, -ln 3) and labels 1, 1/2, 0.
LOGITS = row(0.0, LN3, -LN3)
TARGET = row(1.0, 0.5, 0.0)
WEIGHT = row(1.0, 0.5, 0.25)
# -ln(1/2) = ln 2; -(ln(3/4) + ln(1/4)) / 2 = ln 4 - ln(3) / 2; -ln(3/4) = ln 4 - ln 3
CE = (LN2, LN4 - LN3 / 2, LN4 - LN3)


def some_maps(count: int, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(2, 1, 3, 4, dtype=D, generator=generator) for _ in range(count)]


def test_cross_entropy_by_hand() -> None:
    weighted = CE[0] + 0.5 * CE[1] + 0.25 * CE[2]
    assert weighted_cross_entropy(LOGITS, TARGET).item() == pytest.approx(sum(CE) / 3)
    assert weighted_cross_entropy(LOGITS, TARGET, WEIGHT).item() == pytest.approx(weighted / 1.75)
    assert weighted_cross_entropy(LOGITS, TARGET, WEIGHT, "pixels").item() == pytest.approx(weighted / 3)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-7), (D, 1e-15)])
def test_cross_entropy_is_torch_s_own_at_every_size_of_logit(dtype: torch.dtype, tolerance: float) -> None:
    x = torch.tensor([-200.0, -90.0, -20.0, -1.0, 0.0, 1e-4, 3.0, 20.0, 90.0, 200.0], dtype=dtype)
    for label in (0.0, 0.3, 1.0):
        logits, ours = (x.clone().view(-1, 1, 1, 1).requires_grad_() for _ in range(2))
        target = torch.full_like(logits, label)
        expected = F.binary_cross_entropy_with_logits(logits, target, reduction="none").flatten()
        came = weighted_cross_entropy(ours, target)
        assert torch.allclose(came, expected, rtol=1e-6, atol=tolerance)
        expected.sum().backward()
        came.sum().backward()
        assert ours.grad is not None
        assert logits.grad is not None
        assert torch.allclose(ours.grad, logits.grad, rtol=1e-6, atol=tolerance)


def test_cross_entropy_without_any_weight_is_zero_and_still() -> None:
    logits = LOGITS.clone().requires_grad_()
    loss = weighted_cross_entropy(logits, TARGET, torch.zeros_like(TARGET))
    loss.sum().backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert (logits.grad == 0).all()


def test_iou_by_hand() -> None:
    # p t = 1/2, 3/8, 0: I = 7/8; p + t - p t = 1, 7/8, 1/4: U = 17/8; 1 - (15/8) / (25/8) = 2/5
    assert iou_loss(LOGITS, TARGET).item() == pytest.approx(0.4)
    # u p t = 1/2, 3/16, 0: I = 11/16; u (...) = 1, 7/16, 1/16: U = 3/2; 1 - (27/16) / (5/2) = 13/40
    assert iou_loss(LOGITS, TARGET, WEIGHT).item() == pytest.approx(0.325)


def test_iou_at_its_ends() -> None:
    full, empty = torch.full((1, 1, 10, 10), 50.0, dtype=D), torch.full((1, 1, 10, 10), -50.0, dtype=D)
    ones, zeros = torch.ones_like(full), torch.zeros_like(full)
    assert iou_loss(empty, zeros).item() == pytest.approx(0, abs=1e-12)
    assert iou_loss(full, ones).item() == pytest.approx(0, abs=1e-12)
    assert iou_loss(full, zeros).item() == pytest.approx(1 - 1 / 101)  # I = 0, U = 100
    assert iou_loss(full, zeros, zeros).item() == 0


def test_partial_cross_entropy_by_hand() -> None:
    marks = torch.tensor([1, 0, 2], dtype=torch.uint8).view(1, 1, 1, 3)
    # pixel 0: -ln(1/2); pixel 2 is background: -ln(3/4); the one between has no mark
    assert partial_cross_entropy(LOGITS, marks).item() == pytest.approx((LN2 + LN4 - LN3) / 2)


def test_partial_cross_entropy_sees_marks_alone() -> None:
    marks = torch.zeros(2, 1, 3, 4, dtype=torch.uint8)
    marks[0, 0, 1, 2], marks[0, 0, 2, 0] = 1, 2
    logits = torch.linspace(-2, 2, 24, dtype=D).view(2, 1, 3, 4).requires_grad_()
    loss = partial_cross_entropy(logits, marks)
    assert loss[1].item() == 0  # no marks
    loss.sum().backward()
    assert logits.grad is not None
    assert torch.equal(logits.grad != 0, marks > 0)
    with pytest.raises(ValueError, match="integer"):
        partial_cross_entropy(logits, marks.double())


def test_supervised_loss_is_both_terms() -> None:
    mask = row(1.0, 1.0, 0.0)
    # CE: ln 2, -ln(3/4), -ln(3/4); IoU: I = 5/4, U = 1 + 1 + 1/4; 1 - (9/4) / (13/4) = 4/13
    expected = (LN2 + 2 * (LN4 - LN3)) / 3 + 4 / 13
    assert supervised_loss(LOGITS, mask).item() == pytest.approx(expected)


def test_invariance_by_hand() -> None:
    weak, strong = row(0.0, LN3), row(LN3, -LN3)  # p: 1/2, 3/4 and 3/4, 1/4; differences 1/4 and 1/2
    assert invariance_loss(weak, strong).item() == pytest.approx((1 / 16 + 1 / 4) / 2)
    assert invariance_loss(weak, strong, "l1").item() == pytest.approx(3 / 8)
    # CE of the strong view with labels 1/2, 3/4: pixel 0: ln 4 - ln(3)/2; pixel 1: 3/4 ln 4 + 1/4 (ln 4 - ln 3)
    cross_entropy = (LN4 - LN3 / 2 + LN4 - LN3 / 4) / 2
    # IoU: p t = 3/8, 3/16: I = 9/16; U = 1/2 + 3/4 + 3/4 + 1/4 - 9/16 = 27/16; 1 - (25/16) / (43/16) = 18/43
    assert invariance_loss(weak, strong, "ce_iou").item() == pytest.approx(cross_entropy + 18 / 43)


@pytest.mark.parametrize(
    ("distance", "stop", "weak_moves"),
    [("mse", False, True), ("mse", True, False), ("l1", False, True), ("l1", True, False), ("ce_iou", False, False)],
)
def test_invariance_stops_the_weak_view(distance: str, stop: bool, weak_moves: bool) -> None:
    weak, strong = (x.requires_grad_() for x in some_maps(2))
    invariance_loss(weak, strong, distance, stop).sum().backward()  # type: ignore[arg-type]
    assert strong.grad is not None
    assert (strong.grad != 0).all()
    assert (weak.grad is not None) == weak_moves


def test_noise_resistance_by_hand() -> None:
    # u = (2t - 1)^2 = 1, 0, 1 for labels 1, 1/2, 0: the middle pixel does not count
    # CE (ln 2 + ln 4 - ln 3) / 2; I = 1/2; U = 1 + 1/4; 1 - (3/2) / (9/4) = 1/3
    expected = (LN2 + LN4 - LN3) / 2 + 1 / 3
    assert noise_resistance_loss(LOGITS, TARGET).item() == pytest.approx(expected)
    by_pixels = (LN2 + LN4 - LN3) / 3 + 1 / 3
    assert noise_resistance_loss(LOGITS, TARGET, normalisation="pixels").item() == pytest.approx(by_pixels)


def test_noise_resistance_has_no_image_weight() -> None:
    # An image of one sure pixel among unsure ones costs what that pixel alone costs.
    logits, label = row(LN3, 1.0, 2.0, -1.0), row(1.0, 0.5, 0.5, 0.5)
    alone = noise_resistance_loss(logits[..., :1], label[..., :1])
    assert noise_resistance_loss(logits, label).item() == pytest.approx(alone.item())


@pytest.mark.parametrize("normalisation", ["weights", "pixels"])
def test_gradients_match_finite_differences(normalisation: str) -> None:
    logits, other, target, weight = some_maps(4)
    logits, other = (4 * logits - 2).requires_grad_(), (4 * other - 2).requires_grad_()
    marks = (3 * weight).to(torch.uint8)
    assert gradcheck(lambda x: weighted_cross_entropy(x, target, weight, normalisation), (logits,))  # type: ignore[arg-type]
    assert gradcheck(lambda x: noise_resistance_loss(x, target, "entropy", normalisation), (logits,))  # type: ignore[arg-type]
    assert gradcheck(lambda x: iou_loss(x, target, weight), (logits,))
    assert gradcheck(lambda x: supervised_loss(x, target), (logits,))
    assert gradcheck(lambda x: partial_cross_entropy(x, marks), (logits,))
    assert gradcheck(lambda x, y: invariance_loss(x, y, "mse"), (logits, other))
    assert gradcheck(lambda x, y: invariance_loss(x, y, "l1"), (logits, other))
    assert gradcheck(lambda y: invariance_loss(logits.detach(), y, "ce_iou"), (other,))


def test_gradient_of_cross_entropy_at_logit_zero() -> None:
    logits = torch.zeros(1, 1, 1, 2, dtype=D, requires_grad=True)
    weighted_cross_entropy(logits, row(1.0, 0.0)).sum().backward()
    assert logits.grad is not None
    assert logits.grad.flatten().tolist() == [-0.25, 0.25]  # (p - t) / N


def test_several_labels_at_once_are_each_by_itself() -> None:
    logits, one, two, u, v = some_maps(5)
    targets, weights = torch.cat([one, two], 1), torch.cat([u, v], 1)
    for each, single in ((cross_entropy_to_each, weighted_cross_entropy), (iou_to_each, iou_loss)):
        expected = torch.stack([single(logits, one, u), single(logits, two, v)], dim=1)
        assert torch.allclose(each(logits, targets, weights), expected, atol=1e-14)


def test_images_do_not_mix() -> None:
    logits, target, weight = some_maps(3)
    for loss in (weighted_cross_entropy, iou_loss):
        parts = torch.cat([loss(logits[i : i + 1], target[i : i + 1], weight[i : i + 1]) for i in range(2)])
        assert torch.equal(loss(logits, target, weight), parts)


def test_deep_supervision() -> None:
    outputs = some_maps(3)
    seen: list[int] = []

    def loss(x: Tensor) -> Tensor:
        seen.append(next(i for i, output in enumerate(outputs) if output is x))
        return x.mean(dim=(1, 2, 3))

    came = deep_supervision(outputs, loss, [0.25, 0.0, 2.0])
    expected = 0.25 * outputs[0].mean(dim=(1, 2, 3)) + 2 * outputs[2].mean(dim=(1, 2, 3))
    assert torch.allclose(came, expected, atol=1e-15)
    assert seen == [0, 2]  # a depth of weight 0 costs nothing
    with pytest.raises(ScalerError, match="depth_weights"):
        deep_supervision(outputs, loss, [1.0])
    with pytest.raises(ScalerError, match="depth_weights"):
        deep_supervision(outputs, loss, [0.0, 0.0, 0.0])


def test_wrong_shapes_and_options_are_refused() -> None:
    logits, target = some_maps(2)
    refused = [
        lambda: weighted_cross_entropy(logits, target[..., :2]),
        lambda: weighted_cross_entropy(logits, target, target[:1]),
        lambda: weighted_cross_entropy(logits[:, 0], target[:, 0]),
        lambda: weighted_cross_entropy(logits, torch.cat([target, target], 1)),
        lambda: weighted_cross_entropy(logits, target, target, "mean"),  # type: ignore[arg-type]
        lambda: iou_loss(logits, target[:1]),
        lambda: invariance_loss(logits, target[..., :2]),
        lambda: invariance_loss(logits, target, "cosine"),  # type: ignore[arg-type]
    ]
    for call in refused:
        with pytest.raises(ValueError, match="expected"):
            call()
