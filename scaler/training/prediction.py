"""Predictions of whole sets of images, in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from scaler.artifacts.pictures import Pictures
from scaler.artifacts.splits import DataSet
from scaler.data.geometry import View
from scaler.metrics.overlap import binarize, iou
from scaler.models.prompts import Prompts
from scaler.params import SamParams
from scaler.training import processes
from scaler.training.device import Compute
from scaler.training.memory import explained
from scaler.training.prompting import Cues, teacher_cues

F32 = NDArray[np.float32]
Advance = Callable[[int], object]


def segment(model: nn.Module, image: Tensor) -> Tensor:
    """Probabilities (B, 1, H, W) of a segmenter's last output."""
    logits: Tensor = model(image)[-1]
    return torch.sigmoid(logits.float())


def segment_with_sam(model: nn.Module, image: Tensor, prompts: Prompts | None = None) -> Tensor:
    """Probabilities (B, 1, H, W) of the foundation model."""
    logits: Tensor = model(image, prompts)
    return torch.sigmoid(logits.float())


def at_side(maps: Tensor, side: int) -> Tensor:
    """Maps (B, 1, L, L) of a model that gets L x L pixels, at the S x S of the labels: the mean over a pixel's area."""
    return View().invert(maps, (side, side))


@dataclass(frozen=True)
class Inference:
    """A model in use.

    Attributes:
        model: a segmenter or foundation model on `compute`'s device.
        forward: `segment` or `segment_with_sam`.
        compute: device and precision.
        batch_size: images at a time.
    """

    model: nn.Module
    forward: Callable[..., Tensor]
    compute: Compute
    batch_size: int

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """The model in evaluation mode and without gradients; in the mode it came in afterwards."""
        mode = self.model.training
        self.model.eval()
        with torch.no_grad():
            yield
        self.model.train(mode)

    def __call__(self, image: Tensor, prompts: Prompts | None = None) -> Tensor:
        """(B, 3, H, W) images in [0, 1] to (B, 1, H, W) float32 probabilities."""
        count, _, height, width = image.shape
        what = f"a batch of {count} images of {width} x {height} pixels"
        remedy = "lower the batch_size of the stage in params.yaml, or the size of the images or of sam"
        with explained(what, remedy, self.compute.device), self.compute.autocast():
            return self.forward(self.model, image, *(() if prompts is None else (prompts,))).float()

    def parts(self, count: int) -> Iterator[slice]:
        """`count` images, batch by batch."""
        return (slice(begin, begin + self.batch_size) for begin in range(0, count, self.batch_size))


def predict(
    inference: Inference,
    image: Pictures,
    cues: Cues | None = None,
    advance: Advance = lambda count: None,
    side: int | None = None,
) -> F32:
    """Probabilities of a stack of images in the images' own frame.

    Args:
        inference: the model.
        image: (N, L, L, 3) uint8 RGB.
        cues: what a foundation model is prompted with, N maps; None for nothing.
        advance: called with the number of images done (progress).
        side: S, of the result; None: L.

    Returns:
        (N, S, S) float32 in [0, 1].
    """
    side = side or image.shape[1]
    result = np.empty((len(image), side, side), dtype=np.float32)
    with inference.evaluating():
        for part in inference.parts(len(image)):
            images = inference.compute.images(image[part])
            prompts = None if cues is None else cues.of_views(part, inference.compute, images.shape[-1])
            own = None if prompts is None else prompts(list(range(len(images))), View())
            result[part] = at_side(inference(images, own), side).squeeze(1).cpu().numpy()
            advance(len(images))
    return result


def mean_iou(probability: F32, mask: Pictures) -> float:
    """Mean over images of the intersection over union at threshold 0.5; 1 where both are empty.

    Args:
        probability: (N, H, W) in [0, 1].
        mask: (N, H, W) {0, 1}.
    """
    return float(iou(binarize(probability), np.asarray(mask) > 0).mean())


def mean_iou_of(inference: Inference, image: Pictures, mask: Pictures) -> float:
    """`mean_iou` of a model's predictions, batch by batch: nothing is kept but a number for each image.

    Each process takes a part of the images; all get the mean of all.

    Args:
        inference: the model.
        image: (N, L, L, 3) uint8 RGB.
        mask: (N, S, S) uint8 {0, 1}.
    """
    side = mask.shape[1]
    mine = np.arange(len(image))[processes.own(len(image))]
    values = [
        iou(binarize(predict(inference, image[mine[part]], side=side)), mask[mine[part]] > 0)
        for part in inference.parts(len(mine))
    ]
    return float(processes.gathered(np.concatenate([np.empty(0), *values])).mean())


def predict_batches(
    models: dict[str, nn.Module],
    options: SamParams,
    data: DataSet,
    compute: Compute,
    batch_size: int,
    advance: Advance = lambda count: None,
) -> Iterator[dict[str, F32]]:
    """`predict` for "segmenter", "teacher" and "sam", batch by batch, each with its own forward and images.

    The teacher may prompt SAM. Several processes take turns, and the first one gets all batches.

    Yields:
        model -> (b, S, S), whatever the size of the images that SAM gets.
    """
    pair = {name: Inference(models[name], segment, compute, batch_size) for name in ("segmenter", "teacher")}
    sam = Inference(models["sam"], segment_with_sam, compute, batch_size)

    def predicted(part: slice) -> dict[str, F32]:
        image = data.image[part]
        found = {name: predict(inference, image, advance=advance) for name, inference in pair.items()}
        cues = teacher_cues(options, found["teacher"])
        return found | {"sam": predict(sam, data.foundation_image[part], cues, advance, image.shape[1])}

    return processes.in_turns(list(sam.parts(len(data.ids))), predicted)
