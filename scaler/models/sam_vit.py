"""SAM with a ViT, adapted: `F` of the paper."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from segment_anything.modeling import ImageEncoderViT, Sam
from torch import Tensor, nn
from torch.nn import functional as F

from scaler.models.adapted import AdaptedModel, Features
from scaler.models.attention import run_block
from scaler.models.loading import load_strictly
from scaler.models.prompts import Prompts, encode_prompts_sam
from scaler.models.sam import CONFIGS, build_sam, decode, empty_sam, set_side
from scaler.models.sam_adapter import Adapter


class SamViT(AdaptedModel):
    """SAM ViT-B, L, H or one like them, at any input size that its patch divides.

    Its position embedding is interpolated to another grid than its own, and so are the relative positions of the
    blocks that see all tokens. Without prompts: empty sparse embedding, learned no-mask embedding. Mask token 0.

    Args:
        sam: with its weights loaded.
        side: input size of the encoder in pixels; None: the size that SAM was trained at.

    Raises:
        ScalerError: `side` is no multiple of the patch.
    """

    trained_beside = ("sam.mask_decoder.", "sam.prompt_encoder.no_mask_embed.")

    def __init__(self, sam: Sam, side: int | None = None) -> None:
        super().__init__(side or sam.image_encoder.img_size)
        self.sam = sam
        self.adapter: Adapter | None = None
        set_side(sam, self.side, sam.image_encoder.patch_embed.proj.kernel_size[0])

    def encoder(self) -> ImageEncoderViT:
        """The ViT."""
        return self.sam.image_encoder

    def add_adapter(self) -> None:
        """SAM-Adapter, with the rank that belongs to the width of the ViT."""
        convolution = self.encoder().patch_embed.proj
        self.adapter = Adapter(convolution.out_channels, len(self.encoder().blocks), convolution.kernel_size[0])

    def encode(self, image: Tensor) -> Features:
        """SAM's own encoder, with the adapter's tokens added before each block."""
        encoder = self.encoder()
        tokens = encoder.patch_embed(image)
        features = self.adapter.features(tokens, image) if self.adapter is not None else None
        tokens = tokens + _positions(encoder, tokens.shape[1])
        for number, block in enumerate(encoder.blocks):
            if features is not None and self.adapter is not None:
                tokens = tokens + self.adapter.nudge(features, number)
            tokens = self.run(partial(run_block, block), tokens)
        return Features(encoder.neck(tokens.permute(0, 3, 1, 2)))

    def decode(self, features: Features, prompts: Prompts | None) -> Tensor:
        """SAM's own decoder, mask token 0: (B, 1, 4h, 4w)."""
        batch = len(features.embedding)
        sparse, dense = encode_prompts_sam(self.sam.prompt_encoder, prompts, batch)
        return decode(self.sam, features.embedding, sparse, dense)


def loaded(name: str, side: int | None, state: Mapping[str, Tensor], path: Path) -> SamViT:
    """SAM with the weights of an official checkpoint, strictly.

    Raises:
        ScalerError: a key is missing, unexpected or of another shape; or `side` does not suit.
    """
    sam = empty_sam(CONFIGS[name])
    load_strictly(sam, state, path)
    return SamViT(sam, side)


def untrained(name: str, side: int | None) -> SamViT:
    """The architecture with random weights."""
    return SamViT(build_sam(CONFIGS[name]), side)


def _positions(encoder: ImageEncoderViT, grid: int) -> nn.Parameter | Tensor:
    """The position embedding on a grid x grid of tokens: (1, grid, grid, D)."""
    own: nn.Parameter = encoder.pos_embed
    if own.shape[1] == grid:
        return own
    moved = F.interpolate(own.permute(0, 3, 1, 2), (grid, grid), mode="bicubic", align_corners=False)
    return moved.permute(0, 2, 3, 1)
