"""The SAM-Adapter of a ViT: a frozen encoder's tokens are nudged before every block."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

HIGH_PASS_RATE = 0.25  # share of the spectrum's area, in its middle, that is taken out
REDUCTION = 32  # r = D / 32
SMALLEST_RANK = 24  # of a nano SAM, whose D / 32 would be next to nothing: that of ViT-B


def high_pass(image: Tensor) -> Tensor:
    """The image without its low frequencies: FFT, a central square zeroed, inverse FFT, magnitude.

    The square's side is sqrt(0.25 H W) in units of one frequency.

    Args:
        image: (B, 3, H, W) float.

    Returns:
        (B, 3, H, W) float32, >= 0.
    """
    height, width = image.shape[-2:]
    half = int(math.sqrt(HIGH_PASS_RATE * height * width) // 2)
    spectrum = torch.fft.fftshift(torch.fft.fft2(image.float(), norm="forward"), dim=(-2, -1))
    rows, columns = height // 2, width // 2
    keep = torch.ones(height, width, device=image.device)
    keep[rows - half : rows + half, columns - half : columns + half] = 0
    rest: Tensor = torch.fft.ifft2(torch.fft.ifftshift(spectrum * keep, dim=(-2, -1)), norm="forward").real
    return rest.abs()


class Adapter(nn.Module):
    """Two features once per image, and one small projection per block.

    Args:
        channels: D of the encoder.
        depth: number of its blocks.
        patch_size: side of a token in pixels.
    """

    def __init__(self, channels: int, depth: int, patch_size: int) -> None:
        super().__init__()
        rank = max(channels // REDUCTION, SMALLEST_RANK)
        self.embedding_tune = nn.Linear(channels, rank)
        self.high_pass_tune = nn.Conv2d(3, rank, patch_size, patch_size)
        self.per_block = nn.ModuleList(nn.Sequential(nn.Linear(rank, rank), nn.GELU()) for _ in range(depth))
        self.shared = nn.Linear(rank, channels)
        nn.init.zeros_(self.shared.weight)  # so that the adapted model starts as the SAM that was loaded
        nn.init.zeros_(self.shared.bias)

    def features(self, patches: Tensor, image: Tensor) -> Tensor:
        """(B, h, w, D) patch embeddings and (B, 3, H, W) image to (B, h, w, r)."""
        high: Tensor = self.high_pass_tune(high_pass(image)).permute(0, 2, 3, 1)
        low: Tensor = self.embedding_tune(patches)
        return low + high

    def nudge(self, features: Tensor, block: int) -> Tensor:
        """What is added to the tokens that enter a block: (B, h, w, D)."""
        out: Tensor = self.shared(self.per_block[block](features))
        return out
