"""WS-SAM's global prior and its decoder stages with reverse attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from scaler.models.ws_sam_blocks import convolution

BRANCH_CHANNELS = 128
JOINED_CHANNELS = 256
HEAD_CHANNELS = 64
DILATIONS = (6, 12, 18)
KEY_SHARE = 8  # queries and keys of the position attention have this part of the channels


def resized(x: Tensor, size: torch.Size) -> Tensor:
    """(B, C, h, w) to (B, C, *size), bilinear."""
    return F.interpolate(x, size, mode="bilinear", align_corners=False)


class PositionAttention(nn.Module):
    """Every place looks at all (Fu et al. 2019, arXiv:1809.02983); a learned scale, 0 at first, and a residual."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query, self.key = (nn.Conv2d(channels, channels // KEY_SHARE, 1) for _ in range(2))
        self.value = nn.Conv2d(channels, channels, 1)
        self.scale = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        query, key, value = (layer(x).flatten(2).mT[:, None] for layer in (self.query, self.key, self.value))
        # with one head, (B, 1, h w, C): the form that ONNX takes
        looked = F.scaled_dot_product_attention(query, key, value)
        out: Tensor = x + self.scale * looked[:, 0].mT.reshape(x.shape)
        return out


class GlobalPrior(nn.Module):
    """A coarse first guess from the deepest map: five branches of different reach, position attention, one logit map.

    The branches are a 1x1 convolution, three 3x3 ones with dilations 6, 12, 18, and the mean over the whole map
    (Chen et al. 2017, arXiv:1706.05587).
    """

    def __init__(self, channels_in: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList([convolution(channels_in, BRANCH_CHANNELS)])
        self.branches.extend(convolution(channels_in, BRANCH_CHANNELS, 3, dilation) for dilation in DILATIONS)
        # without batch normalisation: one value per image and channel has no statistics in a batch of one
        self.whole = nn.Sequential(nn.Conv2d(channels_in, BRANCH_CHANNELS, 1, bias=False), nn.ReLU(inplace=True))
        self.join = convolution((len(self.branches) + 1) * BRANCH_CHANNELS, JOINED_CHANNELS, 3)
        self.attention = PositionAttention(JOINED_CHANNELS)
        self.head = nn.Sequential(convolution(JOINED_CHANNELS, HEAD_CHANNELS, 3), nn.Conv2d(HEAD_CHANNELS, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, h, w) to logits (B, 1, h, w)."""
        whole = self.whole(x.mean((2, 3), keepdim=True)).expand(-1, -1, *x.shape[-2:])
        joined = self.join(torch.cat([*(branch(x) for branch in self.branches), whole], dim=1))
        logits: Tensor = self.head(self.attention(joined))
        return logits


class ReverseStage(nn.Module):
    """Refines a coarser logit map p by a feature f, seen through sigmoid(p) and through its complement.

    The first finds what the map took too much of, the second what it missed; the stage's output is added to p.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inside, self.outside = (
            nn.Sequential(convolution(channels, channels, 3), convolution(channels, channels, 3)) for _ in range(2)
        )
        self.join = convolution(2 * channels, channels, 3)
        self.head = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, feature: Tensor, coarser: Tensor) -> Tensor:
        """(B, C, H, W) and logits (B, 1, h, w) of any size to logits (B, 1, H, W)."""
        before = resized(coarser, feature.shape[-2:])
        inside = before.sigmoid()
        seen = torch.cat([self.inside(feature * inside), self.outside(feature * (1.0 - inside))], dim=1)
        out: Tensor = self.head(self.join(seen) + feature) + before
        return out
