"""How sure a probability map is: entropies, image and pixel weights, trusted pixels, branches (eq 4-6, 9, 12).

Maps are (B, 1, H, W) float probabilities in [0, 1]; quantities of an image are (B,).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from scaler.artifacts.labels import BRANCHES

Region = Literal["all", "foreground"]
ImageWeight = Literal["linear", "exponential", "quadratic", "none", "agreement"]
PixelWeight = Literal["squared", "absolute", "entropy", "none"]

NORMAL, DIFFICULT, SIMPLE = range(len(BRANCHES))
DILATION = 32  # the object is grown by 1/32 of the shorter side: 3 pixels at 96, 11 at 352


def binary_entropy(p: Tensor) -> Tensor:
    """H(p) = -p log2 p - (1 - p) log2(1 - p), elementwise.

    Args:
        p: float probabilities of any shape.

    Returns:
        The same shape, in [0, 1]; exactly 0 at p = 0 and p = 1, where the gradient, infinite in the limit, is finite.
        A NaN stays a NaN.
    """
    tiny = torch.finfo(p.dtype).tiny  # keeps 0 log 0 at 0
    q = 1 - p
    return -(p * p.clamp(min=tiny).log2() + q * q.clamp(min=tiny).log2())


def image_entropy(p: Tensor, region: Region = "all") -> Tensor:
    """E of eq 5: the mean of H(p) over a region of each image.

    Args:
        p: (B, 1, H, W) in [0, 1].
        region: "all": every pixel. "foreground": the predicted object (p >= 0.5) grown by a square of
            max(1, round(min(H, W) / 32)) pixels to each side; every pixel in an image without such an object.

    Returns:
        (B,) in [0, 1].

    Raises:
        ValueError: unknown region.
    """
    entropy = binary_entropy(p)
    if region == "all":
        return entropy.mean(dim=(1, 2, 3))
    if region != "foreground":
        raise ValueError(f"entropy region: expected 'all' or 'foreground', got {region!r}")
    near = _near_object(p)
    return (entropy * near).sum(dim=(1, 2, 3)) / near.sum(dim=(1, 2, 3))


def _near_object(p: Tensor) -> Tensor:
    radius = max(1, round(min(p.shape[-2:]) / DILATION))
    side = 2 * radius + 1
    found = (p >= 0.5).to(p.dtype)
    rows = F.max_pool2d(found, (side, 1), stride=1, padding=(radius, 0))
    near = F.max_pool2d(rows, (1, side), stride=1, padding=(0, radius))
    empty = found.amax(dim=(1, 2, 3), keepdim=True) == 0
    return near.masked_fill(empty, 1.0)


def image_weight(entropy: Tensor, form: ImageWeight = "linear") -> Tensor:
    """w of eq 4, from E of eq 5.

    Args:
        entropy: (B,) in [0, 1].
        form: "linear" 1 - E, "exponential" exp(-E), "quadratic" (1 - E)^2, "none" 1. "agreement" is "linear" where
            there are no views to agree: for the segmenter's labels (see `scaler.method.ensemble`).

    Returns:
        (B,) in [0, 1].

    Raises:
        ValueError: unknown form.
    """
    if form == "exponential":
        return torch.exp(-entropy)
    certainty = (1 - entropy).clamp(min=0)  # a mean of ones can round to just above 1
    if form == "none":
        return torch.ones_like(entropy)
    if form in ("linear", "agreement"):
        return certainty
    if form == "quadratic":
        return certainty.square()
    raise ValueError(
        f"image weight: expected 'linear', 'exponential', 'quadratic', 'none' or 'agreement', got {form!r}"
    )


def pixel_weight(p: Tensor, form: PixelWeight = "squared") -> Tensor:
    """u of eq 6: 0 where p = 0.5, 1 where p is 0 or 1.

    Args:
        p: (B, 1, H, W) in [0, 1].
        form: "squared" (2p - 1)^2, "absolute" |2p - 1|, "entropy" 1 - H(p), "none" 1 everywhere.

    Returns:
        The same shape, in [0, 1].

    Raises:
        ValueError: unknown form.
    """
    if form == "squared":
        return (2 * p - 1).square()
    if form == "absolute":
        return (2 * p - 1).abs()
    if form == "entropy":
        return (1 - binary_entropy(p)).clamp(min=0)
    if form == "none":
        return torch.ones_like(p)
    raise ValueError(f"pixel weight: expected 'squared', 'absolute', 'entropy' or 'none', got {form!r}")


def trusted_pixels(p: Tensor, low: float = 0.3, high: float = 0.7) -> Tensor:
    """Eq 9: 1 where p <= low or p >= high, else 0.

    Args:
        p: (B, 1, H, W) in [0, 1].
        low: background is trusted at or below.
        high: foreground is trusted at or above.

    Returns:
        The same shape and dtype, {0, 1}.
    """
    return ((p <= low) | (p >= high)).to(p.dtype)


def agreeing_pixels(p: Tensor, q: Tensor) -> Tensor:
    """The alternative to eq 9: 1 where both maps fall on the same side of 0.5 (0.5 is foreground), else 0."""
    return ((p >= 0.5) == (q >= 0.5)).to(p.dtype)


def branch(entropy: Tensor, difficult: float | None = 0.8, simple: float | None = 0.2) -> Tensor:
    """Which form of eq 12 an image takes; both thresholds are inclusive, in the precision of `entropy`.

    Args:
        entropy: (B,) E of eq 5.
        difficult: DIFFICULT at or above; None: never.
        simple: SIMPLE at or below, must lie under `difficult`; None: never.

    Returns:
        (B,) int64: NORMAL 0, DIFFICULT 1, SIMPLE 2.
    """
    result = torch.full(entropy.shape, NORMAL, dtype=torch.int64, device=entropy.device)
    if difficult is not None:
        result = result.masked_fill(entropy >= difficult, DIFFICULT)
    return result if simple is None else result.masked_fill(entropy <= simple, SIMPLE)
