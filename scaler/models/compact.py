"""The compact segmenter: a small residual encoder-decoder with several output depths, for laptops."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHANNEL_MEAN = (0.485, 0.456, 0.406)  # ImageNet's, on RGB in [0, 1]
CHANNEL_STD = (0.229, 0.224, 0.225)


class Normalise(nn.Module):
    """RGB in [0, 1] to zero mean and unit deviation: under ImageNet's statistics, or those of the channels given."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float] = CHANNEL_MEAN, std: Sequence[float] = CHANNEL_STD) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) to the same shape."""
        return (image - self.mean) / self.std


class Residual(nn.Module):
    """Two 3x3 convolutions with batch normalisation and a shortcut; `stride` 2 halves the map."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        self.stride = stride
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, bias=False), nn.BatchNorm2d(channels_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) to (B, C_out, H / stride, W / stride)."""
        # A 1x1 convolution with stride 2 reads every other pixel. Taking these pixels first gives the same numbers; the
        # strided kernel of oneDNN 3.13 writes past the end of its gradient for fewer than 16 channels (channels-last).
        thinned = x[..., :: self.stride, :: self.stride]
        return F.relu(self.body(x) + self.shortcut(thinned))


class Fusion(nn.Module):
    """A coarse map, doubled in size, joined with the skip of its new size."""

    def __init__(self, coarse: int, skip: int, channels_out: int) -> None:
        super().__init__()
        self.block = Residual(coarse + skip, channels_out)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """(B, C, h, w) and (B, C', 2h, 2w) to (B, C_out, 2h, 2w)."""
        joined = torch.cat([F.interpolate(coarse, scale_factor=2.0, mode="nearest"), skip], dim=1)
        out: Tensor = self.block(joined)
        return out


class CompactSegmenter(nn.Module):
    """Encoder at strides 2, 4, 8, 16; decoder back to stride 2; logits from strides 8, 4 and 2.

    About 0.65 M parameters at `width` 16. Implements `scaler.models.protocols.Segmenter`.

    Args:
        width: channels at stride 2; they grow to 2, 4 and 6 times that with depth.
    """

    multiple_of = 16

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        a, b, c, d = width, 2 * width, 4 * width, 6 * width
        self.normalise = Normalise()
        self.stem = nn.Sequential(
            nn.Conv2d(3, a, 5, 2, 2, bias=False), nn.BatchNorm2d(a), nn.ReLU(inplace=True), Residual(a, a)
        )
        self.stage4 = Residual(a, b, 2)
        self.stage8 = nn.Sequential(Residual(b, c, 2), Residual(c, c))
        self.stage16 = nn.Sequential(Residual(c, d, 2), Residual(d, d))
        self.fuse8 = Fusion(d, c, c)
        self.fuse4 = Fusion(c, b, b)
        self.fuse2 = Fusion(b, a, a)
        self.heads = nn.ModuleList(nn.Conv2d(channels, 1, 3, 1, 1) for channels in (c, b, a))

    def forward(self, image: Tensor) -> list[Tensor]:
        """See the protocol; three depths."""
        x2 = self.stem(self.normalise(image))
        x4 = self.stage4(x2)
        x8 = self.stage8(x4)
        y8 = self.fuse8(self.stage16(x8), x8)
        y4 = self.fuse4(y8, x4)
        y2 = self.fuse2(y4, x2)
        size = image.shape[-2:]
        maps = [head(y) for head, y in zip(self.heads, (y8, y4, y2), strict=True)]
        return [F.interpolate(logits, size, mode="bilinear", align_corners=False) for logits in maps]
