"""Batches in the frame of the weak augmentation A_w: image, mask, marks and labels moved by one and the same view."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scaler.artifacts.hdf5 import read_ids
from scaler.artifacts.names import shard_files
from scaler.artifacts.reading import open_artifact
from scaler.artifacts.splits import DataSet, read_data
from scaler.data.augment import apply_views, draw_weak
from scaler.data.geometry import View
from scaler.errors import ScalerError
from scaler.params import AugmentationParams
from scaler.training.device import Compute
from scaler.training.loop import Step

U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Batch:
    """B images in the frame of A_w, one view per image.

    Attributes:
        views: the geometry of A_w(x), so that labels can be carried along.
        image: (B, 3, S, S) float32 in [0, 1].
        mask: (B, 1, S, S) float32 {0, 1}; only meaningful where `labelled`.
        marks: (B, 1, S, S) uint8 {0 unknown, 1 foreground, 2 background}.
        labelled: (B,) bool.
    """

    views: list[View]
    image: Tensor
    mask: Tensor
    marks: Tensor
    labelled: Tensor

    def part(self, chosen: slice) -> Batch:
        """Some of the images, with all that belongs to them."""
        return Batch(
            views=self.views[chosen],
            image=self.image[chosen],
            mask=self.mask[chosen],
            marks=self.marks[chosen],
            labelled=self.labelled[chosen],
        )


def parts(count: int, size: int | None) -> list[tuple[slice, float]]:
    """A batch of `count` images cut into parts of at most `size` (None: one part), each with its share of the batch.

    The means over the parts, times their shares, add up to the mean over the batch.
    """
    size = size or count
    cuts = [slice(begin, min(begin + size, count)) for begin in range(0, count, size)]
    return [(cut, (cut.stop - cut.start) / count) for cut in cuts]


def load_split(path: Path) -> DataSet:
    """A prepared split, in memory."""
    with open_artifact(path, "data") as file:
        return read_data(file)


def weak_batch(data: DataSet, step: Step, augmentation: AugmentationParams, compute: Compute) -> Batch:
    """Draw A_w for each image of the step and apply it to all that belongs to the image."""
    views = draw_weak(step.rng, len(step.index), augmentation.flips, augmentation.quarter_turns)
    mask = compute.tensor(data.mask[step.index]).unsqueeze(1)
    marks = compute.tensor(data.marks[step.index]).unsqueeze(1)
    return Batch(
        views=views,
        image=apply_views(compute.images(data.image[step.index]), views, "bilinear"),
        mask=apply_views(mask, views, "nearest").float(),
        marks=apply_views(marks, views, "nearest"),
        labelled=compute.tensor(data.labelled[step.index]),
    )


def with_labels(data: DataSet) -> DataSet:
    """The part of a split that has any label of the user's: a full mask, or at least one marked pixel.

    Raises:
        ScalerError: there is none.
    """
    chosen = np.flatnonzero(data.labelled | data.is_marked())
    if not len(chosen):
        raise ScalerError(
            "training split: expected at least one image with a mask or a mark to initialize from, but none has one. "
            "Add a mask or a mark."
        )
    return data.part(chosen)


def load_labels(folder: Path, shards: list[str], kind: str, name: str, ids: list[str]) -> U8:
    """The label pool: one map per training image, put in the order of `ids` by id, never by position.

    Args:
        folder: of the shards.
        shards: their names.
        kind: "sam_labels" or "segmenter_labels".
        name: data set to read, such as "probability".
        ids: the training images.

    Returns:
        (N, S, S) uint8, round(255 p), in each image's own frame.

    Raises:
        ScalerError: a shard is refused, or the shards do not hold exactly the training images.
    """
    found: dict[str, U8] = {}
    for path in shard_files(folder, shards):
        with open_artifact(path, kind) as file:
            stack = file[name][()]
            found.update(zip(read_ids(file), stack, strict=True))
    if set(found) != set(ids):
        odd = sorted(set(found) ^ set(ids))
        raise ScalerError(
            f"{folder}: its image ids differ from the training data's in {len(odd)} places, e.g. {odd[0]!r}. "
            "Make the labels again with `snakemake` or `dvc repro`."
        )
    return np.stack([found[name] for name in ids])


def label_batch(pool: U8, step: Step, views: list[View], compute: Compute) -> Tensor:
    """Labels of the step's images, carried from the images' own frame into that of A_w: (B, 1, S, S) in [0, 1]."""
    return apply_views(compute.maps(pool[step.index]), views, "bilinear")


def masked_mean(values: Tensor, chosen: Tensor) -> Tensor:
    """Sum of the (B,) values where `chosen`, divided by B: eq 14 and 19 sum over a batch's images of each kind."""
    return torch.where(chosen, values, torch.zeros_like(values)).mean()
