"""Difficult, normal and simple images (eq. 9-12): which pixels and views of a source count in the robust loss."""

from __future__ import annotations

import math

import pytest
import torch

from scaler.method.refinement import basic_loss, robust_loss
from scaler.method.targets import prepare
from scaler.method.weighting import DIFFICULT, NORMAL, SIMPLE
from tests.method.four_pixels import (
    LN2,
    LOGITS,
    MIDDLE,
    OPTIONS,
    STRONG,
    SURE,
    UNSURE,
    WEIGHTING,
    of_source,
    row,
    targets_of,
    with_options,
)


def test_a_difficult_source_alone() -> None:
    targets = targets_of(SURE, UNSURE, with_options(sources="sam"))
    assert targets.branch.tolist() == [DIFFICULT]
    assert basic_loss(LOGITS, targets.sources).item() == pytest.approx(of_source(LOGITS, UNSURE, (1, 0, 0, 0)))


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
