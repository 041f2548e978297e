"""Adapters for segmenters of the field: SINet, FEDER and RUN, each from the user's own clone of the authors' code.

Put the clone's root on PYTHONPATH and name a class of this file in `params.yaml`:

    segmenter:
      model: docs.examples.plug_in_segmenters:SINet
      options: {}
      weights: null
      sha256: null
      depth_weights: [0.5, 1.0]

Nothing of the authors' code is imported before a class is built.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from scaler.models.compact import Normalise


class SINet(nn.Module):
    """SINet (Fan et al. 2020): the search map, then the identification map. Two depths."""

    multiple_of = 32

    def __init__(self, channel: int = 32) -> None:
        super().__init__()
        theirs: Any = import_module("Src.SINet").SINet_ResNet50
        offline = type("OfflineSINet", (theirs,), {"initialize_weights": lambda self: None})  # it downloads a ResNet50
        self.normalise, self.network = Normalise(), offline(channel=channel)

    def forward(self, image: Tensor) -> list[Tensor]:
        """See `scaler.models.protocols.Segmenter`; both maps are logits."""
        search, identification = self.network(self.normalise(image))
        return _framed([search, identification], image)


class Feder(nn.Module):
    """FEDER (He et al. 2023): five maps, then four of edges, which the method has no label for. Five depths."""

    multiple_of = 32

    def __init__(self, channels: int = 96) -> None:
        super().__init__()
        self.normalise, self.network = Normalise(), import_module("lib.Network").Network(channels=channels)

    def forward(self, image: Tensor) -> list[Tensor]:
        """See `scaler.models.protocols.Segmenter`; the coarse prior first, then stages 4 to 1."""
        return _framed(self.network(self.normalise(image))[:5], image)


class Run(Feder):
    """RUN (He et al. 2025): five maps as FEDER's, then edges and backgrounds. Five depths; see docs/segmenters.md."""

    def __init__(self, channels: int = 192) -> None:
        super().__init__(channels)


def _framed(maps: Any, image: Tensor) -> list[Tensor]:
    """The maps as a list, enlarged to the image where they are smaller."""
    return [F.interpolate(logits, image.shape[-2:], mode="bilinear", align_corners=False) for logits in maps]
