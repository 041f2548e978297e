"""The robust loss L_R of Phase I (eq 7, 10-12), against the pseudo-labels that `scaler.method.targets` prepares."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from scaler.method.losses import Normalisation, cross_entropy_to_each, deep_supervision, iou_to_each
from scaler.method.targets import PseudoTargets, Sources
from scaler.params import PhaseOneParams


def basic_loss(logits: Tensor, sources: Sources, normalisation: Normalisation = "weights") -> Tensor:
    """L_B of eq 7: sum over the sources of w_m [CE_u(P, P_m) + IoU_u(P, P_m)].

    Args:
        logits: (B, 1, H, W) of the student.
        sources: as `prepare` gives them, in the frame of the logits.
        normalisation: of the cross-entropy (`pixel_normalisation`).

    Returns:
        (B,).
    """
    cross_entropy = cross_entropy_to_each(logits, sources.target, sources.cross_entropy_weight, normalisation)
    overlap = iou_to_each(logits, sources.target, sources.iou_weight)
    return (sources.image_weight * (cross_entropy + overlap)).sum(dim=1)


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
    term = basic_loss(strong, targets.sources.select(rows), options.pixel_normalisation)
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
