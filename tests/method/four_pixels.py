"""Images of four pixels with known entropies, and options, for the tests of the robust loss."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from scaler.method.losses import iou_loss, weighted_cross_entropy
from scaler.method.targets import PseudoTargets, prepare
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


def batch(kinds: list[tuple[float, ...]]) -> Tensor:
    return torch.cat([row(*kind) for kind in kinds])
