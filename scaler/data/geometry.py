"""Exact moves of images and maps between frames: flips, quarter turns and scales, and their way back.

A flip or a turn only permutes pixels, so it is undone without loss. A change of scale is undone to exactly the size
it started from. Maps of integers (masks, marks) move by nearest neighbour alone: halfway between a background mark (2)
and nothing (0) lies a foreground mark (1) that was never drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

Flip = Literal["none", "h", "v"]
Mode = Literal["bilinear", "nearest"]

FLIPS: tuple[Flip, ...] = ("none", "h", "v")
TURNS = (0, 1, 2, 3)
SCALES = (0.5, 1.0, 2.0)


class View(NamedTuple):
    """One T_k of eq 2: a flip, then a turn, then a change of scale.

    Attributes:
        flip: "none", "h" (left becomes right) or "v" (top becomes bottom).
        quarter_turns: 0 to 3, counter-clockwise as the image is looked at (row 0 on top).
        scale: of both sides, above 0.
    """

    flip: Flip = "none"
    quarter_turns: int = 0
    scale: float = 1.0

    @property
    def is_exact(self) -> bool:
        """Whether the view only permutes pixels."""
        return self.scale == 1

    def apply(self, x: Tensor, mode: Mode = "bilinear", multiple_of: int = 1) -> Tensor:
        """Carry a batch into the frame of this view.

        Args:
            x: (..., C, H, W); float for "bilinear", any dtype for "nearest".
            mode: "bilinear" (low-pass filtered where it shrinks) or "nearest" (pixel centres).
            multiple_of: the scaled sides are rounded to the nearest multiple of this number, halves upwards, at
                least one; so sides that are not divisible are resized even at scale 1.

        Returns:
            (..., C, H', W'): the turned and scaled sides.

        Raises:
            ValueError: an integer map in bilinear mode, or a view that does not exist.
        """
        self._check(x, mode)
        moved = _turn(_flip(x, self.flip), self.quarter_turns)
        height, width = (scaled_side(side, self.scale, multiple_of) for side in moved.shape[-2:])
        return _resize(moved, height, width, mode)

    def invert(self, y: Tensor, size: Sequence[int], mode: Mode = "bilinear") -> Tensor:
        """Carry a batch back from the frame of this view.

        Args:
            y: (..., C, H', W'), of any sides: those of `apply`, or a model's own.
            size: (H, W) of the original.
            mode: as in `apply`; where "bilinear" has to shrink it takes the mean over each pixel's area, which keeps
                the mean of a map at a scale of 2.

        Returns:
            (..., C, H, W).

        Raises:
            ValueError: an integer map in bilinear mode, or a view that does not exist.
        """
        self._check(y, mode)
        height, width = size if self.quarter_turns % 2 == 0 else (size[1], size[0])
        turned = _resize(y, height, width, mode, by_area=True)
        return _flip(_turn(turned, -self.quarter_turns), self.flip)

    def _check(self, x: Tensor, mode: Mode) -> None:
        if self.flip not in FLIPS or self.quarter_turns not in TURNS or not self.scale > 0:
            raise ValueError(f"view: expected a flip of {FLIPS}, 0-3 quarter turns and a scale above 0, got {self}")
        if mode not in ("bilinear", "nearest"):
            raise ValueError(f"resizing: expected 'bilinear' or 'nearest', got {mode!r}")
        if mode == "bilinear" and not x.is_floating_point():
            raise ValueError(f"view: a map of {x.dtype} holds classes, not quantities; move it with mode='nearest'")


def canonical(view: View) -> View:
    """The one name of a geometry that has two: a vertical flip is a horizontal one and half a turn.

    Returns:
        The same geometry with flip "none" or "h", so that equal views compare equal.
    """
    if view.flip == "v":
        return View("h", (view.quarter_turns + 2) % 4, view.scale)
    return view


def all_views(
    flips: Sequence[Flip] = FLIPS, turns: Sequence[int] = TURNS, scales: Sequence[float] = SCALES
) -> list[View]:
    """Every combination, by flip, then turn, then scale."""
    return [View(*combination) for combination in product(flips, turns, scales)]


def scaled_side(side: int, scale: float, multiple_of: int = 1) -> int:
    """`side` times `scale`, brought to the nearest multiple of `multiple_of` (halves upwards), at least one of it."""
    return multiple_of * max(1, int(side * scale / multiple_of + 0.5))


def _flip(x: Tensor, flip: Flip) -> Tensor:
    if flip == "none":
        return x
    return x.flip(-1 if flip == "h" else -2)


def _turn(x: Tensor, quarter_turns: int) -> Tensor:
    return torch.rot90(x, quarter_turns, (-2, -1)) if quarter_turns else x


def _resize(x: Tensor, height: int, width: int, mode: Mode, by_area: bool = False) -> Tensor:
    before = tuple(x.shape[-2:])
    if before == (height, width):
        return x
    if mode == "nearest":
        rows, columns = (_nearest(old, new, x.device) for old, new in zip(before, (height, width), strict=True))
        return x.index_select(-2, rows).index_select(-1, columns)
    flat = x.reshape(-1, *x.shape[-3:])
    shrinks = height < before[0] or width < before[1]
    if shrinks and by_area:
        resized = F.interpolate(flat, (height, width), mode="area")
    else:
        resized = F.interpolate(flat, (height, width), mode="bilinear", align_corners=False, antialias=shrinks)
    return resized.reshape(*x.shape[:-2], height, width)


def _nearest(old: int, new: int, device: torch.device) -> Tensor:
    """For each of `new` pixels, which of the `old` ones holds its centre; in integers, so that ties never drift."""
    return ((2 * torch.arange(new, device=device) + 1) * old).div(2 * new, rounding_mode="floor")
