"""How well foundation models find a segment that a person points at: IoU for each kind of prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import Tensor

from scaler.laboratory.photographs import U8, Photograph, nearest
from scaler.models.adapted import AdaptedModel
from scaler.models.prompts import Prompts
from scaler.progress import progress
from scaler.randomness import generator
from scaler.training.device import Compute
from scaler.training.prompting import prompts_from_mask

SMALLEST, LARGEST = 0.01, 0.8  # of the photograph: segments that are asked for
SEGMENTS = 5  # of a photograph, at most
LONGEST = 512  # photographs are shrunk to this many pixels
KINDS = ("box", "point", "points")


@dataclass(frozen=True)
class Scores:
    """What a model reached.

    Attributes:
        iou: kind of prompt -> the mean IoU over all segments.
        segments: how many.
    """

    iou: dict[str, float]
    segments: int


def score(
    models: dict[str, AdaptedModel], photographs: Sequence[Photograph], compute: Compute, seed: int = 0
) -> dict[str, Scores]:
    """The scores of several models on the same segments with the same prompts.

    The segments: of the first segmentation of each photograph, up to five of those that cover 1 % to 80 % of it, drawn
    by `seed`. The prompts: the box around the segment; its innermost pixel; that pixel and, outside, the pixel
    farthest from the segment. A pixel belongs to the answer where the logit is above 0.

    Args:
        models: name -> model, on the device.
        photographs: from `scaler.laboratory.photographs.find_photographs`.
        compute: device and precision.
        seed: for the draw of segments.
    """
    found: dict[str, dict[str, list[float]]] = {name: {kind: [] for kind in KINDS} for name in models}
    with progress(len(photographs), "segment by prompts", unit="photograph") as bar:
        for photograph in photographs:
            image, masks = segments(photograph, seed)
            if len(masks):
                target = compute.tensor(masks).unsqueeze(1)
                for kind in KINDS:
                    prompts = prompts_of(target, kind)
                    for name, model in models.items():
                        found[name][kind] += _iou(model, compute.images(image[None]), target, prompts, compute)
            bar.update()
    return {
        name: Scores(
            {kind: float(np.mean(values or [np.nan])) for kind, values in of_one.items()}, len(of_one[KINDS[0]])
        )
        for name, of_one in found.items()
    }


def segments(photograph: Photograph, seed: int) -> tuple[U8, U8]:
    """A photograph (H, W, 3) and the segments to ask for, (N, H, W) {0, 1}."""
    image, labels = photograph.read(0)
    factor = LONGEST / max(labels.shape)
    if factor < 1:
        height, width = (round(side * factor) for side in labels.shape)
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        labels = nearest(labels, height, width)
    names, counts = np.unique(labels, return_counts=True)
    shares = counts / labels.size
    useful = names[(shares >= SMALLEST) & (shares <= LARGEST) & ((names > 0) if photograph.binary else True)]
    chosen = generator(seed, "prompted", photograph.id).permutation(useful)[:SEGMENTS]
    return image, (labels == chosen[:, None, None]).astype(np.uint8)


def prompts_of(target: Tensor, kind: str) -> Prompts:
    """Prompts of a kind for (N, 1, H, W) masks {0, 1}: the box, the innermost pixel, or that and a pixel outside."""
    if kind == "box":
        return prompts_from_mask(target, "teacher_box", 1)
    both = prompts_from_mask(target, "teacher_points", 1)
    if kind == "points":
        return both
    return replace(both, points_xy=both.points_xy[:, :1], point_labels=both.point_labels[:, :1])


def table(title: str, scores: dict[str, Scores]) -> Iterator[str]:
    """The lines of a table in Markdown."""
    count = next(iter(scores.values())).segments
    yield f"| {title}, {count} segments | " + " | ".join(f"IoU by {kind}" for kind in KINDS) + " |"
    yield "|---" * (len(KINDS) + 1) + "|"
    for name, one in scores.items():
        yield f"| {name} | " + " | ".join(f"{one.iou[kind]:.3f}" for kind in KINDS) + " |"


@torch.no_grad()
def _iou(model: AdaptedModel, image: Tensor, target: Tensor, prompts: Prompts, compute: Compute) -> list[float]:
    with compute.autocast():
        found = model(image, prompts) > 0
    wanted = target > 0
    both = (found & wanted).sum(dim=(1, 2, 3))
    either = (found | wanted).sum(dim=(1, 2, 3))
    return [float(value) for value in both / either]
