"""The lite foundation model: an ImageNet encoder and a small convolutional decoder, promptable, for laptops.

EfficientNet-Lite0 is timm's; the decoder (`scaler.models.lite_decoder`) is learned from any photographs with
segmentations by `python -m scaler pretrain`. 4.5 M parameters in all.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import timm
from torch import Tensor, nn

from scaler.errors import ScalerError
from scaler.models import lite_keys
from scaler.models.adapted import AdaptedModel, Features
from scaler.models.encoder_weights import load_encoder_strictly
from scaler.models.lite_decoder import FINEST, PromptDecoder, draw
from scaler.models.loading import load_strictly
from scaler.models.prompts import Prompts
from scaler.models.sam_adapter import high_pass
from scaler.models.stage_adapters import StageAdapters

SIDE = 192  # pixels
DIVISOR = 32
HALF = (127.5, 127.5, 127.5)  # mean and deviation that EfficientNet-Lite0 was trained with, on RGB in [0, 255]
ENTERED = ((32, 2), (16, 2), (24, 4), (40, 8), (80, 16), (112, 16), (192, 32))  # channels and stride before each stage
TAPS = {1: 24, 2: 40, 4: 112, 6: 320}  # stage -> channels, of the features at strides 4, 8, 16, 32
CLASSIFIER = ("conv_head.", "bn2.", "classifier.")


class Lite(AdaptedModel):
    """EfficientNet-Lite0 with a decoder that sees prompts as drawn maps, at any side that 32 divides.

    The adapter is the SAM-Adapter's idea with one adapter per stage (`scaler.models.stage_adapters`).

    Args:
        side: input size of the encoder in pixels; None: 192.

    Raises:
        ScalerError: `side` is no multiple of 32.
    """

    trained_beside = ("decoder.",)
    lora_layers = (".conv_pw", ".conv_pwl")  # the 1x1 convolutions

    def __init__(self, side: int | None = None) -> None:
        super().__init__(side or SIDE, HALF, HALF)
        if self.side % DIVISOR:
            raise ScalerError(
                f"sam.size: expected a multiple of {DIVISOR} (for lite), got {self.side}. "
                f"Nearest: {max(1, round(self.side / DIVISOR)) * DIVISOR}."
            )
        self.network: nn.Module = timm.create_model("tf_efficientnet_lite0", pretrained=False, features_only=True)
        self.decoder = PromptDecoder(list(TAPS.values()))
        self.adapter: StageAdapters | None = None

    def encoder(self) -> nn.Module:
        """EfficientNet-Lite0 without its classifier."""
        return self.network

    def load_encoder(self, state: Mapping[str, Tensor], path: Path) -> None:
        """Load the encoder from the file of the image classifier, in timm's keys or in those of TensorFlow's port.

        Raises:
            ScalerError: a key other than the classifier's is missing or unexpected, or a shape differs.
        """
        named = lite_keys.to_timm(state) if lite_keys.STEM in state else state
        load_encoder_strictly(self.encoder(), named, path, CLASSIFIER)

    def add_adapter(self) -> None:
        """One adapter per stage, in front of its first block."""
        widths, strides = zip(*ENTERED, strict=True)
        self.adapter = StageAdapters(widths, [range(stage, stage + 1) for stage in range(len(widths))], strides)

    def encode(self, image: Tensor) -> Features:
        """Maps at strides 4 to 32; the coarsest is the embedding."""
        network = cast(Any, self.network)
        maps = network.bn1(network.conv_stem(image))
        high = high_pass(image) if self.adapter is not None else None
        taken: list[Tensor] = []
        for number, stage in enumerate(network.blocks):
            maps = self.run(partial(self._stage, stage, number, high), maps)
            if number in TAPS:
                taken.append(maps)
        return Features(taken[-1], tuple(taken[:-1]))

    def _stage(self, stage: nn.Module, number: int, high: Tensor | None, maps: Tensor) -> Tensor:
        if self.adapter is not None and high is not None:
            guide = self.adapter.features(number, maps.permute(0, 2, 3, 1), high)
            maps = maps + self.adapter.nudge(guide, number).permute(0, 3, 1, 2)
        out: Tensor = stage(maps)
        return out

    def decode(self, features: Features, prompts: Prompts | None) -> Tensor:
        """Logits (B, 1, side / 4, side / 4)."""
        batch, device = len(features.embedding), features.embedding.device
        maps = draw(prompts, batch, self.side // FINEST, device)
        logits: Tensor = self.decoder([*features.high_resolution, features.embedding], maps)
        return logits


def loaded(name: str, side: int | None, state: Mapping[str, Tensor], path: Path) -> Lite:
    """The lite model with the weights of a file that `pretrain` wrote, strictly.

    Raises:
        ScalerError: a key is missing, unexpected or of another shape; or `side` does not suit.
    """
    model = Lite(side)
    load_strictly(model, state, path)
    return model


def untrained(name: str, side: int | None) -> Lite:
    """The architecture with random weights."""
    return Lite(side)
