"""MobileSAM: SAM's prompt encoder and decoder on TinyViT-5M (Zhang et al. 2023, arXiv:2306.14289), for laptops.

The network is timm's TinyViT, kept and tested there, with the two changes that MobileSAM makes: the last merging of
patches keeps the grid, so that it ends at a sixteenth of the input as SAM's ViT does, and SAM's neck takes the place of
the classifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

from segment_anything.modeling import Sam
from segment_anything.modeling.common import LayerNorm2d
from timm.models.tiny_vit import TinyVit
from torch import Tensor, nn

from scaler.models.adapted import AdaptedModel, Features
from scaler.models.loading import load_strictly
from scaler.models.mobile_sam_keys import to_timm
from scaler.models.prompts import Prompts, encode_prompts_sam
from scaler.models.sam import SamConfig, decode, set_side, with_decoder
from scaler.models.sam_adapter import high_pass
from scaler.models.stage_adapters import StageAdapters

WIDTHS, DEPTHS, HEADS, WINDOWS = (64, 128, 160, 320), (2, 2, 6, 2), (2, 4, 5, 10), (7, 7, 14, 7)
STRIDES = (4, 8, 16, 16)  # of the input, on each stage's grid
CONFIG = SamConfig(1024, STRIDES[-1], WIDTHS[-1], sum(DEPTHS), HEADS[-1], WINDOWS[-1], (), 256, 8, 2048)


class TinyEncoder(nn.Module):
    """TinyViT-5M without its classifier, and SAM's neck."""

    def __init__(self) -> None:
        super().__init__()
        network = TinyVit(
            embed_dims=WIDTHS, depths=DEPTHS, num_heads=HEADS, window_sizes=WINDOWS, drop_path_rate=0.0, num_classes=0
        )
        self.patch_embed, self.stages = network.patch_embed, network.stages
        cast(Any, self.stages[-1]).downsample.conv2.conv.stride = (1, 1)
        channels = CONFIG.prompt_dim
        self.neck = nn.Sequential(
            nn.Conv2d(WIDTHS[-1], channels, 1, bias=False),
            LayerNorm2d(channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            LayerNorm2d(channels),
        )


class MobileSam(AdaptedModel):
    """MobileSAM at any input size that 16 divides; its windows are padded where they do not fit.

    The adapter is the SAM-Adapter's idea with one adapter per stage (`scaler.models.stage_adapters`).

    Args:
        sam: a `TinyEncoder` with SAM's prompt encoder and mask decoder, its weights loaded.
        side: input size of the encoder in pixels; None: 1024.

    Raises:
        ScalerError: `side` is no multiple of 16.
    """

    trained_beside = ("sam.mask_decoder.", "sam.prompt_encoder.no_mask_embed.")

    def __init__(self, sam: Sam, side: int | None = None) -> None:
        super().__init__(side or CONFIG.image_size)
        self.sam = sam
        self.adapter: StageAdapters | None = None
        set_side(sam, self.side, STRIDES[-1])

    def encoder(self) -> TinyEncoder:
        """TinyViT."""
        return cast(TinyEncoder, self.sam.image_encoder)

    def add_adapter(self) -> None:
        """One adapter per stage, in front of each of its blocks."""
        starts = [sum(DEPTHS[:stage]) for stage in range(len(DEPTHS))]
        runs = [range(start, start + depth) for start, depth in zip(starts, DEPTHS, strict=True)]
        self.adapter = StageAdapters(WIDTHS, runs, STRIDES)

    def encode(self, image: Tensor) -> Features:
        """TinyViT, with the adapter's tokens added before each block: an embedding (B, 256, side / 16, side / 16)."""
        encoder, number = self.encoder(), 0
        maps = encoder.patch_embed(image)
        adapter = self.adapter
        high = high_pass(image) if adapter is not None else image
        for stage, layer in enumerate(encoder.stages):
            layer = cast(Any, layer)
            maps = layer.downsample(maps) if stage else maps
            tokens = maps.permute(0, 2, 3, 1)
            guide = adapter.features(stage, tokens, high) if adapter is not None else tokens
            for block in layer.blocks:
                if adapter is not None:
                    tokens = tokens + adapter.nudge(guide, number)
                tokens = self.run(partial(_run_block, block, stage == 0), tokens)
                number += 1
            maps = tokens.permute(0, 3, 1, 2)
        return Features(encoder.neck(maps))

    def decode(self, features: Features, prompts: Prompts | None) -> Tensor:
        """SAM's own decoder, mask token 0: (B, 1, side / 4, side / 4)."""
        sparse, dense = encode_prompts_sam(self.sam.prompt_encoder, prompts, len(features.embedding))
        return decode(self.sam, features.embedding, sparse, dense)


def loaded(name: str, side: int | None, state: Mapping[str, Tensor], path: Path) -> MobileSam:
    """MobileSAM with the weights of the official file, strictly.

    Raises:
        ScalerError: a key is missing, unexpected or of another shape; or `side` does not suit.
    """
    sam = with_decoder(TinyEncoder(), CONFIG)
    load_strictly(sam, to_timm(state), path)
    return MobileSam(sam, side)


def untrained(name: str, side: int | None) -> MobileSam:
    """The architecture with random weights."""
    return MobileSam(with_decoder(TinyEncoder(), CONFIG), side)


def _run_block(block: nn.Module, convolutional: bool, tokens: Tensor) -> Tensor:
    """One block of timm's; those of the first stage take maps: (B, h, w, D) to the same shape."""
    if convolutional:
        maps: Tensor = block(tokens.permute(0, 3, 1, 2))
        return maps.permute(0, 2, 3, 1)
    out: Tensor = block(tokens)
    return out
