"""Phase II: SAM's adapter learns from the segmenter, which stays fixed (eq 16-19)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from scaler.artifacts.splits import DataSet
from scaler.data.augment import strong
from scaler.method.initialization import sam_validation
from scaler.method.losses import invariance_loss, noise_resistance_loss, partial_cross_entropy, supervised_loss
from scaler.params import Params
from scaler.training.batches import Batch, label_batch, masked_mean, parts, weak_batch
from scaler.training.cues import Cues, some, training_prompts, twice
from scaler.training.device import Compute
from scaler.training.loop import Key, Step, Task, train
from scaler.training.state import parameter_list


def train_sam(
    params: Params,
    model: nn.Module,
    data: DataSet,
    val: DataSet,
    pool: NDArray[np.uint8],
    compute: Compute,
    round_number: int,
    steps: Path,
    cues: Cues | None = None,
) -> tuple[nn.Module, list[dict[str, float]]]:
    """One round of Phase II.

    Args:
        params: blocks seed, augmentation, weighting, train_sam.
        model: SAM with the adapter of the round before.
        data: the whole training set.
        val: the validation set, looked at only with `select: best_val`.
        pool: (N, S, S) uint8 consensus labels P_G in the images' own frame, in the order of `data`.
        compute: device.
        round_number: counts from 1.
        steps: folder of the step checkpoint.
        cues: what SAM is prompted with, None for nothing (see `scaler.training.cues`).

    Returns:
        The trained model and the log.
    """
    options = params.train_sam
    key: Key = (params.seed, "train_sam", round_number)
    model = compute.place(model)

    def step(step: Step) -> Iterator[tuple[Tensor, dict[str, float]]]:
        batch = weak_batch(data, step, params.augmentation, compute)
        strong_image = strong(
            batch.image, step.rng, params.augmentation.strong_operations, params.augmentation.strong_magnitude
        )
        consensus = label_batch(pool, step, batch.views, compute)
        prompts = training_prompts(cues, step, batch.views, compute)
        for cut, share in parts(len(batch.image), params.sam.micro_batch):
            part = batch.part(cut)
            with compute.autocast():
                both = model(torch.cat([part.image, strong_image[cut]]), twice(some(prompts, cut)))
            weak_logits, strong_logits = both.float().chunk(2)
            invariance = invariance_loss(weak_logits, strong_logits, options.distance, options.stop_gradient)
            resistance = noise_resistance_loss(weak_logits, consensus[cut], params.weighting.pixel_weight)
            loss = phase_two_loss(weak_logits, part, invariance, resistance, params)
            yield (
                share * loss,
                {
                    "invariance": share * float(invariance.detach().mean()),
                    "resistance": share * float(resistance.detach().mean()),
                },
            )

    task = Task(
        key=key,
        count=len(data.ids),
        models={"sam": model.train()},
        trained=parameter_list(model),
        step=step,
        after_step=lambda: None,
        validate=sam_validation(model, val, compute, options),
    )
    return model, train(task, options, steps, f"round {round_number}, Phase II")


def phase_two_loss(logits: Tensor, batch: Batch, invariance: Tensor, resistance: Tensor, params: Params) -> Tensor:
    """Eq 18 and 19: CE + IoU on labelled images; L_AI + L_NR, and L_pce where there are marks, on all others.

    Args:
        logits: (B, 1, S, S) of the weak view.
        batch: masks and marks in the same frame.
        invariance: (B,) L_AI.
        resistance: (B,) L_NR.
        params: block train_sam.
    """
    options = params.train_sam
    unlabelled = options.invariance_weight * invariance + options.resistance_weight * resistance
    unlabelled = unlabelled + options.partial_weight * partial_cross_entropy(logits, batch.marks)
    labelled = options.labelled_weight * supervised_loss(logits, batch.mask)
    return masked_mean(labelled, batch.labelled) + masked_mean(unlabelled, ~batch.labelled)
