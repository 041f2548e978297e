"""An image as its file stores it, before anyone decides what the values mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True)
class Decoded:
    """An image as stored, turned upright.

    Attributes:
        values: (H, W) or (H, W, 3) samples, uint8 or uint16, in [0, top]; with a palette, (H, W) indexes. White is the
            greater value.
        top: the greatest value that a sample could have: 2^bits - 1.
        palette: (256, 3) uint8 RGB colours of the indexes, or None.
        alpha: (H, W) transparency, or None; no reader uses it as colour.
        lossy: whether the compression changes values (JPEG).
    """

    values: Samples
    top: int
    palette: NDArray[np.uint8] | None
    alpha: Samples | None
    lossy: bool

    def grey(self, tolerance: int = 0) -> Samples | None:
        """(H, W): the samples; None for a palette, or if channels differ by more than `tolerance` of 255."""
        if self.palette is not None:
            return None
        if self.values.ndim == 2:
            return self.values
        spread = int((self.values.max(axis=2) - self.values.min(axis=2)).max())
        return self.values[..., 1] if spread * 255 <= tolerance * self.top else None


def turned(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Undo an EXIF orientation, 1 to 8 (EXIF 2.3, tag 0x0112); other values mean upright. Axes 0 and 1 are turned."""
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return values
