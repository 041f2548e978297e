"""Phase II: SAM's adapter learns from the segmenter, which stays fixed (eq 16-19)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from scaler.artifacts.pictures import Pictures
from scaler.data.augment import Part, apply_views, draw_weak, invert_views, strong_view
from scaler.data.geometry import View
from scaler.method.initialization import sam_validation
from scaler.method.losses import invariance_loss, noise_resistance_loss, partial_cross_entropy, supervised_loss
from scaler.method.refinement import robust_loss
from scaler.method.targets import prepare
from scaler.method.weighting import image_entropy, image_weight
from scaler.models.prompts import Prompts
from scaler.params import Params, PhaseOneParams, TrainSamParams
from scaler.training.batches import Batch, label_batch, masked_sum, parts, weak_batch
from scaler.training.loop import Step, Task
from scaler.training.prediction import at_side
from scaler.training.prompting import Cues, training_prompts
from scaler.training.run import Log, TrainingRun
from scaler.training.sampling import Strata
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
        # A_w(x), a second view of it, and P_G, all in the frame of A_w.
        batch = weak_batch(run, step, foundation=True)
        second = SecondView.draw(batch, step.rng, params, step.place)
        consensus = label_batch(pool, step, batch.views, run.compute)
        prompts = training_prompts(cues, step, batch, run.compute)
        denominators = batch.denominators(options.balance)
        for cut, share in parts(len(batch.image), step.micro_batch, step.share):
            part = batch.part(cut)
            # Both views in one pass, with the prompts of each.
            own = None if prompts is None else Prompts.cat([prompts.select(cut), second.prompts(prompts, cut)])
            with run.compute.autocast():
                both = model(torch.cat([part.image, second.image[cut]]), own)
            weak_logits, second_logits = at_side(both.float(), run.size).chunk(2)
            second_logits = second.aligned(second_logits, cut)
            # Eq 16 and 17, then eq 18 or 19.
            invariance = invariance_loss(weak_logits, second_logits, options.distance, options.stop_gradient)
            resistance = resistance_loss(weak_logits, second_logits, consensus[cut], params)
            loss = phase_two_loss(weak_logits, part, invariance, resistance, options, denominators)
            numbers = {"invariance": invariance, "resistance": resistance}
            yield loss, {name: share * float(value.detach().mean()) for name, value in numbers.items()}

    log = run.train(
        Task(
            key=run.key,
            count=len(run.data.ids),
            strata=Strata.of(run.data.labelled, options.labelled_per_batch),
            models={"sam": model.train()},
            trained=trained_parameters(model),
            step=step,
            validate=sam_validation(run, model),
            micro_batch=run.params.sam.micro_batch,
        )
    )
    return model, log


@dataclass(frozen=True)
class SecondView:
    """What eq 16 compares A_w(x) with.

    Attributes:
        image: (B, 3, L, L): A_s(x), or another A_w(x) with `invariance_views: weak`.
        frames: of each image the view that it is in now and the one of A_w(x); None: they are the same.
    """

    image: Tensor
    frames: tuple[list[View], list[View]] | None

    @staticmethod
    def draw(batch: Batch, rng: np.random.Generator, params: Params, place: Part) -> SecondView:
        """The second view of a batch that is in the frame of A_w and has this place in the step's."""
        options, (total, begin) = params.augmentation, place
        if params.train_sam.invariance_views == "strong":
            return SecondView(strong_view(batch.image, rng, options, place), None)
        others = draw_weak(rng, total, options.flips, options.quarter_turns)[begin : begin + len(batch.image)]
        return SecondView(apply_views(invert_views(batch.image, batch.views), others), (others, batch.views))

    def prompts(self, prompts: Prompts, cut: slice) -> Prompts:
        """The prompts of a part of the batch; another weak view has none, since they are in the frame of the first."""
        return prompts.select(cut) if self.frames is None else prompts.select(cut).cleared()

    def aligned(self, logits: Tensor, cut: slice) -> Tensor:
        """Logits of this view in the frame of A_w."""
        if self.frames is None:
            return logits
        own, weak = self.frames
        return apply_views(invert_views(logits, own[cut]), weak[cut])


def resistance_loss(weak_logits: Tensor, second_logits: Tensor, consensus: Tensor, params: Params) -> Tensor:
    """L_NR of eq 17 on the weak view, or what the parameters put in its place.

    Args:
        weak_logits: (B, 1, S, S) of A_w(x).
        second_logits: (B, 1, S, S) of the second view; the strong term of eq 11 with `resistance: refinement`.
        consensus: P_G, (B, 1, S, S) in [0, 1].
        params: blocks weighting and train_sam.

    Returns:
        (B,).
    """
    options, weighting = params.train_sam, params.weighting
    if options.resistance == "refinement":
        refinement = _refinement(options)
        targets = prepare(consensus, consensus, weighting, refinement)
        return robust_loss(weak_logits, second_logits, targets, refinement)
    loss = noise_resistance_loss(
        weak_logits, consensus, weighting.pixel_weight, options.pixel_normalisation, options.pixel_weight_on_iou
    )
    if not options.image_weight:
        return loss
    return loss * image_weight(image_entropy(consensus, weighting.entropy_region), weighting.image_weight)


def _refinement(options: TrainSamParams) -> PhaseOneParams:
    """L_R of Phase I as the paper has it, with P_G as its only source."""
    return PhaseOneParams(
        sources="teacher",
        teacher_label="soft",
        combine="sum",
        pixel_weight_on_iou=options.pixel_weight_on_iou,
        pixel_normalisation=options.pixel_normalisation,
        branch_entropy="per_source",
        difficult_trust="threshold",
        simple_terms="both",
        simple_weight=1.0,
        partial_weight=options.partial_weight,
        image_term="none",
        image_term_weight=0.0,
        scale_consistency=0.0,
        confident_entropy=0.0,
        labelled_weight=options.labelled_weight,
        unlabelled_weight=1.0,
        labelled_per_batch=None,
        balance=options.balance,
        batch_statistics="joint",
    )


def phase_two_loss(
    logits: Tensor,
    batch: Batch,
    invariance: Tensor,
    resistance: Tensor,
    options: TrainSamParams,
    denominators: tuple[float, float],
) -> Tensor:
    """Eq 18 and 19: CE + IoU on labelled images; L_AI + L_NR, and L_pce where there are marks, on all others.

    Args:
        logits: (B, 1, S, S) of the weak view, of a whole batch or of a part of it.
        batch: masks and marks in the same frame.
        invariance: (B,) L_AI.
        resistance: (B,) L_NR.
        options: block train_sam.
        denominators: of the whole batch, see `Batch.denominators`.
    """
    unlabelled = options.invariance_weight * invariance + options.resistance_weight * resistance
    unlabelled = unlabelled + options.partial_weight * partial_cross_entropy(logits, batch.marks)
    labelled = options.labelled_weight * supervised_loss(logits, batch.mask)
    per_labelled, per_other = denominators
    return masked_sum(labelled, batch.labelled) / per_labelled + masked_sum(unlabelled, ~batch.labelled) / per_other
