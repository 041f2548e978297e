"""Weak augmentation A_w (geometry) and strong augmentation A_s (photometry on top of the same geometry).

As A_s moves no pixel, the weak and the strong view of an image stay aligned in eq 11 and 16.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from types import ModuleType
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from scaler.data.geometry import Flip, Mode, View, canonical
from scaler.errors import ScalerError
from scaler.params import AugmentationParams


def draw_weak(
    rng: np.random.Generator, batch: int, flips: Sequence[Flip], turns: Sequence[int], square: bool = True
) -> list[View]:
    """A_w: one view at scale 1 for each image of a batch.

    Args:
        rng: the only source of randomness.
        batch: number of images.
        flips: flips to draw from.
        turns: quarter turns to draw from.
        square: whether the images are; if not, quarter turns of 90 and 270 degrees are left out, as they would
            change the shape within a batch.

    Raises:
        ScalerError: no turn is left for images that are not square.
    """
    usable = [turn for turn in turns if square or turn % 2 == 0]
    if not usable:
        raise ScalerError(
            f"augmentation.quarter_turns: {list(turns)} has none that keeps the shape of images that are not square; "
            "add 0 or 2."
        )
    drawn_flips, drawn_turns = rng.integers(len(flips), size=batch), rng.integers(len(usable), size=batch)
    return [View(flips[f], usable[t]) for f, t in zip(drawn_flips, drawn_turns, strict=True)]


def apply_views(x: Tensor, views: Sequence[View], mode: Mode = "bilinear") -> Tensor:
    """Carry each image or map of a batch into the frame of its own view.

    Args:
        x: (B, C, H, W); integer maps need mode "nearest".
        views: B views at scale 1.
        mode: "bilinear" or "nearest"; both only permute pixels at scale 1.

    Returns:
        (B, C, H, W); it may share memory with x.

    Raises:
        ValueError: not B views, a scale other than 1, an odd turn of a map that is not square, or an integer map in
            bilinear mode.
    """
    return _each(x, views, lambda view, part: view.apply(part, mode))


def invert_views(y: Tensor, views: Sequence[View], mode: Mode = "bilinear") -> Tensor:
    """The way back of `apply_views`, with the same arguments and errors."""
    return _each(y, views, lambda view, part: view.invert(part, y.shape[-2:], mode))


def _each(x: Tensor, views: Sequence[View], move: Callable[[View, Tensor], Tensor]) -> Tensor:
    if len(views) != len(x):
        raise ValueError(f"views: expected one for each of {len(x)} images, got {len(views)}")
    if any(not view.is_exact for view in views):
        raise ValueError("views: expected scale 1 for all, as the images of a batch share one size")
    if x.shape[-2] != x.shape[-1] and any(view.quarter_turns % 2 for view in views):
        raise ValueError(f"views: an odd quarter turn would change the shape of a map of {tuple(x.shape[-2:])}")
    rows: dict[View, list[int]] = {}
    for i, view in enumerate(views):
        rows.setdefault(canonical(view), []).append(i)
    if len(rows) == 1:
        return move(next(iter(rows)), x)
    result = torch.empty_like(x)
    for view, chosen in rows.items():
        index = torch.tensor(chosen, device=x.device)
        result[index] = move(view, x[index])
    return result


class Part(NamedTuple):
    """Neighbouring images of a batch: how many the batch has, and the position of the first."""

    total: int
    begin: int


class Change(NamedTuple):
    """One photometric operation: its number in `OPERATIONS`, its strength in [0, 1], and its sign."""

    number: int
    strength: float
    sign: float


def draw_strong(
    rng: np.random.Generator, batch: int, operations: int = 2, magnitude: float = 0.5
) -> list[list[Change]]:
    """A_s: some different photometric operations for each image, after the manner of RandAugment, without geometry.

    Each image draws its operations and their order out of contrast, brightness, posterize, sharpness and Gaussian
    blur; each operation draws a strength s, uniform in [0, magnitude], and a sign. Contrast, brightness and sharpness
    are multiplied by 1 +/- 0.9 s; posterize keeps 8 - round(4 s) bits; the blur's deviation is s percent of the
    shorter side. All do nothing at s = 0.

    Args:
        rng: the only source of randomness.
        batch: number of images.
        operations: how many per image, 0 to 5.
        magnitude: greatest strength, 0 to 1.

    Raises:
        ValueError: `operations` or `magnitude` out of range.
    """
    if not 0 <= operations <= len(OPERATIONS) or not 0 <= magnitude <= 1:
        raise ValueError(
            f"strong: expected 0-{len(OPERATIONS)} operations and a magnitude in [0, 1], got {operations}, {magnitude}"
        )
    drawn = []
    for _ in range(batch):
        chosen = rng.permutation(len(OPERATIONS))[:operations]
        strengths = rng.uniform(0, magnitude, size=operations)
        signs = rng.choice((-1.0, 1.0), size=operations)
        drawn.append([Change(*one) for one in zip(chosen.tolist(), strengths.tolist(), signs.tolist(), strict=True)])
    return drawn


def apply_strong(image: Tensor, changes: Sequence[Sequence[Change]]) -> Tensor:
    """Each image of a batch after its own operations.

    Args:
        image: (B, 3, H, W) float in [0, 1].
        changes: of B images.

    Returns:
        A new tensor of the same shape in [0, 1], in the same frame.
    """
    result = image.clone()
    for i, own in enumerate(changes):
        for change in own:
            result[i] = OPERATIONS[change.number](result[i], change.strength, change.sign)
    return result.clamp_(0, 1)


def strong_view(image: Tensor, rng: np.random.Generator, options: AugmentationParams, place: Part) -> Tensor:
    """A_s of images that are in the frame of A_w, with the operations and the magnitude of the block `augmentation`.

    Args:
        image: (B, 3, H, W) float in [0, 1].
        rng: the only source of randomness; it draws for the whole batch.
        options: the block.
        place: of the images in the batch.
    """
    changes = draw_strong(rng, place.total, options.strong_operations, options.strong_magnitude)
    return apply_strong(image, changes[place.begin : place.begin + len(image)])


@cache
def _photometry() -> ModuleType:
    """torchvision's functions, imported at first use: that takes seconds, and most stages never need them."""
    from torchvision.transforms.v2 import functional

    module: ModuleType = functional
    return module


def _contrast(image: Tensor, strength: float, sign: float) -> Tensor:
    changed: Tensor = _photometry().adjust_contrast(image, 1 + sign * 0.9 * strength)
    return changed


def _brightness(image: Tensor, strength: float, sign: float) -> Tensor:
    changed: Tensor = _photometry().adjust_brightness(image, 1 + sign * 0.9 * strength)
    return changed


def _sharpness(image: Tensor, strength: float, sign: float) -> Tensor:
    changed: Tensor = _photometry().adjust_sharpness(image, 1 + sign * 0.9 * strength)
    return changed


def _posterize(image: Tensor, strength: float, sign: float) -> Tensor:
    bits = 8 - round(4 * strength)
    return image if bits == 8 else _photometry().posterize(image, bits)


def _gaussian_blur(image: Tensor, strength: float, sign: float) -> Tensor:
    sigma = strength * min(image.shape[-2:]) / 100
    radius = math.ceil(3 * sigma)
    return image if radius == 0 else _photometry().gaussian_blur(image, [2 * radius + 1] * 2, [sigma] * 2)


OPERATIONS: tuple[Callable[[Tensor, float, float], Tensor], ...] = (
    _contrast,
    _brightness,
    _posterize,
    _sharpness,
    _gaussian_blur,
)
