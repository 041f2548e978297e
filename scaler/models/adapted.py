"""What all foundation models have in common: their input, what is frozen, what is trained, and how memory is saved."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from scaler.errors import ScalerError
from scaler.models.lora import ATTENTION_PROJECTIONS
from scaler.models.prompts import Prompts

PIXEL_MEAN = (123.675, 116.28, 103.53)  # of SAM, MobileSAM and SAM2, on RGB in [0, 255]
PIXEL_STD = (58.395, 57.12, 57.375)
ADAPTATION_PARTS = ("adapter.", ".lora_down.", ".lora_up.")


@dataclass(frozen=True)
class Features:
    """What the image encoder gives to the mask decoder.

    Attributes:
        embedding: (B, C, h, w).
        high_resolution: further maps, finest first, where the decoder takes such (SAM2); else none.
    """

    embedding: Tensor
    high_resolution: tuple[Tensor, ...] = ()

    def repeated(self, times: int) -> Features:
        """Each image's features so many times in a row, for several prompts of one image."""
        maps = [map_.repeat_interleave(times, dim=0) for map_ in (self.embedding, *self.high_resolution)]
        return Features(maps[0], tuple(maps[1:]))


class AdaptedModel(nn.Module, ABC):
    """`F` of the paper: a promptable model, its image encoder frozen but for an adaptation.

    Implements `scaler.models.protocols.Foundation`. Trained are the adaptation (an adapter, LoRA, or nothing), the mask
    decoder and the embedding that stands for no prompt; `freeze` marks them.

    Attributes:
        side: images are brought to side x side pixels before the encoder, whatever their size.
        recompute: keep only the input of each block for the backward pass and compute the block again there.
    """

    multiple_of = 1  # inputs are resized to the encoder's own size
    trained_beside: tuple[str, ...]  # prefixes of parameter names, beside the adaptation's own
    lora_layers: tuple[str, ...] = ATTENTION_PROJECTIONS  # how the names of the layers end that LoRA adapts
    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(
        self, side: int, mean: tuple[float, float, float] = PIXEL_MEAN, std: tuple[float, float, float] = PIXEL_STD
    ) -> None:
        super().__init__()
        self.side = side
        self.recompute = False
        self._trained: list[str] = []
        self.register_buffer("pixel_mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("pixel_std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    @abstractmethod
    def encoder(self) -> nn.Module:
        """The image encoder, which stays in evaluation mode."""

    @abstractmethod
    def encode(self, image: Tensor) -> Features:
        """Normalised images (B, 3, side, side) to features."""

    @abstractmethod
    def decode(self, features: Features, prompts: Prompts | None) -> Tensor:
        """Features, and prompts in the frame of side x side pixels, to logits (B, 1, h', w') of any size."""

    @abstractmethod
    def add_adapter(self) -> None:
        """Give the encoder its adapter, as the submodule `adapter`, starting as the identity."""

    def read_words(self, text: str, vocabulary: Path) -> None:
        """Take the words for what is sought in every image, in a model that can.

        Raises:
            ScalerError: this model takes no words, or not these.
        """
        raise ScalerError(f"sam.text: {type(self).__name__} takes no words; sam3 does.")

    def freeze(self) -> None:
        """Mark what is trained; to be called when the adaptation is in place."""
        named = list(self.named_parameters())
        self._trained = [name for name, _ in named if self._is_trained(name)]
        for name, parameter in named:
            parameter.requires_grad_(self._is_trained(name))
        self.train(self.training)

    def _is_trained(self, name: str) -> bool:
        return name.startswith(self.trained_beside) or any(part in f".{name}" for part in ADAPTATION_PARTS)

    def trainable_names(self) -> list[str]:
        """Adaptation, mask decoder, no-prompt embedding."""
        return list(self._trained)

    def train(self, mode: bool = True) -> AdaptedModel:
        """As usual, but for the frozen encoder: its dropout and batch statistics must not move."""
        super().train(mode)
        self.encoder().eval()
        return self

    def forward(self, image: Tensor, prompts: Prompts | None = None) -> Tensor:
        """(B, 3, H, W) RGB in [0, 1], and prompts in pixels of that frame, to logits (B, 1, H, W).

        With n B prompts, n for each image in turn, images are encoded once and logits are (n B, 1, H, W).
        """
        height, width = image.shape[-2:]
        features = self.features(image)
        if prompts is not None:
            if len(prompts) > len(image):
                features = features.repeated(len(prompts) // len(image))
            prompts = prompts.scaled(self.side / width, self.side / height)
        logits = self.decode(features, prompts)
        return F.interpolate(logits, (height, width), mode="bilinear", align_corners=False)

    def features(self, image: Tensor) -> Features:
        """(B, 3, H, W) RGB in [0, 1] to features: brought to the encoder's size and normalised."""
        resized = F.interpolate(image, (self.side, self.side), mode="bilinear", align_corners=False, antialias=True)
        learns = any(parameter.requires_grad for parameter in self._encoder_parameters())
        with torch.set_grad_enabled(torch.is_grad_enabled() and learns):
            return self.encode((resized * 255.0 - self.pixel_mean) / self.pixel_std)

    def _encoder_parameters(self) -> list[nn.Parameter]:
        adapter = getattr(self, "adapter", None)
        return [*self.encoder().parameters(), *(adapter.parameters() if adapter is not None else ())]

    def run(self, function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        """`function(*inputs)`, by recomputation in the backward pass where that is asked for."""
        if self.recompute and torch.is_grad_enabled():
            out: Tensor = checkpoint(function, *inputs, use_reentrant=False)
            return out
        return function(*inputs)
