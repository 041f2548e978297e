"""The robust loss (eq. 7-11): weights and fusing of two sources, by hand and in every combination of options."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.autograd import gradcheck

from scaler.errors import ScalerError
from scaler.method.losses import iou_loss, weighted_cross_entropy
from scaler.method.refinement import basic_loss, deep_robust_loss, robust_loss
from scaler.method.targets import prepare
from scaler.method.weighting import NORMAL
from tests.method.four_pixels import (
    LN2,
    LN3,
    LN4,
    LOGITS,
    MIDDLE,
    OPTIONS,
    STRONG,
    SURE,
    UNSURE,
    WEIGHTING,
    D,
    batch,
    of_source,
    row,
    targets_of,
    with_options,
)


def test_basic_loss_by_hand() -> None:
    # Teacher 0, 1/2, 1/2, 1: E = 1/2, w = 1/2, u = 1, 0, 0, 1.
    #   CE: (-ln(1/2) - ln(3/4)) / 2 = (ln 2 + ln 4 - ln 3) / 2
    #   IoU: I = 0 + 3/4; U = 1/2 + 1; 1 - (7/4) / (5/2) = 3/10
    # SAM 0, 0, 1, 1: E = 0, w = 1, u = 1.
    #   CE: (ln 2 + ln 4 + ln 4 + ln 4 - ln 3) / 4
    #   IoU: I = 1/4 + 3/4 = 1; U = 1/2 + 3/4 + 1 + 1 = 13/4; 1 - 2 / (17/4) = 9/17
    teacher = 0.5 * ((LN2 + LN4 - LN3) / 2 + 0.3)
    sam = (LN2 + 3 * LN4 - LN3) / 4 + 9 / 17
    targets = targets_of(MIDDLE, SURE)
    assert basic_loss(LOGITS, targets.sources).item() == pytest.approx(teacher + sam)
    assert robust_loss(LOGITS, None, targets, OPTIONS).item() == pytest.approx(teacher + sam)
    assert targets.image_weights.flatten().tolist() == [0.5, 1.0]
    assert targets.entropies.flatten().tolist() == [0.5, 0.0]
    assert targets.mean_pixel_weights.flatten().tolist() == [0.5, 1.0]
    assert targets.branch.tolist() == [NORMAL]


@pytest.mark.parametrize("combine", ["sum", "fuse"])
def test_one_source_alone(combine: str) -> None:
    for source, alone in (("teacher", MIDDLE), ("sam", SURE)):
        targets = targets_of(MIDDLE, SURE, with_options(sources=source, combine=combine))
        assert targets.sources.target.shape[1] == 1
        assert basic_loss(LOGITS, targets.sources).item() == pytest.approx(of_source(LOGITS, alone))
        assert bool(targets.simple) is (source == "sam"), "the source that is there decides"
        assert targets.entropies.shape == (2, 1), "the log has both"


def test_agreement_is_the_image_weight_of_sam() -> None:
    weighting = WEIGHTING.model_copy(update={"image_weight": "agreement"})
    targets = prepare(row(*MIDDLE), row(*MIDDLE), weighting, OPTIONS, torch.tensor([0.25]))
    assert targets.image_weights.tolist() == [[0.5], [0.25]]


def test_pixel_weight_on_cross_entropy_only() -> None:
    options = with_options(pixel_weight_on_iou=False)
    target, sure = row(*MIDDLE), row(*SURE)
    u = (2 * target - 1) ** 2
    expected = 0.5 * (weighted_cross_entropy(LOGITS, target, u) + iou_loss(LOGITS, target))
    expected = expected + weighted_cross_entropy(LOGITS, sure) + iou_loss(LOGITS, sure)
    targets = targets_of(MIDDLE, SURE, options)
    assert robust_loss(LOGITS, None, targets, options).item() == pytest.approx(expected.item())


def test_pixel_normalisation() -> None:
    options = with_options(pixel_normalisation="pixels")
    # Both sources 0, 1/2, 1/2, 1: w = 1/2 each, u = 1, 0, 0, 1: CE over N = 4; IoU 3/10 as above.
    expected = (LN2 + LN4 - LN3) / 4 + 0.3
    assert robust_loss(LOGITS, None, targets_of(MIDDLE, MIDDLE, options), options).item() == pytest.approx(expected)


def test_binary_teacher_label_keeps_its_uncertainty() -> None:
    options = with_options(teacher_label="binary")
    soft, targets = targets_of(MIDDLE, MIDDLE), targets_of(MIDDLE, MIDDLE, options)
    assert torch.equal(targets.entropies, soft.entropies)
    assert torch.equal(targets.sources.cross_entropy_weight, soft.sources.cross_entropy_weight)
    assert targets.sources.target[0, :, 0].tolist() == [[0, 1, 1, 1], [0, 0.5, 0.5, 1]]


def test_fusing_by_hand() -> None:
    # w = 1/2 and 1: (MIDDLE / 2 + SURE) / (3/2) = 0, 1/6, 5/6, 1 with u = 1, 4/9, 4/9, 1 and w = 3/2
    options = with_options(combine="fuse")
    fused, u = row(0, 1 / 6, 5 / 6, 1), row(1, 4 / 9, 4 / 9, 1)
    expected = 1.5 * (weighted_cross_entropy(LOGITS, fused, u) + iou_loss(LOGITS, fused, u))
    targets = targets_of(MIDDLE, SURE, options)
    assert robust_loss(LOGITS, None, targets, options).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("map_", [SURE, MIDDLE, UNSURE])
def test_fusing_equal_sources_is_their_sum(map_: tuple[float, ...]) -> None:
    losses = []
    for combine in ("sum", "fuse"):
        options = with_options(combine=combine)
        losses.append(robust_loss(LOGITS, STRONG, targets_of(map_, map_, options), options).item())
    assert losses[0] == pytest.approx(losses[1])


def test_fusing_leaves_untrusted_pixels_to_the_other_source() -> None:
    options = with_options(combine="fuse")
    sources = targets_of(UNSURE, MIDDLE, options).sources
    assert sources.target.flatten()[1:].tolist() == pytest.approx(MIDDLE[1:])


def test_sources_without_any_weight_cost_nothing() -> None:
    unsure = row(0.5, 0.5, 0.5, 0.5)
    for combine in ("sum", "fuse"):
        options = with_options(combine=combine)
        logits = LOGITS.clone().requires_grad_()
        loss = robust_loss(logits, None, prepare(unsure, unsure, WEIGHTING, options), options)
        loss.sum().backward()
        assert loss.item() == 0
        assert logits.grad is not None
        assert (logits.grad == 0).all()


ALL_OPTIONS = list(
    itertools.product(
        ("soft", "binary"),
        ("sum", "fuse"),
        (True, False),
        ("weights", "pixels"),
        ("per_source", "teacher", "sam", "mean"),
        ("threshold", "agreement"),
        ("both", "strong"),
    )
)
NAMES = (
    "teacher_label",
    "combine",
    "pixel_weight_on_iou",
    "pixel_normalisation",
    "branch_entropy",
    "difficult_trust",
    "simple_terms",
)


def test_every_combination_of_options_treats_images_one_by_one() -> None:
    teacher = batch([SURE, MIDDLE, UNSURE, SURE, UNSURE])
    sam = batch([SURE, SURE, MIDDLE, UNSURE, UNSURE])
    weak, strong = LOGITS.expand(5, -1, -1, -1), STRONG.expand(5, -1, -1, -1)
    for values in ALL_OPTIONS:
        options = with_options(**dict(zip(NAMES, values, strict=True)))
        targets = prepare(teacher, sam, WEIGHTING, options)
        loss = robust_loss(weak, strong, targets, options)
        assert torch.isfinite(loss).all()
        assert (loss >= 0).all()
        # The strong rows of the simple images are enough.
        few = robust_loss(weak, strong[targets.simple], targets, options)
        assert torch.equal(loss, few)
        for i in range(5):
            alone = prepare(teacher[i : i + 1], sam[i : i + 1], WEIGHTING, options)
            single = robust_loss(LOGITS, STRONG, alone, options)
            assert single.item() == pytest.approx(loss[i].item(), abs=1e-12), (values, i)


@pytest.mark.parametrize("combine", ["sum", "fuse"])
def test_gradient_matches_finite_differences(combine: str) -> None:
    options = with_options(combine=combine, simple_weight=0.7)
    targets = prepare(batch([SURE, MIDDLE, UNSURE]), batch([MIDDLE, SURE, UNSURE]), WEIGHTING, options)
    weak = torch.linspace(-2, 2, 12, dtype=D).view(3, 1, 1, 4).requires_grad_()
    strong = torch.linspace(1, -1, 4, dtype=D).view(1, 1, 1, 4).requires_grad_()
    assert targets.simple.tolist() == [True, False, False]
    assert gradcheck(lambda x, y: robust_loss(x, y, targets, options), (weak, strong))


def test_pseudo_labels_carry_no_gradient() -> None:
    teacher = row(*MIDDLE).requires_grad_()
    targets = prepare(teacher, teacher, WEIGHTING, OPTIONS)
    assert not any(x.requires_grad for x in (*targets.sources, *targets[1:]) if x is not None)


def test_deep_supervision_of_both_views() -> None:
    targets = targets_of(SURE, MIDDLE)
    weak, strong = [LOGITS, 2 * LOGITS], [STRONG, -STRONG]
    expected = 0.5 * robust_loss(weak[0], strong[0], targets, OPTIONS) + robust_loss(
        weak[1], strong[1], targets, OPTIONS
    )
    assert torch.allclose(deep_robust_loss(weak, strong, targets, OPTIONS, [0.5, 1.0]), expected)
    normal = targets_of(MIDDLE, MIDDLE)
    expected = 0.5 * robust_loss(weak[0], None, normal, OPTIONS) + robust_loss(weak[1], None, normal, OPTIONS)
    assert torch.allclose(deep_robust_loss(weak, None, normal, OPTIONS, [0.5, 1.0]), expected)
    with pytest.raises(ScalerError, match="depth_weights"):
        deep_robust_loss(weak, strong, targets, OPTIONS, [1.0])


def test_a_missing_strong_view_is_refused() -> None:
    targets = prepare(batch([SURE, SURE, MIDDLE]), batch([SURE, SURE, SURE]), WEIGHTING, OPTIONS)
    weak = LOGITS.expand(3, -1, -1, -1)
    for strong in (None, STRONG):
        with pytest.raises(ValueError, match="2 of 3 images are simple"):
            robust_loss(weak, strong, targets, OPTIONS)
    with pytest.raises(ValueError, match="shapes differ"):
        prepare(LOGITS, LOGITS[..., :2], WEIGHTING, OPTIONS)
