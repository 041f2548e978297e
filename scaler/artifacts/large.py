"""The images of a split at the size of the foundation model, made from the pixels that are kept for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

U8 = NDArray[np.uint8]


class LargeImages:
    """N images (L, L, 3) uint8 RGB, enlarged when they are indexed: pixels that a file does not have are never stored.

    Args:
        pixels: N images (h, w, 3), h and w at most L; a list, or a sequence that reads them one by one.
        side: L.
        rows: (n,) which of them, in which order; None: all.
    """

    def __init__(self, pixels: Sequence[U8], side: int, rows: ArrayLike | None = None) -> None:
        self.pixels, self.side = pixels, side
        self.rows = np.arange(len(pixels)) if rows is None else np.asarray(rows, np.int64)

    def subset(self, chosen: ArrayLike) -> LargeImages:
        """The images at the given positions, in that order; nothing is read."""
        return LargeImages(self.pixels, self.side, self.rows[np.asarray(chosen, np.int64)])

    @property
    def shape(self) -> tuple[int, ...]:
        """N, L, L, 3."""
        return len(self.rows), self.side, self.side, 3

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[U8]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, index: Any, /) -> U8:
        """One image for a number; a new stack for a slice or for a sequence of numbers."""
        chosen = self.rows[index]
        if chosen.ndim == 0:
            return enlarged(self.pixels[int(chosen)], self.side)
        stack = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        for place, row in enumerate(chosen.tolist()):
            stack[place] = enlarged(self.pixels[row], self.side)
        return stack


def enlarged(pixels: U8, side: int) -> U8:
    """An image of at most side x side pixels at that very size, linear, each axis separately."""
    if pixels.shape[:2] == (side, side):
        return pixels
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)
