"""WS-SAM's segmenter (He et al. 2023, arXiv:2305.11003) on timm's ResNet50, as far as the paper's text fixes it.

What the text leaves open, and what is done here, is listed in `docs/segmenters.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import timm
from torch import Tensor, nn

from scaler.errors import ScalerError
from scaler.models.compact import Normalise
from scaler.models.encoder_weights import load_encoder_strictly
from scaler.models.ws_sam_blocks import AttentiveFusion, TextureBlock
from scaler.models.ws_sam_decoder import GlobalPrior, ReverseStage, resized
from scaler.models.ws_sam_grouping import MultiScaleGrouping

SMALLEST = 16  # channels: the hidden layer of the channel attention has a sixteenth of them
LEVELS = (1, 2, 3, 4)  # of timm's features: strides 4, 8, 16, 32
CLASSIFIER = ("fc.",)


class WsSamSegmenter(nn.Module):
    """ResNet50, texture blocks, feature grouping by slots, top-down fusion, global prior, reverse-attention decoder.

    46.5 M parameters at `channels` 128. Implements `scaler.models.protocols.Segmenter` with five depths, the first of
    them the global prior. Nothing in it is random after construction.

    Args:
        channels: C, the width of all that follows the encoder; a multiple of 16.

    Raises:
        ScalerError: another number of channels.
    """

    multiple_of = 32

    def __init__(self, channels: int = 128) -> None:
        super().__init__()
        if channels < SMALLEST or channels % SMALLEST:
            raise ScalerError(f"segmenter.options: expected channels to be a multiple of {SMALLEST}, got {channels}.")
        self.normalise = Normalise()
        encoder: Any = timm.create_model("resnet50", pretrained=False, features_only=True, out_indices=LEVELS)
        widths: list[int] = encoder.feature_info.channels()
        self.encoder = encoder
        self.textures = nn.ModuleList(TextureBlock(width, channels) for width in widths)
        self.grouping = MultiScaleGrouping(channels)
        self.fusions = nn.ModuleList(AttentiveFusion(channels) for _ in pairwise(widths))
        self.prior = GlobalPrior(widths[-1])
        self.stages = nn.ModuleList(ReverseStage(channels) for _ in widths)

    def forward(self, image: Tensor) -> list[Tensor]:
        """See the protocol; five depths, of strides 32 (twice), 16, 8 and 4 before they are enlarged."""
        maps = self.encoder(self.normalise(image))
        *finer, deepest = [texture(x) for texture, x in zip(self.textures, maps, strict=True)]
        features = [self.grouping(deepest)]
        for fusion, fine in zip(self.fusions, reversed(finer), strict=True):
            features.append(fusion(features[-1], fine))
        logits = [self.prior(maps[-1])]
        for stage, feature in zip(self.stages, features, strict=True):
            logits.append(stage(feature, logits[-1]))
        return [resized(depth, image.shape[-2:]) for depth in logits]

    def load_encoder(self, state: Mapping[str, Tensor], path: Path) -> None:
        """Load a ResNet50 under timm's and torchvision's keys; of those only the classifier's, `fc.*`, stay unused.

        Raises:
            ScalerError: any other key is missing or unexpected, or a shape differs.
        """
        load_encoder_strictly(self.encoder, state, path, CLASSIFIER)
