"""Batches in the frame of the weak augmentation A_w: image, mask, marks and labels moved by one and the same view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scaler.artifacts.pictures import Pictures
from scaler.data.augment import apply_views, draw_weak
from scaler.data.geometry import View
from scaler.training.device import Compute
from scaler.training.loop import Step
from scaler.training.run import TrainingRun


@dataclass(frozen=True)
class Batch:
    """B images in the frame of A_w, one view per image: this process's part of a step's images.

    Attributes:
        views: the geometry of A_w(x), so that labels can be carried along.
        image: (B, 3, S, S) float32 in [0, 1]; (B, 3, L, L) of the foundation model.
        mask: (B, 1, S, S) float32 {0, 1}; only meaningful where `labelled`.
        marks: (B, 1, S, S) uint8 {0 unknown, 1 foreground, 2 background}.
        labelled: (B,) bool.
        whole: (W,) bool, the same of all of the step's images.
    """

    views: list[View]
    image: Tensor
    mask: Tensor
    marks: Tensor
    labelled: Tensor
    whole: NDArray[np.bool_]

    def denominators(self, balance: str) -> tuple[float, float]:
        """What the sums over the step's labelled and other images are divided by (eq 14 and 19).

        Args:
            balance: "images": the whole batch, so that each image counts alike. "kinds": the images of a kind, so that
                the two means count alike, however many images they have.
        """
        count, labelled = len(self.whole), int(self.whole.sum())
        if balance == "images":
            return float(count), float(count)
        return float(max(labelled, 1)), float(max(count - labelled, 1))

    def part(self, chosen: slice) -> Batch:
        """Some of the images, with all that belongs to them."""
        return Batch(
            views=self.views[chosen],
            image=self.image[chosen],
            mask=self.mask[chosen],
            marks=self.marks[chosen],
            labelled=self.labelled[chosen],
            whole=self.whole,
        )


def parts(count: int, size: int | None, share: float = 1.0) -> list[tuple[slice, float]]:
    """A batch of `count` images cut into parts of at most `size` (None: one part), each with its share of the batch.

    The means over the parts, times their shares, add up to the mean over the batch, or to `share` of it.
    """
    size = size or count
    cuts = [slice(begin, min(begin + size, count)) for begin in range(0, count, size)]
    return [(cut, share * (cut.stop - cut.start) / count) for cut in cuts]


def weak_batch(run: TrainingRun, step: Step, *, foundation: bool = False) -> Batch:
    """Draw A_w for each image of the step and apply it to all that belongs to the image.

    Args:
        run: the stage.
        step: which images, and the randomness.
        foundation: images at the size of the foundation model; masks and marks are S x S all the same.
    """
    data, augmentation, compute = run.data, run.params.augmentation, run.compute
    views = draw_weak(step.rng, len(step.whole), augmentation.flips, augmentation.quarter_turns)[step.own]
    image = data.foundation_image if foundation else data.image
    mask = compute.tensor(data.mask[step.index]).unsqueeze(1)
    marks = compute.tensor(data.marks[step.index]).unsqueeze(1)
    return Batch(
        views=views,
        image=apply_views(compute.images(image[step.index]), views, "bilinear"),
        mask=apply_views(mask, views, "nearest").float(),
        marks=apply_views(marks, views, "nearest"),
        labelled=compute.tensor(data.labelled[step.index]),
        whole=data.labelled[step.whole],
    )


def label_batch(pool: Pictures, step: Step, views: list[View], compute: Compute) -> Tensor:
    """Labels of the step's images, carried from the images' own frame into that of A_w: (B, 1, S, S) in [0, 1]."""
    return apply_views(compute.maps(pool[step.index]), views, "bilinear")


def masked_sum(values: Tensor, chosen: Tensor) -> Tensor:
    """Sum of the (B,) values where `chosen`."""
    return torch.where(chosen, values, torch.zeros_like(values)).sum()
