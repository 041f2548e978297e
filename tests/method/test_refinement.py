"""The robust loss: weights, trusted pixels and branches of two sources, by hand and in every combination of options."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from scaler.errors import ScalerError
from scaler.method.losses import iou_loss, weighted_cross_entropy
from scaler.method.refinement import basic_loss, deep_robust_loss, robust_loss
from scaler.method.targets import PseudoTargets, prepare
from scaler.method.weighting import DIFFICULT, NORMAL, SIMPLE
from scaler.params import PhaseOneParams, WeightingParams

D = torch.float64
LN2, LN3, LN4 = math.log(2), math.log(3), math.log(4)
WEIGHTING = WeightingParams(
    image_weight="linear",
    pixel_weight="squared",
    entropy_region="all",
    difficult_entropy=0.8,
    simple_entropy=0.2,
    trusted_low=0.3,
    trusted_high=0.7,
)
OPTIONS = PhaseOneParams(
    sources="both",
    teacher_label="soft",
    combine="sum",
    pixel_weight_on_iou=True,
    pixel_normalisation="weights",
    branch_entropy="per_source",
    difficult_trust="threshold",
    simple_terms="both",
    simple_weight=1.0,
    partial_weight=1.0,
    image_term="none",
    image_term_weight=0.0,
    scale_consistency=0.0,
    confident_entropy=0.0,
    labelled_weight=1.0,
    unlabelled_weight=1.0,
    labelled_per_batch=None,
    balance="images",
    batch_statistics="joint",
)


def with_options(**changes: object) -> PhaseOneParams:
    return PhaseOneParams.model_validate({**OPTIONS.model_dump(), **changes})


def row(*values: float) -> Tensor:
    """One image of one row."""
    return torch.tensor(values, dtype=D).view(1, 1, 1, -1)


# Images of four pixels by their entropy E. H(0.72) = 0.855, H(0.6) = 0.971, H(0.9) = 0.469.
SURE = (0.0, 0.0, 1.0, 1.0)  # E = 0
MIDDLE = (0.0, 0.5, 0.5, 1.0)  # E = 1/2
UNSURE = (0.72, 0.6, 0.5, 0.4)  # E = 0.949; only the first pixel is trusted
LOGITS = row(0.0, LN3, -LN3, LN3)  # p = 1/2, 3/4, 1/4, 3/4
STRONG = row(LN3, 0.0, 0.0, -LN3)  # p = 3/4, 1/2, 1/2, 1/4


def targets_of(teacher: tuple[float, ...], sam: tuple[float, ...], options: PhaseOneParams = OPTIONS) -> PseudoTargets:
    return prepare(row(*teacher), row(*sam), WEIGHTING, options)


def of_source(logits: Tensor, p: tuple[float, ...], trusted: tuple[float, ...] = (1, 1, 1, 1)) -> float:
    """One source's part of eq 7 out of the tested parts, with u = (2p - 1)^2 and w = 1 - E written out."""
    target = row(*p)
    u = (2 * target - 1) ** 2 * row(*trusted)
    entropy = sum(0.0 if q in (0, 1) else -q * math.log2(q) - (1 - q) * math.log2(1 - q) for q in p) / len(p)
    return (1 - entropy) * (weighted_cross_entropy(logits, target, u) + iou_loss(logits, target, u)).item()


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


def test_a_difficult_source_alone() -> None:
    targets = targets_of(SURE, UNSURE, with_options(sources="sam"))
    assert targets.branch.tolist() == [DIFFICULT]
    assert basic_loss(LOGITS, targets.sources).item() == pytest.approx(of_source(LOGITS, UNSURE, (1, 0, 0, 0)))


def test_agreement_is_the_image_weight_of_sam() -> None:
    weighting = WEIGHTING.model_copy(update={"image_weight": "agreement"})
    targets = prepare(row(*MIDDLE), row(*MIDDLE), weighting, OPTIONS, torch.tensor([0.25]))
    assert targets.image_weights.tolist() == [[0.5], [0.25]]


def test_difficult_sources_count_at_trusted_pixels_only() -> None:
    # Eq 10. Teacher: only pixel 0 (label 0.72, u = 0.44^2) is trusted. CE: u cancels: -(0.72 + 0.28) ln(1/2) = ln 2.
    #   IoU: I = u 0.36; U = u (0.5 + 0.72 - 0.36) = u 0.86. SAM is not difficult and counts in full.
    entropy = (
        1 - sum(q * math.log2(q) + (1 - q) * math.log2(1 - q) + 1 for q in (0.72, 0.6, 0.5, 0.4)) / 4
    )  # 1 - mean(1 - H)
    u = 0.44**2
    teacher = (1 - entropy) * (LN2 + 1 - (0.36 * u + 1) / (0.86 * u + 1))
    targets = targets_of(UNSURE, MIDDLE)
    assert entropy >= 0.8
    assert targets.branch.tolist() == [DIFFICULT]
    came = robust_loss(LOGITS, None, targets, OPTIONS).item()
    assert came == pytest.approx(teacher + of_source(LOGITS, MIDDLE))
    assert came == pytest.approx(of_source(LOGITS, UNSURE, (1, 0, 0, 0)) + of_source(LOGITS, MIDDLE))


