"""The robust loss L_R of Phase I: pseudo-labels of two sources, weighted and sorted by their uncertainty (eq 1, 4-12).

What depends on the pseudo-labels alone (entropies, weights, trusted pixels, branches) is worked out once per batch by
`prepare`; the loss of each output depth and of each view then only compares logits with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from scaler.losses import Normalisation, deep_supervision, iou_loss, weighted_cross_entropy
from scaler.params import PhaseOneParams, WeightingParams
from scaler import uncertainty as un


class Source(NamedTuple):
    """One pseudo-label, with what eq 7 weighs it by.

    Attributes:
        target: (B, 1, H, W) in [0, 1].
        image_weight: (B,) w of eq 4.
        cross_entropy_weight: (B, 1, H, W) u of eq 6, 0 at pixels that eq 10 ignores.
        iou_weight: the same for the IoU term; None is 1 everywhere.
    """

    target: Tensor
    image_weight: Tensor
    cross_entropy_weight: Tensor
    iou_weight: Tensor | None

    def select(self, chosen: Tensor) -> Source:
        """Some images of the batch."""
        iou_weight = None if self.iou_weight is None else self.iou_weight[chosen]
        return Source(self.target[chosen], self.image_weight[chosen], self.cross_entropy_weight[chosen], iou_weight)


class PseudoTargets(NamedTuple):
    """A batch's pseudo-labels, ready for any number of outputs; nothing in it carries a gradient.

    The rows of `entropies`, `image_weights` and `mean_pixel_weights` are the teacher and SAM, whatever the options.

    Attributes:
        sources: teacher and SAM, or the one map that they were fused into.
        simple: (B,) bool: eq 11's strong term applies. An image may be so by its teacher and yet be logged as
            DIFFICULT because of SAM (`branch_entropy: per_source`).
        branch: (B,) int64, for the log: NORMAL, DIFFICULT or SIMPLE.
        entropies: (2, B) E of eq 5.
        image_weights: (2, B) w of eq 4.
        mean_pixel_weights: (2, B) mean of u of eq 6 over all pixels.
    """

    sources: tuple[Source, ...]
    simple: Tensor
    branch: Tensor
    entropies: Tensor
    image_weights: Tensor
    mean_pixel_weights: Tensor

    def select(self, chosen: Tensor) -> PseudoTargets:
        """Some images of the batch: `chosen` is (B,) bool or holds indices."""
        per_source = (x[:, chosen] for x in (self.entropies, self.image_weights, self.mean_pixel_weights))
        sources = tuple(source.select(chosen) for source in self.sources)
        return PseudoTargets(sources, self.simple[chosen], self.branch[chosen], *per_source)


@torch.no_grad()
def prepare(teacher: Tensor, sam: Tensor, weighting: WeightingParams, options: PhaseOneParams) -> PseudoTargets:
    """Weigh and sort a batch's pseudo-labels (eq 1, 4-6, 9, and the case distinction of eq 12).

    `teacher_label: binary` rounds P_T only where it is compared with the student; its uncertainty is the soft map's,
    for a rounded map has none.

    Args:
        teacher: P_T, (B, 1, H, W) in [0, 1], in the frame of A_w.
        sam: P_S, the same.
        weighting: block `weighting`.
        options: block `phase_one`.

    Raises:
        ValueError: shapes differ.
    """
    if teacher.shape != sam.shape:
        raise ValueError(f"pseudo-labels: shapes differ: teacher {tuple(teacher.shape)}, SAM {tuple(sam.shape)}")
    maps = (teacher, sam)
    entropies = torch.stack([image_entropy(p, weighting.entropy_region) for p in maps])
    weights = image_weight(entropies, weighting.image_weight)
    pixel_weights = [pixel_weight_of(p, weighting.pixel_weight) for p in maps]
    difficult, simple, kind = _sort(entropies, weighting, options)
    trusted = [_trusted(p, maps, chosen, weighting, options) for p, chosen in zip(maps, difficult, strict=True)]
    rounded = (teacher >= 0.5).to(teacher.dtype)
    targets = (rounded if options.teacher_label == "binary" else teacher, sam)
    if options.combine == "fuse":
        sources: tuple[Source, ...] = (_fuse(targets, weights, trusted, weighting, options),)
    else:
        sources = tuple(
            _source(p, w, u, t, options) for p, w, u, t in zip(targets, weights, pixel_weights, trusted, strict=True)
        )
    means = torch.stack([u.mean(dim=(1, 2, 3)) for u in pixel_weights])
    return PseudoTargets(sources, simple, kind, entropies, weights, means)


def _sort(entropies: Tensor, weighting: WeightingParams, options: PhaseOneParams) -> tuple[Tensor, Tensor, Tensor]:
    """Which source of which image is difficult (2, B), which images are simple (B,), and their branches (B,)."""
    deciding = {
        "per_source": entropies,
        "teacher": entropies[:1],
        "sam": entropies[1:],
        "mean": entropies.mean(dim=0, keepdim=True),
    }[options.branch_entropy]
    kinds = branch(deciding, weighting.difficult_entropy, weighting.simple_entropy)
    difficult, simple = (kinds == DIFFICULT).expand_as(entropies), kinds[0] == SIMPLE
    kind = torch.where(simple, SIMPLE, NORMAL).masked_fill(difficult.any(dim=0), DIFFICULT)
    return difficult, simple, kind


def _trusted(
    p: Tensor, maps: tuple[Tensor, Tensor], difficult: Tensor, weighting: WeightingParams, options: PhaseOneParams
) -> Tensor | None:
    """Eq 9 where a source is difficult, 1 elsewhere; None if it is difficult in no image."""
    if not bool(difficult.any()):
        return None
    if options.difficult_trust == "agreement":
        trusted = agreeing_pixels(*maps)
    else:
        trusted = trusted_pixels(p, weighting.trusted_low, weighting.trusted_high)
    return torch.where(difficult.view(-1, 1, 1, 1), trusted, 1.0)


def _source(target: Tensor, weight: Tensor, u: Tensor, trusted: Tensor | None, options: PhaseOneParams) -> Source:
    cross_entropy_weight = u if trusted is None else u * trusted
    return Source(
        target, weight, cross_entropy_weight, cross_entropy_weight if options.pixel_weight_on_iou else trusted
    )


def _fuse(
    targets: tuple[Tensor, Tensor],
    weights: Tensor,
    trusted: Sequence[Tensor | None],
    weighting: WeightingParams,
    options: PhaseOneParams,
) -> Source:
    """Eq 7 the other way: (w_T P_T + w_S P_S) / (w_T + w_S) as one source, of weight w_T + w_S and with its own u.

    So two equal sources give what their sum gives. An untrusted pixel of a difficult source takes no part in the mean,
    and is ignored where the other source does not speak for it either.
    """
    ones = torch.ones_like(targets[0])
    votes = [ones if t is None else t for t in trusted]
    shares = [w.view(-1, 1, 1, 1) * vote for w, vote in zip(weights, votes, strict=True)]
    total = shares[0] + shares[1]
    speaks = total > 0
    fused = (shares[0] * targets[0] + shares[1] * targets[1]) / total.masked_fill(~speaks, 1.0)
    return _source(
        fused, weights.sum(dim=0), pixel_weight_of(fused, weighting.pixel_weight), speaks.to(ones.dtype), options
    )


def basic_loss(logits: Tensor, sources: Sequence[Source], normalisation: Normalisation = "weights") -> Tensor:
    """L_B of eq 7: sum over the sources of w_m [CE_u(P, P_m) + IoU_u(P, P_m)].

    Args:
        logits: (B, 1, H, W) of the student.
        sources: as `prepare` gives them, in the frame of the logits.
        normalisation: of the cross-entropy (`pixel_normalisation`).

    Returns:
        (B,).
    """
    total = logits.new_zeros(len(logits))
    for source in sources:
        loss = weighted_cross_entropy(logits, source.target, source.cross_entropy_weight, normalisation)
        total = total + source.image_weight * (loss + iou_loss(logits, source.target, source.iou_weight))
    return total


def robust_loss(
    weak_logits: Tensor, strong_logits: Tensor | None, targets: PseudoTargets, options: PhaseOneParams
) -> Tensor:
    """L_R of eq 12 for one output depth.

    A simple image costs L_B(weak) + simple_weight L_B(strong) (eq 11; `simple_terms: strong` leaves the first term
    out), any other L_B(weak), from which `prepare` has taken the untrusted pixels of difficult sources (eq 10).

    Args:
        weak_logits: (B, 1, H, W) of A_w(x).
        strong_logits: of A_s(x) in the same frame: (B, 1, H, W), of which only the simple images' rows count; or
            (n, 1, H, W), the rows of the n simple images alone, in the batch's order; or None where n = 0.
        targets: of the batch, from `prepare`.
        options: block `phase_one`.

    Returns:
        (B,).

    Raises:
        ValueError: there are simple images, but no strong view of them, or another number of rows.
    """
    loss = basic_loss(weak_logits, targets.sources, options.pixel_normalisation)
    rows = targets.simple.nonzero().squeeze(1)
    if len(rows) == 0:
        return loss
    if strong_logits is None or len(strong_logits) not in (len(rows), len(weak_logits)):
        came = None if strong_logits is None else tuple(strong_logits.shape)
        raise ValueError(f"robust loss: {len(rows)} of {len(weak_logits)} images are simple, strong logits are {came}")
    strong = strong_logits if len(strong_logits) == len(rows) else strong_logits[rows]
    term = basic_loss(strong, targets.select(rows).sources, options.pixel_normalisation)
    if options.simple_terms == "strong":
        loss = loss.masked_fill(targets.simple, 0.0)
    return loss.index_add(0, rows, options.simple_weight * term)


def deep_robust_loss(
    weak_outputs: Sequence[Tensor],
    strong_outputs: Sequence[Tensor] | None,
    targets: PseudoTargets,
    options: PhaseOneParams,
    depth_weights: Sequence[float],
) -> Tensor:
    """`robust_loss` over all output depths: sum_d depth_weights[d] L_R(weak_outputs[d], strong_outputs[d]).

    Args:
        weak_outputs: logits of A_w(x), coarse to fine.
        strong_outputs: logits of A_s(x), as many; None where no image is simple.
        targets: of the batch, from `prepare`.
        options: block `phase_one`.
        depth_weights: one per depth.

    Returns:
        (B,).

    Raises:
        ScalerError: the number of weights is not that of the outputs.
        ValueError: as in `robust_loss`.
    """
    strong = strong_outputs if strong_outputs is not None else [None] * len(weak_outputs)
    pairs = list(zip(weak_outputs, strong, strict=True))
    return deep_supervision(pairs, lambda pair: robust_loss(*pair, targets, options), depth_weights)
