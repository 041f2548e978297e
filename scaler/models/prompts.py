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
        box_xyxy: (B, 4) float32, the centres of the upper left and the lower right pixel of the box; None if images
            are not prompted with boxes at all. It is None, not `has_box`, that decides about places for boxes among
            the tokens: an image's embedding must not hang on what else is in its batch.
        has_box: (B,) bool.
        mask_logits: (B, 1, h, w) float32 of any size, or None if no image has one.
        has_mask: (B,) bool.

    Raises:
        ValueError: shapes that do not belong together.
    """

    points_xy: Tensor
    point_labels: Tensor
    box_xyxy: Tensor | None
    has_box: Tensor
    mask_logits: Tensor | None
    has_mask: Tensor

    def __post_init__(self) -> None:
        if self.point_labels.ndim != 2:
            raise ValueError(f"prompts: expected point_labels (B, N), got {tuple(self.point_labels.shape)}")
        batch, count = self.point_labels.shape
        wanted = {
            "points_xy": (batch, count, 2), "box_xyxy": (batch, 4), "has_box": (batch,), "has_mask": (batch,),
        }  # fmt: skip
        for name, shape in wanted.items():
            value: Tensor | None = getattr(self, name)
            if value is not None and tuple(value.shape) != shape:
                raise ValueError(f"prompts: expected {name} of shape {shape}, got {tuple(value.shape)}")
        if self.mask_logits is not None and self.mask_logits.shape[:2] != (batch, 1):
            raise ValueError(f"prompts: expected mask_logits ({batch}, 1, h, w), got {tuple(self.mask_logits.shape)}")

    def __len__(self) -> int:
        return len(self.point_labels)

    def scaled(self, factor_x: float, factor_y: float) -> Prompts:
        """The same prompts in an image batch of another size; masks have no size of their own."""
        factors = self.points_xy.new_tensor([factor_x, factor_y])
        box = None if self.box_xyxy is None else self.box_xyxy * factors.repeat(2)
        return replace(self, points_xy=self.points_xy * factors, box_xyxy=box)

    def to(self, device: torch.device) -> Prompts:
        """The same prompts on another device."""
        tensors = {name: value.to(device) for name, value in vars(self).items() if value is not None}
        return replace(self, **tensors)

    def select(self, chosen: slice | Tensor) -> Prompts:
        """The prompts of the chosen images."""
        return Prompts(
            self.points_xy[chosen],
            self.point_labels[chosen],
            None if self.box_xyxy is None else self.box_xyxy[chosen],
            self.has_box[chosen],
            None if self.mask_logits is None else self.mask_logits[chosen],
            self.has_mask[chosen],
        )

    def cleared(self) -> Prompts:
        """As many places for prompts, all of them empty."""
        none = torch.zeros_like(self.has_box)
        return replace(
            self, point_labels=torch.full_like(self.point_labels, PADDING), has_box=none, has_mask=none.clone()
        )

    @staticmethod
    def cat(parts: Sequence[Prompts]) -> Prompts:
        """Batches of the same kind and number of prompts, one after another.

        Raises:
            ValueError: only some of the parts have masks or boxes, or they have different numbers of points.
        """
        masks = [part.mask_logits for part in parts if part.mask_logits is not None]
        boxes = [part.box_xyxy for part in parts if part.box_xyxy is not None]
        if any(len(of_all) not in (0, len(parts)) for of_all in (masks, boxes)):
            raise ValueError("prompts: either all parts have masks (or boxes) or none has")
        if len({part.point_labels.shape[1] for part in parts}) > 1:
            raise ValueError("prompts: all parts must have as many points, if need be padded with the label -1")
        return Prompts(
            torch.cat([part.points_xy for part in parts]),
            torch.cat([part.point_labels for part in parts]),
            torch.cat(boxes) if boxes else None,
            torch.cat([part.has_box for part in parts]),
            torch.cat(masks) if masks else None,
            torch.cat([part.has_mask for part in parts]),
        )


def encode_prompts_sam(encoder: PromptEncoder, prompts: Prompts | None, batch: int) -> tuple[Tensor, Tensor]:
    """segment-anything's embeddings of the prompts of a batch, in the frame of its input size.

    An image with all points and the box gets what the package itself gives for it alone. The places of points and boxes
    that an image lacks hold the package's own embedding for "not a point", which is how SAM was trained to see a lack;
    how many places there are follows from the shapes alone, so an image's embedding is the same in any batch.
    An image without any prompt has all places so, and the embedding of no mask.

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
    with torch.autocast(prompts.points_xy.device.type, enabled=False):  # bf16 knows no place in 1,024 pixels
        return _embed(encoder, prompts, sparse, dense)


def _embed(encoder: PromptEncoder, prompts: Prompts, sparse: Tensor, dense: Tensor) -> tuple[Tensor, Tensor]:
    nothing = encoder.not_a_point_embed.weight
    if prompts.point_labels.shape[1]:
        pad = prompts.box_xyxy is None
        sparse = encoder._embed_points(prompts.points_xy - 0.5, prompts.point_labels, pad=pad)
    if prompts.box_xyxy is not None:
        corners = encoder._embed_boxes(prompts.box_xyxy - 0.5)
        sparse = torch.cat([sparse, torch.where(prompts.has_box.view(-1, 1, 1), corners, nothing)], dim=1)
    if prompts.mask_logits is not None and bool(prompts.has_mask.any()):
        size = encoder.mask_input_size
        masks = F.interpolate(prompts.mask_logits, size, mode="bilinear", align_corners=False, antialias=True)
        dense = torch.where(prompts.has_mask.view(-1, 1, 1, 1), encoder._embed_masks(masks), dense)
    return sparse, dense
