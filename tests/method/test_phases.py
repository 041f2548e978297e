"""The options of both phases: what a switch changes in the losses of a step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from scaler.data.augment import Part
from scaler.data.geometry import View
from scaler.method.phase_one import phase_one_loss
from scaler.method.phase_two import SecondView, phase_two_loss, resistance_loss
from scaler.method.targets import prepare
from scaler.params import Params
from scaler.training.batches import Batch
from scaler.training.ema import frozen_running_statistics
from tests.conftest import with_values

SIDE = 8


def batch(labelled: list[bool]) -> Batch:
    count = len(labelled)
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(count, 3, SIDE, SIDE, generator=generator)
    views = [View("h", k % 4) for k in range(count)]
    mask = (torch.rand(count, 1, SIDE, SIDE, generator=generator) > 0.5).float()
    marks = torch.zeros(count, 1, SIDE, SIDE, dtype=torch.uint8)
    return Batch(views, image, mask, marks, torch.tensor(labelled), np.asarray(labelled))


def logits(count: int, seed: int = 1) -> Tensor:
    return torch.randn(count, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed), requires_grad=True)


def phase_one_gradients(params: Params, data: Batch) -> Tensor:
    """(B,): how much of the gradient each image has."""
    params = with_values(params, segmenter={"depth_weights": [1.0]}, weighting={"simple_entropy": None})
    out = logits(len(data.image))
    label = torch.rand(len(data.image), 1, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    targets = prepare(label, label, params.weighting, params.phase_one)
    phase_one_loss([out], None, data, targets, params).backward()  # type: ignore[no-untyped-call]
    assert out.grad is not None
    return out.grad.abs().sum(dim=(1, 2, 3))


def test_labels_alone_leave_the_other_images_out(params: Params) -> None:
    gradients = phase_one_gradients(with_values(params, phase_one={"sources": "none"}), batch([True, False, False]))
    assert gradients[0] > 0
    assert gradients[1:].tolist() == [0, 0]


def test_balance_of_kinds_does_not_depend_on_their_numbers(params: Params) -> None:
    data = batch([True, False, False, False])
    images = phase_one_gradients(with_values(params, phase_one={"balance": "images"}), data)
    kinds = phase_one_gradients(with_values(params, phase_one={"balance": "kinds"}), data)
    torch.testing.assert_close(kinds[0], 4 * images[0])  # divided by the 1 labelled image instead of by 4
    torch.testing.assert_close(kinds[1:], images[1:] * 4 / 3)


def test_a_wholly_ambiguous_label_counts_nothing_in_phase_two(params: Params) -> None:
    ambiguous, sure = torch.full((1, 1, SIDE, SIDE), 0.5), torch.ones(1, 1, SIDE, SIDE)
    out = logits(1)
    assert resistance_loss(out, out, ambiguous, params).item() == pytest.approx(0, abs=1e-6)
    assert resistance_loss(out, out, sure, params).item() > 0.1
    paper = with_values(params, train_sam={"image_weight": False, "pixel_weight_on_iou": True})
    nearly = ambiguous + 1e-3
    assert resistance_loss(out, out, nearly, paper) > 10 * resistance_loss(out, out, nearly, params)


def test_refinement_in_the_place_of_noise_resistance(params: Params) -> None:
    """A sure label is simple: both views learn from it."""
    changed = with_values(params, train_sam={"resistance": "refinement"})
    weak, second = logits(1), logits(1, seed=3)
    resistance_loss(weak, second, torch.ones(1, 1, SIDE, SIDE), changed).sum().backward()  # type: ignore[no-untyped-call]
    assert weak.grad is not None
    assert second.grad is not None
    assert float(second.grad.abs().sum()) > 0


@pytest.mark.parametrize("views", ["strong", "weak"])
def test_the_second_view_comes_back_into_the_frame_of_the_first(views: str, params: Params) -> None:
    params = with_values(params, train_sam={"invariance_views": views}, augmentation={"strong_operations": 0})
    data = batch([False] * 6)
    second = SecondView.draw(data, np.random.default_rng(0), params, Part(6, 0))
    torch.testing.assert_close(second.aligned(second.image, slice(0, 6)), data.image)
    assert torch.equal(second.image, data.image) is (views == "strong")
    torch.testing.assert_close(second.aligned(second.image[2:4], slice(2, 4)), data.image[2:4])


def test_parts_of_a_batch_add_up_with_either_balance(params: Params) -> None:
    data, out = batch([True, False, False]), logits(3)
    value = torch.arange(3.0)
    for balance in ("images", "kinds"):
        options = with_values(params, train_sam={"balance": balance}).train_sam
        denominators = data.denominators(balance)
        whole = phase_two_loss(out, data, value, value, options, denominators)
        cuts = [slice(0, 1), slice(1, 3)]
        parts = [phase_two_loss(out[c], data.part(c), value[c], value[c], options, denominators) for c in cuts]
        torch.testing.assert_close(sum(parts), whole)


def test_running_statistics_can_rest() -> None:
    norm = nn.BatchNorm2d(3)
    norm(torch.randn(4, 3, 5, 5))
    before = norm.running_mean.clone()  # type: ignore[union-attr]
    with frozen_running_statistics(norm):
        came = norm(torch.randn(4, 3, 5, 5) + 5).detach()
    assert torch.equal(norm.running_mean, before)  # type: ignore[arg-type]
    assert float(came.mean().abs()) < 1e-5, "it normalises with the batch all the same"
    assert norm.momentum == 0.1
