"""Blocks of WS-SAM's segmenter: texture blocks, and the fusion of a coarse map with a finer one."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TEXTURE_KERNELS = (3, 5, 7)
REDUCTION = 16  # of the hidden layer of the channel attention
SPATIAL_KERNEL = 7


def convolution(
    channels_in: int, channels_out: int, kernel: int | tuple[int, int] = 1, dilation: int = 1, activate: bool = True
) -> nn.Sequential:
    """A convolution that keeps height and width, batch normalisation, and ReLU if asked for."""
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (dilation * (sides[0] // 2), dilation * (sides[1] // 2))
    layers: list[nn.Module] = [
        nn.Conv2d(channels_in, channels_out, sides, padding=padding, dilation=dilation, bias=False),
        nn.BatchNorm2d(channels_out),
    ]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if activate else []))


class TextureBlock(nn.Module):
    """Four parallel branches of growing reach, joined, beside a projected residual.

    One branch is a 1x1 convolution; for k = 3, 5, 7 the others are 1x1, 1xk, kx1, and 3x3 with dilation k.
    """

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList([convolution(channels_in, channels, activate=False)])
        for k in TEXTURE_KERNELS:
            self.branches.append(
                nn.Sequential(
                    convolution(channels_in, channels, activate=False),
                    convolution(channels, channels, (1, k), activate=False),
                    convolution(channels, channels, (k, 1), activate=False),
                    convolution(channels, channels, 3, dilation=k, activate=False),
                )
            )
        self.join = convolution((1 + len(TEXTURE_KERNELS)) * channels, channels, 3, activate=False)
        self.shortcut = convolution(channels_in, channels, activate=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) to (B, C, H, W)."""
        joined = self.join(torch.cat([branch(x) for branch in self.branches], dim=1))
        return F.relu(joined + self.shortcut(x))


class ChannelSpatialAttention(nn.Module):
    """Weights in (0, 1) for channels, then for places, from means and maxima (Woo et al. 2018, arXiv:1807.06521)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(channels // REDUCTION, 1)
        self.channel = nn.Sequential(
            nn.Linear(channels, hidden, bias=False), nn.ReLU(inplace=True), nn.Linear(hidden, channels, bias=False)
        )
        self.spatial = nn.Conv2d(2, 1, SPATIAL_KERNEL, padding=SPATIAL_KERNEL // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        of_channel = self.channel(x.mean((2, 3))) + self.channel(x.amax((2, 3)))
        x = x * of_channel.sigmoid()[:, :, None, None]
        of_place = self.spatial(torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1))
        out: Tensor = x * of_place.sigmoid()
        return out


class AttentiveFusion(nn.Module):
    """A coarse map, doubled in size, joined with the finer one: 1x1, attention, two 3x3, and a residual."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.join = convolution(2 * channels, channels)
        self.attention = ChannelSpatialAttention(channels)
        self.body = nn.Sequential(
            convolution(channels, channels, 3), convolution(channels, channels, 3, activate=False)
        )

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """(B, C, h, w) and (B, C, 2h, 2w) to (B, C, 2h, 2w)."""
        raised = F.interpolate(coarse, fine.shape[-2:], mode="bilinear", align_corners=False)
        joined = self.attention(self.join(torch.cat([raised, fine], dim=1)))
        return F.relu(self.body(joined) + fine)
