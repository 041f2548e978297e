"""Pseudo-labels of two sources, weighted and sorted by their uncertainty (eq 1, 4-7, 9, 10 and 12's case distinction).

All of it depends on the pseudo-labels alone, so `prepare` works it out once per batch; `refinement` then compares
the logits of each output depth and each view with it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from scaler.method.weighting import (
    DIFFICULT,
    NORMAL,
    SIMPLE,
    agreeing_pixels,
    branch,
    image_entropy,
    image_weight,
    pixel_weight,
    trusted_pixels,
)
from scaler.params import PhaseOneParams, WeightingParams

ROWS = {  # of (teacher, SAM), by `phase_one.sources`; with "none" L_R is left out
    "both": slice(0, 2),
    "teacher": slice(0, 1),
    "sam": slice(1, 2),
    "none": slice(0, 2),
}


class Sources(NamedTuple):
    """M pseudo-labels of each image, with what eq 7 weighs them by.

    Attributes:
        target: (B, M, H, W) in [0, 1].
        image_weight: (B, M) w of eq 4.
        cross_entropy_weight: (B, M, H, W) u of eq 6, 0 at pixels that eq 10 ignores.
        iou_weight: the same for the IoU term; None is 1 everywhere.
    """

    target: Tensor
    image_weight: Tensor
    cross_entropy_weight: Tensor
    iou_weight: Tensor | None

    def select(self, chosen: Tensor) -> Sources:
        """Some images of the batch: `chosen` is (B,) bool or holds indices."""
        iou_weight = None if self.iou_weight is None else self.iou_weight[chosen]
        return Sources(self.target[chosen], self.image_weight[chosen], self.cross_entropy_weight[chosen], iou_weight)


class PseudoTargets(NamedTuple):
    """A batch's pseudo-labels, ready for any number of outputs; nothing in it carries a gradient.

    The rows of `entropies`, `image_weights` and `mean_pixel_weights` are the teacher and SAM, whatever the options.

    Attributes:
        sources: teacher and SAM (M = 2), or one of them, or the one map that they were fused into (M = 1).
        simple: (B,) bool: eq 11's strong term applies. An image may be so by its teacher and yet be logged as
            DIFFICULT because of SAM (`branch_entropy: per_source`).
        branch: (B,) int64, for the log: NORMAL, DIFFICULT or SIMPLE.
        entropies: (2, B) E of eq 5.
        image_weights: (2, B) w of eq 4.
        mean_pixel_weights: (2, B) mean of u of eq 6 over all pixels.
    """

    sources: Sources
    simple: Tensor
    branch: Tensor
    entropies: Tensor
    image_weights: Tensor
    mean_pixel_weights: Tensor


@torch.no_grad()
def prepare(
    teacher: Tensor,
    sam: Tensor,
    weighting: WeightingParams,
    options: PhaseOneParams,
    agreement: Tensor | None = None,
) -> PseudoTargets:
    """Weigh and sort a batch's pseudo-labels (eq 1, 4-6, 9, and the case distinction of eq 12).

    `teacher_label: binary` rounds P_T only where it is compared with the student; its uncertainty is the soft map's,
    for a rounded map has none.

    Args:
        teacher: P_T, (B, 1, H, W) in [0, 1], in the frame of A_w.
        sam: P_S, the same.
        weighting: block `weighting`.
        options: block `phase_one`.
        agreement: (B,) of SAM's views in [0, 1], its image weight with `image_weight: agreement`.

    Raises:
        ValueError: shapes differ.
    """
    if teacher.shape != sam.shape:
        raise ValueError(f"pseudo-labels: shapes differ: teacher {tuple(teacher.shape)}, SAM {tuple(sam.shape)}")
    maps = torch.cat([teacher, sam], dim=1)
    entropies = torch.stack([image_entropy(p, weighting.entropy_region) for p in (teacher, sam)])
    weights = image_weight(entropies, weighting.image_weight)
    if weighting.image_weight == "agreement" and agreement is not None:
        weights = torch.stack([weights[0], agreement.to(weights)])
    u = pixel_weight(maps, weighting.pixel_weight)
    difficult, simple, kind = _sort(entropies, weighting, options)
    rows = ROWS[options.sources]
    trusted = _trusted(maps, difficult, weighting, options)[:, rows] if bool(difficult.any()) else None
    target = torch.cat([(teacher >= 0.5).to(sam), sam], dim=1) if options.teacher_label == "binary" else maps
    if options.combine == "fuse":
        sources = _fuse(target[:, rows], weights[rows].T, trusted, weighting, options)
    else:
        sources = _weigh(target[:, rows], weights[rows].T, u[:, rows], trusted, options)
    return PseudoTargets(sources, simple, kind, entropies, weights, u.mean(dim=(2, 3)).T)


def _sort(entropies: Tensor, weighting: WeightingParams, options: PhaseOneParams) -> tuple[Tensor, Tensor, Tensor]:
    """Which source of which image is difficult (2, B), which images are simple (B,), and their branches (B,)."""
    deciding = {
        "per_source": entropies[ROWS[options.sources]],
        "teacher": entropies[:1],
        "sam": entropies[1:],
        "mean": entropies.mean(dim=0, keepdim=True),
    }[options.branch_entropy]
    kinds = branch(deciding, weighting.difficult_entropy, weighting.simple_entropy)
    simple, difficult = kinds[0] == SIMPLE, torch.zeros_like(entropies, dtype=torch.bool)
    difficult[ROWS[options.sources]] = kinds == DIFFICULT
    kind = torch.where(simple, SIMPLE, NORMAL).masked_fill(difficult.any(dim=0), DIFFICULT)
    return difficult, simple, kind


def _trusted(maps: Tensor, difficult: Tensor, weighting: WeightingParams, options: PhaseOneParams) -> Tensor:
    """(B, 2, H, W): eq 9 for the sources that are difficult, 1 for the others."""
    if options.difficult_trust == "agreement":
        trusted = agreeing_pixels(maps[:, :1], maps[:, 1:])
    else:
        trusted = trusted_pixels(maps, weighting.trusted_low, weighting.trusted_high)
    return torch.where(difficult.T[:, :, None, None], trusted, 1.0)


def _weigh(target: Tensor, weight: Tensor, u: Tensor, trusted: Tensor | None, options: PhaseOneParams) -> Sources:
    trusted_u = u if trusted is None else u * trusted
    return Sources(target, weight, trusted_u, trusted_u if options.pixel_weight_on_iou else trusted)


def _fuse(
    target: Tensor, weights: Tensor, trusted: Tensor | None, weighting: WeightingParams, options: PhaseOneParams
) -> Sources:
    """Eq 7 the other way: (w_T P_T + w_S P_S) / (w_T + w_S) as one source, of weight w_T + w_S and with its own u.

    So two equal sources give what their sum gives. An untrusted pixel of a difficult source takes no part in the mean,
    and is ignored where the other source does not speak for it either.
    """
    share = weights[:, :, None, None] * (torch.ones_like(target) if trusted is None else trusted)
    total = share.sum(dim=1, keepdim=True)
    silent = total == 0
    fused = (share * target).sum(dim=1, keepdim=True) / total.masked_fill(silent, 1.0)
    u = pixel_weight(fused, weighting.pixel_weight)
    return _weigh(fused, weights.sum(dim=1, keepdim=True), u, (~silent).to(u), options)
