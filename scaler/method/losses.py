"""Losses of one logit map against one label, and of a model's several depths (eq 7, 13, 14, 16-19).

Logits and labels are (B, 1, H, W) float; every loss is (B,), one number per image, so that the caller can weigh and
sort images by kind before it takes the mean. Sources of pseudo-labels and eq 9-12 are in `scaler.method.refinement`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

import torch
from torch import Tensor

from scaler.errors import ScalerError
from scaler.method.weighting import PixelWeight, pixel_weight

Normalisation = Literal["weights", "pixels"]
Distance = Literal["mse", "l1", "ce_iou"]
Depth = TypeVar("Depth")

SMOOTH = 1.0  # added above and below the IoU's fraction bar, in pixels
PIXELS = (-2, -1)


def weighted_cross_entropy(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, normalisation: Normalisation = "weights"
) -> Tensor:
    """CE_u of eq 7 and 17: binary cross-entropy with a weight for each pixel.

    Args:
        logits: (B, 1, H, W).
        target: (B, 1, H, W) in [0, 1], soft or binary.
        weight: (B, 1, H, W), u >= 0; None is 1 everywhere.
        normalisation: "weights": sum(u ce) / sum(u), 0 in an image whose weights are all 0. "pixels": sum(u ce) / N.

    Returns:
        (B,) in nats.

    Raises:
        ValueError: shapes differ, or unknown normalisation.
    """
    _check_single(target)
    return cross_entropy_to_each(logits, target, weight, normalisation).squeeze(1)


def cross_entropy_to_each(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, normalisation: Normalisation = "weights"
) -> Tensor:
    """`weighted_cross_entropy` to M labels at once: `target` and `weight` are (B, M, H, W), the result is (B, M)."""
    _check_shapes(logits, target, weight)
    if normalisation not in ("weights", "pixels"):
        raise ValueError(f"cross-entropy: expected normalisation 'weights' or 'pixels', got {normalisation!r}")
    loss = _softplus(logits) - logits * target
    if weight is None:
        return loss.mean(dim=PIXELS)
    if normalisation == "pixels":
        return (weight * loss).mean(dim=PIXELS)
    total = weight.sum(dim=PIXELS)
    # All weights 0: the sum above is 0 too, and so are its gradients.
    return (weight * loss).sum(dim=PIXELS) / total.masked_fill(total == 0, 1.0)


def _softplus(x: Tensor) -> Tensor:
    """log(1 + exp x), to within 1e-7: many times faster on a CPU than torch's, which goes through a scalar log1p.

    In this form the gradient is sigmoid(x) at 0 as well, where |x| has none of its own.
    """
    size = x.abs()
    return (x + size) / 2 + torch.log(1 + torch.exp(-size))


def iou_loss(logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """IoU_u of eq 7 and 17: 1 - (I + 1) / (U + 1), where I = sum(u p t), U = sum(u (p + t - p t)), p = sigmoid(logits).

    The two ones keep the fraction defined where nothing is predicted and nothing is there; the loss is then 0. They
    weigh as much as one pixel.

    Args:
        logits: (B, 1, H, W).
        target: t, (B, 1, H, W) in [0, 1], soft or binary.
        weight: u, (B, 1, H, W), >= 0; None is 1 everywhere.

    Returns:
        (B,) in [0, 1).

    Raises:
        ValueError: shapes differ.
    """
    _check_single(target)
    return iou_to_each(logits, target, weight).squeeze(1)


def iou_to_each(logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """`iou_loss` to M labels at once: `target` and `weight` are (B, M, H, W), the result is (B, M)."""
    _check_shapes(logits, target, weight)
    p = torch.sigmoid(logits)
    both, total = p * target, p + target
    if weight is not None:
        both, total = weight * both, weight * total
    intersection = both.sum(dim=PIXELS)
    union = total.sum(dim=PIXELS) - intersection
    return 1 - (intersection + SMOOTH) / (union + SMOOTH)


def partial_cross_entropy(logits: Tensor, marks: Tensor) -> Tensor:
    """L_pce of eq 13 and 18: the mean of the binary cross-entropy over marked pixels; 0 in an image without marks.

    Args:
        logits: (B, 1, H, W).
        marks: (B, 1, H, W) uint8 {0 unknown, 1 foreground, 2 background}.

    Returns:
        (B,) in nats.

    Raises:
        ValueError: shapes differ, or marks that are not integers.
    """
    if marks.is_floating_point():
        raise ValueError(f"marks: expected integer classes 0, 1, 2, got {marks.dtype}")
    foreground = (marks == 1).to(logits.dtype)
    return weighted_cross_entropy(logits, foreground, foreground + (marks == 2).to(logits.dtype))


def supervised_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """CE + IoU of eq 14 and 19, against a full mask.

    Args:
        logits: (B, 1, H, W).
        mask: (B, 1, H, W) float {0, 1}.

    Returns:
        (B,).
    """
    return weighted_cross_entropy(logits, mask) + iou_loss(logits, mask)


def invariance_loss(
    weak_logits: Tensor, strong_logits: Tensor, distance: Distance = "mse", stop_gradient: bool = False
) -> Tensor:
    """L_AI of eq 16: how far the strong view's probabilities are from the weak view's, pixel by pixel.

    Args:
        weak_logits: (B, 1, H, W).
        strong_logits: (B, 1, H, W), in the same geometric frame.
        distance: "mse", "l1", or "ce_iou": CE + IoU of the strong view with the weak one as its label.
        stop_gradient: do not move the weak view towards the strong one. With "ce_iou" it never moves, being a label.

    Returns:
        (B,).

    Raises:
        ValueError: shapes differ, or unknown distance.
    """
    _check_single(weak_logits)
    _check_shapes(strong_logits, weak_logits, None)
    if distance == "ce_iou":
        return supervised_loss(strong_logits, torch.sigmoid(weak_logits.detach()))
    weak = torch.sigmoid(weak_logits.detach() if stop_gradient else weak_logits)
    difference = torch.sigmoid(strong_logits) - weak
    if distance == "mse":
        return difference.square().mean(dim=PIXELS).squeeze(1)
    if distance == "l1":
        return difference.abs().mean(dim=PIXELS).squeeze(1)
    raise ValueError(f"invariance: expected distance 'mse', 'l1' or 'ce_iou', got {distance!r}")


def noise_resistance_loss(
    logits: Tensor,
    consensus: Tensor,
    pixel_form: PixelWeight = "squared",
    normalisation: Normalisation = "weights",
    on_iou: bool = True,
) -> Tensor:
    """L_NR of eq 17: CE_u + IoU_u against the consensus label P_G, u from P_G itself (eq 6), without an image weight.

    Args:
        logits: (B, 1, H, W) of the foundation model.
        consensus: P_G, (B, 1, H, W) in [0, 1].
        pixel_form: as in `pixel_weight`.
        normalisation: of the cross-entropy.
        on_iou: whether the IoU has u too.

    Returns:
        (B,).
    """
    weight = pixel_weight(consensus, pixel_form)
    overlap = iou_loss(logits, consensus, weight if on_iou else None)
    return weighted_cross_entropy(logits, consensus, weight, normalisation) + overlap


def deep_supervision(outputs: Sequence[Depth], loss: Callable[[Depth], Tensor], weights: Sequence[float]) -> Tensor:
    """The weighted sum of a loss over a model's outputs: sum_d weights[d] loss(outputs[d]).

    Args:
        outputs: one per depth, coarse to fine: logits, or whatever `loss` takes for one depth.
        loss: (B,) losses of one depth; it is not called where the weight is 0.
        weights: one per depth, not all 0.

    Returns:
        (B,).

    Raises:
        ScalerError: the numbers of outputs and weights differ.
    """
    if len(outputs) != len(weights):
        raise ScalerError(
            f"segmenter.depth_weights: the model gives {len(outputs)} outputs, but there are {len(weights)} weights "
            f"({list(weights)}). Write one weight per output, coarse to fine, in params.yaml."
        )
    terms = [weight * loss(output) for output, weight in zip(outputs, weights, strict=True) if weight != 0]
    if not terms:
        raise ScalerError("segmenter.depth_weights: all weights are 0, so nothing would be learned; set the last to 1.")
    return torch.stack(terms).sum(dim=0)


def _check_shapes(logits: Tensor, target: Tensor, weight: Tensor | None) -> None:
    wanted = (len(logits), target.shape[1], *logits.shape[2:])
    if (
        logits.ndim != 4
        or logits.shape[1] != 1
        or target.shape != wanted
        or (weight is not None and weight.shape != wanted)
    ):
        shapes = [None if x is None else tuple(x.shape) for x in (logits, target, weight)]
        raise ValueError(f"loss: expected logits (B, 1, H, W), label and weight (B, M, H, W), got {shapes}")


def _check_single(target: Tensor) -> None:
    if target.ndim != 4 or target.shape[1] != 1:
        raise ValueError(f"loss: expected a label (B, 1, H, W), got {tuple(target.shape)}")
