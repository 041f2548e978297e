"""SAM with the SAM-Adapter: a frozen encoder whose tokens are nudged before every block."""

from __future__ import annotations

import math

import torch
from segment_anything.modeling import Sam
from torch import Tensor, nn
from torch.nn import functional as F

from scaler.models.sam import decode, no_prompts

HIGH_PASS_RATE = 0.25  # share of the spectrum's area, in its middle, that is taken out
REDUCTION = 32  # r = D / 32
SMALLEST_RANK = 24  # of a nano SAM, whose D / 32 would be next to nothing: that of ViT-B
TRAINED_BESIDE_ADAPTER = ("mask_decoder.", "prompt_encoder.no_mask_embed.")


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


class AdaptedSam(nn.Module):
    """`F` of the paper: SAM-Adapter on a SAM of any size; implements `scaler.models.protocols.Foundation`.

    No prompts are given: empty sparse embedding, the learned no-mask embedding, mask token 0. Trained are the adapter,
    the mask decoder and the no-mask embedding; the image encoder is frozen.

    Args:
        sam: with its weights loaded.
    """

    multiple_of = 1  # inputs are resized to SAM's own size

    def __init__(self, sam: Sam) -> None:
        super().__init__()
        self.sam = sam
        encoder = sam.image_encoder
        convolution = encoder.patch_embed.proj
        self.adapter = Adapter(convolution.out_channels, len(encoder.blocks), convolution.kernel_size[0])
        wanted = set(self.trainable_names())
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(name in wanted)

    def trainable_names(self) -> list[str]:
        """Adapter, mask decoder, no-mask embedding."""
        beside = tuple(f"sam.{prefix}" for prefix in TRAINED_BESIDE_ADAPTER)
        return [name for name, _ in self.named_parameters() if name.startswith(("adapter.", *beside))]

    def forward(self, image: Tensor, prompts: None = None) -> Tensor:
        """(B, 3, H, W) RGB in [0, 1] to logits (B, 1, H, W); the input is resized to SAM's size and back.

        Raises:
            ValueError: prompts were given.
        """
        if prompts is not None:
            raise ValueError("SAM-Adapter is trained without prompts; expected None")
        side = self.sam.image_encoder.img_size
        resized = F.interpolate(image, (side, side), mode="bilinear", align_corners=False, antialias=True)
        embedding = self._encode((resized * 255.0 - self.sam.pixel_mean) / self.sam.pixel_std)
        sparse, dense = no_prompts(self.sam, len(image))
        logits = decode(self.sam, embedding, sparse, dense)
        return F.interpolate(logits, image.shape[-2:], mode="bilinear", align_corners=False)

    def _encode(self, image: Tensor) -> Tensor:
        """SAM's own encoder, with the adapter's tokens added before each block: (B, C, h, w)."""
        encoder = self.sam.image_encoder
        tokens = encoder.patch_embed(image)
        features = self.adapter.features(tokens, image)
        tokens = tokens + encoder.pos_embed
        for number, block in enumerate(encoder.blocks):
            tokens = block(tokens + self.adapter.nudge(features, number))
        out: Tensor = encoder.neck(tokens.permute(0, 3, 1, 2))
        return out
