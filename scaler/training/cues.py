"""What SAM is prompted with: the annotation's marks, or the teacher's labels, carried into the frame of a view.

The method prompts with nothing (`sam.prompts: none`), and then everything here is None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from scaler.artifacts.pictures import Pictures
from scaler.artifacts.splits import DataSet
from scaler.data.augment import apply_views
from scaler.data.geometry import View, scaled_side
from scaler.models.prompting import prompts_from_marks, prompts_from_mask
from scaler.models.prompts import Prompts
from scaler.params import Params, SamParams
from scaler.training.batches import load_labels
from scaler.training.device import Compute
from scaler.training.loop import Step


@dataclass(frozen=True)
class Cues:
    """What the prompts of N images are made from.

    Attributes:
        options: the block `sam`.
        maps: (N, S, S) uint8 in the images' own frame: marks {0 unknown, 1 foreground, 2 background}, or the teacher's
            labels, round(255 p).
    """

    options: SamParams
    maps: Pictures

    def tensor(self, chosen: slice | NDArray[np.int64] | list[int], compute: Compute) -> Tensor:
        """Some images' maps on the device: marks as uint8, probabilities as float32, (B, 1, S, S)."""
        part = self.maps[chosen]
        return compute.tensor(part).unsqueeze(1) if from_marks(self.options) else compute.maps(part)

    def moved(self, maps: Tensor, views: Sequence[View]) -> Tensor:
        """Maps in the frame of a view each: marks by nearest neighbour only."""
        return apply_views(maps, list(views), "nearest" if from_marks(self.options) else "bilinear")

    def prompts(self, maps: Tensor) -> Prompts:
        """Prompts in the frame of these maps."""
        make = prompts_from_marks if from_marks(self.options) else prompts_from_mask
        return make(maps, self.options.prompts, self.options.prompt_points)

    def of_views(self, chosen: slice, compute: Compute) -> Callable[[list[int], View], Prompts]:
        """For the ensemble: the prompts of some of the chosen images, in the frame of a view they share."""
        maps = self.tensor(chosen, compute)

        def prompts(rows: list[int], view: View) -> Prompts:
            turned = View(view.flip, view.quarter_turns, 1.0)  # the map keeps its scale: points are scaled exactly
            found = self.prompts(self.moved(maps[rows], [turned] * len(rows)))
            side = maps.shape[-1]
            return found.scaled(scaled_side(side, view.scale) / side, scaled_side(side, view.scale) / side)

        return prompts


def from_marks(options: SamParams) -> bool:
    """Whether prompts come from the annotation (else from the teacher, or from nowhere)."""
    return options.prompts.startswith("marks")


def load_cues(params: Params, data: DataSet, segmenter_labels: Path | None) -> Cues | None:
    """What the training images are prompted with.

    Args:
        params: blocks sam and shards.
        data: the training set.
        segmenter_labels: the folder of the teacher's labels; None at the initialization, where SAM labels before any
            teacher has been trained on its labels, and so is not prompted by one.
    """
    if params.sam.prompts == "none":
        return None
    if from_marks(params.sam):
        return Cues(params.sam, data.marks)
    if segmenter_labels is None:
        return None
    return Cues(params.sam, load_labels(segmenter_labels, params.shards, "segmenter_labels", "teacher", data.ids))


def label_cues(options: SamParams, data: DataSet) -> Cues | None:
    """What labelled images are prompted with in stage 1: there is no teacher yet, and the masks stand in for it."""
    if options.prompts == "none":
        return None
    return Cues(options, data.marks if from_marks(options) else np.asarray(data.mask) * np.uint8(255))


def teacher_cues(options: SamParams, probability: NDArray[np.float32]) -> Cues | None:
    """What validation and test images are prompted with: (N, S, S) labels of the teacher, as these have no marks."""
    if options.prompts == "none" or from_marks(options):
        return None
    return Cues(options, np.round(probability * 255.0).astype(np.uint8))


def training_prompts(cues: Cues | None, step: Step, views: Sequence[View], compute: Compute) -> Prompts | None:
    """Prompts of a step's images in the frame of A_w; in some steps none, so that SAM learns to do without too."""
    if cues is None or step.rng.random() >= cues.options.prompt_share:
        return None
    return cues.prompts(cues.moved(cues.tensor(step.index, compute), views))


def some(prompts: Prompts | None, chosen: slice) -> Prompts | None:
    """The prompts of a part of a batch."""
    return None if prompts is None else prompts.take(chosen)


def twice(prompts: Prompts | None) -> Prompts | None:
    """The prompts for a batch that holds its images twice, one after another (weak and strong view)."""
    return None if prompts is None else Prompts.cat([prompts, prompts])
