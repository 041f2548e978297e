"""Phase II: SAM's adapter learns from the segmenter, which stays fixed (eq 16-19)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from scaler.artifacts.pictures import Pictures
from scaler.data.augment import strong_view
from scaler.method.initialization import sam_validation
from scaler.method.losses import invariance_loss, noise_resistance_loss, partial_cross_entropy, supervised_loss
from scaler.models.prompts import Prompts
from scaler.params import Params
from scaler.training.batches import Batch, label_batch, masked_mean, parts, weak_batch
from scaler.training.loop import Step, Task
from scaler.training.prompting import Cues, training_prompts
from scaler.training.run import Log, TrainingRun
from scaler.training.state import trained_parameters


def train_sam(run: TrainingRun, model: nn.Module, pool: Pictures, cues: Cues | None = None) -> tuple[nn.Module, Log]:
    """One round of Phase II.

    Args:
        run: the stage; of its params the blocks seed, sam, augmentation, weighting and train_sam.
        model: SAM with the adapter of the round before.
        pool: (N, S, S) uint8 consensus labels P_G in the images' own frame, in the order of `run.data`.
        cues: what SAM is prompted with, None for nothing (see `scaler.training.prompting`).

    Returns:
        The trained model and the log.
    """
    params, options = run.params, run.params.train_sam
    model = run.compute.place(model)

    def step(step: Step) -> Iterator[tuple[Tensor, dict[str, float]]]:
        # A_w(x), A_s(x) and P_G, all in the frame of A_w.
        batch = weak_batch(run, step)
        strong_image = strong_view(batch.image, step.rng, params.augmentation)
        consensus = label_batch(pool, step, batch.views, run.compute)
        prompts = training_prompts(cues, step, batch.views, run.compute)
        for cut, share in parts(len(batch.image), params.sam.micro_batch):
            part = batch.part(cut)
            # Both views in one pass, with the same prompts.
            own = None if prompts is None else Prompts.cat([prompts.select(cut)] * 2)
            with run.compute.autocast():
                both = model(torch.cat([part.image, strong_image[cut]]), own)
            weak_logits, strong_logits = both.float().chunk(2)
            # Eq 16 and 17, then eq 18 or 19.
            invariance = invariance_loss(weak_logits, strong_logits, options.distance, options.stop_gradient)
            resistance = noise_resistance_loss(weak_logits, consensus[cut], params.weighting.pixel_weight)
            loss = phase_two_loss(weak_logits, part, invariance, resistance, params)
            numbers = {"invariance": invariance, "resistance": resistance}
            yield share * loss, {name: share * float(value.detach().mean()) for name, value in numbers.items()}

    log = run.train(
        Task(
            key=run.key,
            count=len(run.data.ids),
            models={"sam": model.train()},
            trained=trained_parameters(model),
            step=step,
            validate=sam_validation(run, model),
        )
    )
    return model, log


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