@pytest.mark.parametrize("combine", ["sum", "fuse"])
@pytest.mark.parametrize("on_iou", [True, False])
@pytest.mark.parametrize("normalisation", ["weights", "pixels"])
def test_untrusted_pixels_change_nothing(combine: str, on_iou: bool, normalisation: str) -> None:
    options = with_options(combine=combine, pixel_weight_on_iou=on_iou, pixel_normalisation=normalisation)
    unsure = row(*UNSURE)
    targets = prepare(unsure, unsure, WEIGHTING, options)
    # p -> 1 - p leaves the entropies as they are: the labels of the untrusted pixels are all that changes.
    other = prepare(torch.where(row(1, 0, 0, 0) > 0, unsure, 1 - unsure), unsure, WEIGHTING, options)
    assert torch.equal(targets.entropies, other.entropies)
    loss = robust_loss(LOGITS, None, targets, options)
    assert loss.item() > 0
    assert robust_loss(LOGITS, None, other, options).item() == pytest.approx(loss.item(), abs=1e-15)
    moved = LOGITS + row(0, 5, -7, 9)
    assert robust_loss(moved, None, targets, options).item() == pytest.approx(loss.item(), abs=1e-15)
    logits = LOGITS.clone().requires_grad_()
    robust_loss(logits, None, targets, options).sum().backward()
    assert logits.grad is not None
    assert (logits.grad.flatten() != 0).tolist() == [True, False, False, False]
    # A trusted pixel does count.
    assert robust_loss(LOGITS + row(1, 0, 0, 0), None, targets, options).item() != pytest.approx(loss.item())


def test_simple_images_add_the_strong_view() -> None:
    targets = targets_of(SURE, MIDDLE)
    weak = of_source(LOGITS, SURE) + of_source(LOGITS, MIDDLE)
    strong = of_source(STRONG, SURE) + of_source(STRONG, MIDDLE)
    assert targets.branch.tolist() == [SIMPLE]
    for terms, weight, expected in (
        ("both", 1.0, weak + strong),
        ("both", 0.25, weak + 0.25 * strong),
        ("strong", 1.0, strong),
        ("strong", 0.5, 0.5 * strong),
        ("both", 0.0, weak),
    ):
        options = with_options(simple_terms=terms, simple_weight=weight)
        assert robust_loss(LOGITS, STRONG, targets, options).item() == pytest.approx(expected)


def test_a_simple_teacher_with_a_difficult_sam() -> None:
    # Per source: SAM only where trusted, in both views; the log says difficult.
    targets = targets_of(SURE, UNSURE)
    assert targets.branch.tolist() == [DIFFICULT]
    assert targets.simple.tolist() == [True]
    expected = sum(of_source(view, SURE) + of_source(view, UNSURE, (1, 0, 0, 0)) for view in (LOGITS, STRONG))
    assert robust_loss(LOGITS, STRONG, targets, OPTIONS).item() == pytest.approx(expected)


# E of SURE, MIDDLE, UNSURE: 0, 0.5, 0.949. Expected: teacher difficult, SAM difficult, simple.
DECISIONS = {
    ("per_source", SURE, SURE): (False, False, True),
    ("per_source", SURE, MIDDLE): (False, False, True),
    ("per_source", SURE, UNSURE): (False, True, True),
    ("per_source", MIDDLE, SURE): (False, False, False),
    ("per_source", UNSURE, SURE): (True, False, False),
    ("per_source", UNSURE, UNSURE): (True, True, False),
    ("teacher", SURE, UNSURE): (False, False, True),
    ("teacher", UNSURE, SURE): (True, True, False),
    ("teacher", MIDDLE, UNSURE): (False, False, False),
    ("sam", SURE, UNSURE): (True, True, False),
    ("sam", UNSURE, SURE): (False, False, True),
    ("sam", UNSURE, MIDDLE): (False, False, False),
    ("mean", SURE, UNSURE): (False, False, False),  # 0.47
    ("mean", UNSURE, UNSURE): (True, True, False),
    ("mean", UNSURE, MIDDLE): (False, False, False),  # 0.72
    ("mean", SURE, SURE): (False, False, True),
    ("mean", SURE, MIDDLE): (False, False, False),  # 0.25
}


def trusted_at(p: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(float(q <= 0.3 or q >= 0.7) for q in p)


@pytest.mark.parametrize(("case", "decision"), DECISIONS.items())
def test_which_entropy_decides(
    case: tuple[str, tuple[float, ...], tuple[float, ...]], decision: tuple[bool, bool, bool]
) -> None:
    which, teacher, sam = case
    teacher_difficult, sam_difficult, simple = decision
    options = with_options(branch_entropy=which)
    targets = targets_of(teacher, sam, options)
    all_ones = (1.0, 1.0, 1.0, 1.0)
    teacher_trust = trusted_at(teacher) if teacher_difficult else all_ones
    sam_trust = trusted_at(sam) if sam_difficult else all_ones
    views = (LOGITS, STRONG) if simple else (LOGITS,)
    expected = sum(of_source(v, teacher, teacher_trust) + of_source(v, sam, sam_trust) for v in views)
    assert robust_loss(LOGITS, STRONG if simple else None, targets, options).item() == pytest.approx(expected)
    kind = DIFFICULT if teacher_difficult or sam_difficult else SIMPLE if simple else NORMAL
    assert targets.branch.tolist() == [kind]
    assert targets.simple.tolist() == [simple]


def test_agreement_instead_of_thresholds() -> None:
    sam = (0.9, 0.1, 0.5, 0.1)  # sides: fore, back, fore, back; the teacher's: fore, fore, fore, back
    options = with_options(difficult_trust="agreement")
    expected = of_source(LOGITS, UNSURE, (1, 0, 1, 1)) + of_source(LOGITS, sam)
    assert robust_loss(LOGITS, None, targets_of(UNSURE, sam, options), options).item() == pytest.approx(expected)


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


def batch(kinds: list[tuple[float, ...]]) -> Tensor:
    return torch.cat([row(*kind) for kind in kinds])


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
