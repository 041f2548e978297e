"""Prompts for a batch of images, and segment-anything's embeddings of them.

Coordinates at this boundary are continuous, x to the right and y down, in pixels of the image batch: the centre of the
pixel in row r and column c is (c + 0.5, r + 0.5). So another size is a plain multiplication. segment-anything and SAM2
count pixels instead and add the half themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from segment_anything.modeling import PromptEncoder
from torch import Tensor
from torch.nn import functional as F

FOREGROUND, BACKGROUND, PADDING = 1, 0, -1


@dataclass(frozen=True)
class Prompts:
    """What B images are prompted with; an image may have fewer points than another, no box, no mask, or nothing.

    Attributes:
        points_xy: (B, N, 2) float32, N >= 0.
        point_labels: (B, N) int64: 1 foreground, 0 background, -1 no point.
        box_xyxy: (B, 4) float32, the centres of the upper left and the lower right pixel of the box.
        has_box: (B,) bool.
        mask_logits: (B, 1, h, w) float32 of any size, or None if no image has one.
        has_mask: (B,) bool.

    Raises:
        ValueError: shapes that do not belong together.
    """

    points_xy: Tensor
    point_labels: Tensor
    box_xyxy: Tensor
    has_box: Tensor
    mask_logits: Tensor | None
    has_mask: Tensor

    def __post_init__(self) -> None:
        batch, count = self.point_labels.shape
        wanted = {
            "points_xy": (batch, count, 2), "box_xyxy": (batch, 4), "has_box": (batch,), "has_mask": (batch,),
        }  # fmt: skip
        for name, shape in wanted.items():
            if tuple(getattr(self, name).shape) != shape:
                raise ValueError(f"prompts: expected {name} of shape {shape}, got {tuple(getattr(self, name).shape)}")
        if self.mask_logits is not None and self.mask_logits.shape[:2] != (batch, 1):
            raise ValueError(f"prompts: expected mask_logits ({batch}, 1, h, w), got {tuple(self.mask_logits.shape)}")

    def __len__(self) -> int:
        return len(self.point_labels)

    def scaled(self, factor_x: float, factor_y: float) -> Prompts:
        """The same prompts in an image batch of another size; masks have no size of their own."""
        factors = self.points_xy.new_tensor([factor_x, factor_y])
        return replace(self, points_xy=self.points_xy * factors, box_xyxy=self.box_xyxy * factors.repeat(2))

    def take(self, chosen: slice | Tensor) -> Prompts:
        """The prompts of some of the images."""
        return Prompts(
            self.points_xy[chosen],
            self.point_labels[chosen],
            self.box_xyxy[chosen],
            self.has_box[chosen],
            None if self.mask_logits is None else self.mask_logits[chosen],
            self.has_mask[chosen],
        )

    def dropped(self, keep: Tensor) -> Prompts:
        """Without the prompts of the images where `keep` (B,) is False."""
        labels = torch.where(keep.unsqueeze(1), self.point_labels, PADDING)
        return replace(self, point_labels=labels, has_box=self.has_box & keep, has_mask=self.has_mask & keep)

    @staticmethod
    def cat(parts: Sequence[Prompts]) -> Prompts:
        """Batches of the same number of points, one after another."""
        masks = [part.mask_logits for part in parts if part.mask_logits is not None]
        if len(masks) not in (0, len(parts)):
            raise ValueError("prompts: either all parts have masks or none has")
        return Prompts(
            torch.cat([part.points_xy for part in parts]),
            torch.cat([part.point_labels for part in parts]),
            torch.cat([part.box_xyxy for part in parts]),
            torch.cat([part.has_box for part in parts]),
            torch.cat(masks) if masks else None,
            torch.cat([part.has_mask for part in parts]),
        )


def encode_prompts_sam(encoder: PromptEncoder, prompts: Prompts | None, batch: int) -> tuple[Tensor, Tensor]:
    """segment-anything's embeddings of the prompts of a batch, in the frame of its input size.

    An image alone gets what the package itself gives for its prompts. In a batch, the places of points and boxes that
    an image lacks hold the package's own embedding for "not a point", which is how SAM was trained to see a lack.

    Args:
        encoder: with its sizes set to the input's.
        prompts: of B images; None: no prompt at all.
        batch: B.

    Returns:
        Sparse (B, T, C), T = 0 without points and boxes, and dense (B, C, h, w).
    """
    sparse, dense = encoder(points=None, boxes=None, masks=None)
    sparse, dense = sparse.expand(batch, -1, -1), dense.expand(batch, -1, -1, -1)
    if prompts is None:
        return sparse, dense
    nothing = encoder.not_a_point_embed.weight
    boxes = bool(prompts.has_box.any())
    if prompts.point_labels.shape[1]:
        sparse = encoder._embed_points(prompts.points_xy - 0.5, prompts.point_labels, pad=not boxes)
    if boxes:
        corners = encoder._embed_boxes(prompts.box_xyxy - 0.5)
        sparse = torch.cat([sparse, torch.where(prompts.has_box.view(-1, 1, 1), corners, nothing)], dim=1)
    if prompts.mask_logits is not None and bool(prompts.has_mask.any()):
        size = encoder.mask_input_size
        masks = F.interpolate(prompts.mask_logits, size, mode="bilinear", align_corners=False, antialias=True)
        dense = torch.where(prompts.has_mask.view(-1, 1, 1, 1), encoder._embed_masks(masks), dense)
    return sparse, dense
