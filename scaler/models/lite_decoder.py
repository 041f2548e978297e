"""The lite model's decoder: prompts drawn as maps, and convolutions from the coarsest features to the finest.

A token decoder like SAM's learned next to nothing from some hundred photographs. Here a prompt is drawn where it is:
each level of the decoder sees it beside its features, and sees how alike its features are to those under the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from scaler.models.prompts import BACKGROUND, FOREGROUND, Prompts

CHANNELS, DEPTHS = (32, 64, 128, 128), (1, 1, 2, 2)  # of the levels, finest first
GROUPS = 8  # of the normalisation, which sees one image at a time: batches may be cut anywhere
WANTED, UNWANTED = [0, 4, 5], [2]  # of the maps: those that are on what is asked for, and beside it
MAPS = 7  # near and far of both kinds of points, box, mask, and "no prompt"
NEAR, FAR = 1.25, 10.0  # how wide a point is drawn, in cells of the map
FINEST = 4  # pixels of the input to a cell


def draw(prompts: Prompts | None, batch: int, grid: int, device: torch.device) -> Tensor:
    """Prompts as maps on the finest grid.

    Args:
        prompts: in pixels of the input, which has `FINEST * grid` on a side; None: no prompt at all.
        batch: B.
        grid: cells on a side.
        device: of the result.

    Returns:
        (B, 7, grid, grid) float32: a narrow and a wide spot round each foreground point, the same round background
        points, the inside of the box, the mask as 2 p - 1, and 1 everywhere in images without any prompt.
    """
    maps = torch.zeros(batch, MAPS, grid, grid, device=device)
    if prompts is None:
        maps[:, -1] = 1.0
        return maps
    if prompts.point_labels.shape[1]:
        for number, label in enumerate((FOREGROUND, BACKGROUND)):
            chosen = prompts.point_labels == label
            maps[:, 2 * number : 2 * number + 2] = _spots(prompts.points_xy / FINEST, chosen, grid)
    if prompts.box_xyxy is not None:
        maps[:, 4] = _inside(prompts.box_xyxy / FINEST, grid) * prompts.has_box.view(-1, 1, 1)
    if prompts.mask_logits is not None:
        small = F.interpolate(prompts.mask_logits.float(), (grid, grid), mode="bilinear", antialias=True)
        maps[:, 5] = torch.tanh(small[:, 0] / 2) * prompts.has_mask.view(-1, 1, 1)
    some = (prompts.point_labels >= 0).any(dim=1) | prompts.has_box | prompts.has_mask
    maps[:, -1] = (~some).view(-1, 1, 1).float()
    return maps


def _centres(grid: int, device: torch.device) -> Tensor:
    return torch.arange(grid, device=device, dtype=torch.float32) + 0.5


def _spots(points: Tensor, chosen: Tensor, grid: int) -> Tensor:
    """(B, N, 2) points in cells, those `chosen` (B, N), to (B, 2, grid, grid)."""
    centres = _centres(grid, points.device)
    across = (centres - points[..., 0:1]).square().unsqueeze(2)
    down = (centres - points[..., 1:2]).square().unsqueeze(3)
    squared = (across + down).masked_fill(~chosen[..., None, None], torch.inf).amin(dim=1)
    return torch.stack([torch.exp(-squared / (2 * width**2)) for width in (NEAR, FAR)], dim=1)


def _inside(boxes: Tensor, grid: int) -> Tensor:
    """(B, 4) boxes in cells to the share of each cell that they cover, (B, grid, grid)."""
    edges = _centres(grid, boxes.device)
    x0, y0, x1, y1 = (edge.unsqueeze(1) for edge in boxes.unbind(dim=1))
    across = (torch.minimum(edges + 0.5, x1) - torch.maximum(edges - 0.5, x0)).clamp(0.0, 1.0)
    down = (torch.minimum(edges + 0.5, y1) - torch.maximum(edges - 0.5, y0)).clamp(0.0, 1.0)
    return down.unsqueeze(2) * across.unsqueeze(1)


class Mix(nn.Module):
    """Two 3x3 convolutions with group normalisation and a shortcut."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(channels_in, channels, 1)
        self.body = nn.Sequential(
            nn.GroupNorm(GROUPS, channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.GroupNorm(GROUPS, channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, h, w) to (B, C, h, w)."""
        entered: Tensor = self.enter(x)
        return entered + self.body(entered)  # type: ignore[no-any-return]


class Level(nn.Module):
    """One grid of the decoder: the encoder's features, their likeness to those under the prompt, the prompt, and the
    coarser level's result.

    Features are normalised and the prompt gets as many channels as they have: otherwise their large values drown it.
    """

    def __init__(self, width: int, coarser: int, channels: int, depth: int) -> None:
        super().__init__()
        self.lateral = nn.Sequential(nn.Conv2d(width, channels, 1), nn.GroupNorm(GROUPS, channels))
        self.prompt = nn.Conv2d(MAPS, channels, 3, padding=1)
        entering = 4 * channels + coarser
        self.mix = nn.Sequential(*(Mix(channels if number else entering, channels) for number in range(depth)))

    def forward(self, features: Tensor, maps: Tensor, coarser: Tensor | None) -> Tensor:
        """(B, width, h, w), drawn prompts (B, 7, h, w) and the level before, if any, to (B, C, h, w)."""
        own = self.lateral(features)
        likeness = [own * _under(own, maps[:, slot]) for slot in (WANTED, UNWANTED)]
        parts = [own, *likeness, self.prompt(maps)]
        if coarser is not None:
            parts.append(F.interpolate(coarser, own.shape[-2:], mode="nearest"))
        out: Tensor = self.mix(torch.cat(parts, dim=1))
        return out


def _under(features: Tensor, maps: Tensor) -> Tensor:
    """The mean of (B, C, h, w) features where any of the (B, n, h, w) maps is: (B, C, 1, 1); 0 without a prompt."""
    weight = maps.clamp(min=0.0).amax(dim=1, keepdim=True)
    total = weight.sum(dim=(2, 3), keepdim=True)
    mean: Tensor = (features * weight).sum(dim=(2, 3), keepdim=True) / total.clamp(min=1e-6)
    return mean.to(features.dtype)


class PromptDecoder(nn.Module):
    """From features at strides 4, 8, 16, 32 to logits at stride 4.

    Args:
        widths: channels of the encoder's features, finest first.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        coarser = (*CHANNELS[1:], 0)
        self.levels = nn.ModuleList(map(Level, widths, coarser, CHANNELS, DEPTHS))
        self.head = nn.Sequential(
            nn.GroupNorm(GROUPS, CHANNELS[0]), nn.ReLU(inplace=True), nn.Conv2d(CHANNELS[0], 1, 3, padding=1)
        )

    def forward(self, features: Sequence[Tensor], maps: Tensor) -> Tensor:
        """Features, finest first, and drawn prompts on the finest grid, to logits (B, 1, h, w) of the finest grid."""
        result: Tensor | None = None
        for level, own in zip(reversed(self.levels), reversed(features), strict=True):
            result = level(own, F.adaptive_max_pool2d(maps, own.shape[-2:]), result)
        logits: Tensor = self.head(result)
        return logits
