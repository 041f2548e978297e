"""Scale as a zoom: a model that resizes every input to its own size sees the object larger or smaller.

Enlarging, an image is cut into overlapping windows that together cover it; each becomes a whole input. Shrinking, the
image lies in the middle of a canvas of its own size, whose border repeats the outermost pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F


def zoomed(predict: Callable[[Tensor], Tensor], image: Tensor, scale: float) -> Tensor:
    """Predict an image at another magnification.

    Args:
        predict: (B, 3, H, W) to (B, 1, H, W).
        image: (B, 3, H, W) float.
        scale: above 0; 2: everything is seen twice as large, in four windows; 0.5: half as large, on a canvas.

    Returns:
        (B, 1, H, W) in the frame of `image`; the mean where windows overlap.
    """
    if scale == 1:
        return predict(image)
    return _windows(predict, image, scale) if scale > 1 else _canvas(predict, image, scale)


def _windows(predict: Callable[[Tensor], Tensor], image: Tensor, scale: float) -> Tensor:
    size = image.shape[-2:]
    height, width = (max(1, round(side / scale)) for side in size)
    total = torch.zeros(len(image), 1, *size, dtype=torch.float64, device="cpu")
    count = torch.zeros(1, 1, *size, dtype=torch.float64, device="cpu")
    for top in _starts(size[0], height):
        for left in _starts(size[1], width):
            rows, columns = slice(top, top + height), slice(left, left + width)
            seen = predict(_resized(image[..., rows, columns], size))
            total[..., rows, columns] += _resized(seen, (height, width)).cpu()
            count[..., rows, columns] += 1
    return (total / count).to(image)


def _canvas(predict: Callable[[Tensor], Tensor], image: Tensor, scale: float) -> Tensor:
    size = image.shape[-2:]
    height, width = (max(1, round(side * scale)) for side in size)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    border = (left, size[1] - width - left, top, size[0] - height - top)
    seen = predict(F.pad(_resized(image, (height, width)), border, mode="replicate"))
    return _resized(seen[..., top : top + height, left : left + width], size)


def _starts(side: int, window: int) -> list[int]:
    """Where windows begin so that they cover a side, evenly spread."""
    count = math.ceil(side / window)
    return [round(k * (side - window) / max(count - 1, 1)) for k in range(count)]


def _resized(x: Tensor, size: tuple[int, ...]) -> Tensor:
    shrinks = size[0] < x.shape[-2] or size[1] < x.shape[-1]
    return F.interpolate(x, size, mode="bilinear", align_corners=False, antialias=shrinks)
