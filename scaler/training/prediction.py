"""Predictions of whole sets of images, in batches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from scaler.artifacts.pictures import Pictures
from scaler.metrics.overlap import binarize, iou
from scaler.models.prompts import Prompts
from scaler.params import SamParams
from scaler.training.cues import Cues, teacher_cues
from scaler.training.device import Compute

F32 = NDArray[np.float32]


def segment(model: nn.Module, image: Tensor) -> Tensor:
    """Probabilities (B, 1, H, W) of a segmenter's last output."""
    logits: Tensor = model(image)[-1]
    return torch.sigmoid(logits.float())


def segment_with_sam(model: nn.Module, image: Tensor, prompts: Prompts | None = None) -> Tensor:
    """Probabilities (B, 1, H, W) of the foundation model."""
    logits: Tensor = model(image, prompts)
    return torch.sigmoid(logits.float())


@torch.no_grad()
def predict(
    model: nn.Module,
    forward: Callable[..., Tensor],
    image: Pictures,
    compute: Compute,
    batch_size: int,
    advance: Callable[[int], object] = lambda count: None,
    cues: Cues | None = None,
) -> F32:
    """Probabilities of a stack of images in the images' own frame.

    Args:
        model: a segmenter or foundation model on `compute`'s device.
        forward: `segment` or `segment_with_sam`.
        image: (N, S, S, 3) uint8 RGB.
        compute: device and precision.
        batch_size: images at a time.
        advance: called with the number of images done (progress).
        cues: what `segment_with_sam` prompts with, N maps; None for nothing.

    Returns:
        (N, S, S) float32 in [0, 1].
    """
    mode = model.training
    model.eval()
    result = np.empty(image.shape[:3], dtype=np.float32)
    for begin in range(0, len(image), batch_size):
        part = slice(begin, begin + batch_size)
        prompts = () if cues is None else (cues.prompts(cues.tensor(part, compute)),)
        with compute.autocast():
            probability = forward(model, compute.images(image[part]), *prompts)
        result[part] = probability.squeeze(1).float().cpu().numpy()
        advance(len(image[part]))
    model.train(mode)
    return result


def mean_iou(probability: F32, mask: Pictures) -> float:
    """Mean over images of the intersection over union at threshold 0.5; 1 where both are empty.

    Args:
        probability: (N, H, W) in [0, 1].
        mask: (N, H, W) {0, 1}.
    """
    return float(iou(binarize(probability), np.asarray(mask) > 0).mean())


def predict_all(
    models: dict[str, nn.Module],
    options: SamParams,
    image: Pictures,
    compute: Compute,
    batch_size: int,
    advance: Callable[[int], object],
) -> dict[str, F32]:
    """`predict` for "segmenter", "teacher" and "sam", each through its own forward; the teacher may prompt SAM."""
    found = {
        name: predict(models[name], segment, image, compute, batch_size, advance) for name in ("segmenter", "teacher")
    }
    cues = teacher_cues(options, found["teacher"])
    found["sam"] = predict(models["sam"], segment_with_sam, image, compute, batch_size, advance, cues)
    return found
