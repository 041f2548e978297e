"""Phase I: the segmenter learns from its teacher and from SAM's cached labels, SAM fixed (eq 1, 7-15)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from scaler.artifacts.labels import BRANCHES, to_probability
from scaler.artifacts.pictures import Pictures
from scaler.data.augment import Part, strong_view
from scaler.method.cold_start import cold_starts, refuse_cold_start
from scaler.method.image_terms import confident_entropy, image_term, scale_consistency
from scaler.method.initialization import Pair, segmenter_validation
from scaler.method.losses import deep_supervision, partial_cross_entropy, supervised_loss
from scaler.method.refinement import deep_robust_loss
from scaler.method.targets import PseudoTargets, prepare
from scaler.params import Params, PhaseOneParams
from scaler.training import processes
from scaler.training.batches import Batch, label_batch, masked_sum, weak_batch
from scaler.training.ema import frozen_running_statistics, mean_teacher
from scaler.training.loop import Step, Task
from scaler.training.prediction import Inference, predict, segment
from scaler.training.run import Log, TrainingRun
from scaler.training.sampling import Strata
from scaler.training.state import trained_parameters

SOURCES = ("teacher", "sam")
STEP = 32  # sizes of images are multiples of it


def train_segmenter(
    run: TrainingRun, pair: Pair, pool: Pictures, agreement: NDArray[np.float32] | None = None
) -> tuple[Pair, Log]:
    """Phase I, as the warm-up or as part of a round.

    Args:
        run: the stage; of its params the blocks seed, segmenter, mean_teacher, augmentation, weighting, cold_start,
            phase_one and the stage's own schedule.
        pair: student and teacher of the stage before.
        pool: (N, S, S) uint8, SAM's labels P_S in the images' own frame, in the order of `run.data`.
        agreement: (N,) of SAM's views, for `image_weight: agreement`.

    Returns:
        Student and teacher, and the log: mean weights and entropies of both sources, and how often each branch fired.

    Raises:
        ScalerError: nearly all images are cold starts (see `scaler.method.cold_start`).
    """
    params, compute = run.params, run.compute
    student, teacher = (compute.place(model) for model in pair)
    teacher.eval()
    if params.phase_one.sources != "none":
        _look_for_cold_start(run, teacher, pool)

    def step(step: Step) -> Iterator[tuple[Tensor, dict[str, float]]]:
        # Eq 1 and 3, both in the frame of A_w.
        batch = weak_batch(run, step)
        with torch.no_grad(), compute.autocast():
            teacher_label = segment(teacher, batch.image)
        sam_label = label_batch(pool, step, batch.views, compute)
        # Eq 4-6, 9 and the cases of eq 12. A labelled image learns from its mask.
        agrees = None if agreement is None else compute.tensor(agreement[step.index])
        targets = prepare(teacher_label, sam_label, params.weighting, params.phase_one, agrees)
        targets = targets._replace(simple=targets.simple & ~batch.labelled)
        # Eq 8, then eq 13 or 14.
        weak, strong = _forward(student, batch, targets, step, run)
        smaller = smaller_outputs(student, batch.image) if params.phase_one.scale_consistency > 0 else None
        yield phase_one_loss(weak, strong, batch, targets, params, smaller), _numbers(targets, batch)

    log = run.train(
        Task(
            key=run.key,
            count=len(run.data.ids),
            strata=_strata(run),
            models={"student": student.train(), "teacher": teacher},
            trained=trained_parameters(student),
            step=step,
            validate=segmenter_validation(run, teacher),
            after_step=mean_teacher(teacher, student, params.mean_teacher.decay),
        )
    )
    return (student, teacher), log


def _strata(run: TrainingRun) -> Strata | None:
    """With the user's labels alone, batches hold only images with masks, where there are any; the steps are as many."""
    options = run.params.phase_one
    return Strata.of(
        run.data.labelled, run.schedule.batch_size if options.sources == "none" else options.labelled_per_batch
    )


def _look_for_cold_start(run: TrainingRun, teacher: nn.Module, pool: Pictures) -> None:
    chosen = np.flatnonzero(~run.data.labelled)
    inference = Inference(teacher, segment, run.compute, run.schedule.batch_size)
    mine = chosen[processes.own(len(chosen))]
    cold = np.zeros(len(mine), np.bool_)
    for part in inference.parts(len(mine)):
        labels = predict(inference, run.data.image[mine[part]])
        cold[part] = cold_starts(labels, to_probability(pool[mine[part]]), run.params.cold_start)
    refuse_cold_start([run.data.ids[i] for i in chosen], processes.gathered(cold), run.params.cold_start)


def phase_one_loss(
    weak: list[Tensor],
    strong: list[Tensor] | None,
    batch: Batch,
    targets: PseudoTargets,
    params: Params,
    smaller: list[Tensor] | None = None,
) -> Tensor:
    """Eq 13 and 14: CE + IoU on labelled images; L_R, and L_pce where there are marks, on all others.

    The rivals' terms of `scaler.method.image_terms` join in for the others too, if `params` asks for them.

    Args:
        weak: the student's outputs on A_w(x), one (B, 1, S, S) per depth.
        strong: its outputs on A_s(x) for the simple images, or None.
        batch: masks and marks in the frame of A_w.
        targets: prepared pseudo-labels in the same frame.
        params: blocks segmenter, phase_one.
        smaller: its outputs on the smaller image, for `scale_consistency`.

    Returns:
        The scalar to descend.
    """
    options, depths = params.phase_one, params.segmenter.depth_weights
    labelled_loss = deep_supervision(weak, lambda logits: supervised_loss(logits, batch.mask), depths)
    per_labelled, per_other = batch.denominators(options.balance)
    total = options.labelled_weight * masked_sum(labelled_loss, batch.labelled) / per_labelled
    if bool(batch.labelled.all()):
        return total
    if options.sources == "none":
        loss = torch.zeros_like(labelled_loss)
    else:
        loss = deep_robust_loss(weak, strong, targets, options, depths)
    if bool((batch.marks > 0).any()):
        marked = deep_supervision(weak, lambda logits: partial_cross_entropy(logits, batch.marks), depths)
        loss = loss + options.partial_weight * marked
    loss = loss + _rivals_terms(weak, smaller, batch, options, depths)
    return total + options.unlabelled_weight * masked_sum(loss, ~batch.labelled) / per_other


def _rivals_terms(
    weak: list[Tensor], smaller: list[Tensor] | None, batch: Batch, options: PhaseOneParams, depths: Sequence[float]
) -> Tensor:
    """(B,): the terms on the image, over all depths; those on scale and certainty, on the prediction alone."""
    loss = torch.zeros_like(weak[-1][:, 0, 0, 0])
    if options.image_term != "none":
        form = options.image_term
        terms = deep_supervision(weak, lambda logits: image_term(logits, batch.image, batch.marks, form), depths)
        loss = loss + options.image_term_weight * terms
    if smaller is not None and options.scale_consistency > 0:
        loss = loss + options.scale_consistency * scale_consistency(weak[-1], smaller[-1])
    if options.confident_entropy > 0:
        loss = loss + options.confident_entropy * confident_entropy(weak[-1])
    return loss


def smaller_outputs(student: nn.Module, image: Tensor) -> list[Tensor]:
    """The student's outputs on the images at about half their size; the running statistics stay those of the whole."""
    side = max(STEP, round(image.shape[-1] / 2 / STEP) * STEP)
    with frozen_running_statistics(student):
        outputs = student(F.interpolate(image, (side, side), mode="bilinear", align_corners=False))
    return [output.float() for output in outputs]


def _forward(
    student: nn.Module, batch: Batch, targets: PseudoTargets, step: Step, run: TrainingRun
) -> tuple[list[Tensor], list[Tensor] | None]:
    """The student's outputs on A_w(x), and on A_s(x) for the simple images: none, if the whole step has none.

    `batch_statistics: joint`: one pass, one set of BatchNorm statistics. `per_view`: one each; the running statistics,
    which the teacher uses on weak views, are those of the weak view.
    """
    options, count = run.params.phase_one, len(batch.image)
    simple = processes.gathered(targets.simple.cpu().numpy())
    if options.sources == "none" or not simple.any():
        return _outputs(student, batch.image, run), None
    place = Part(int(simple.sum()), int(simple[: step.place.begin].sum()))
    extra = strong_view(batch.image[targets.simple], step.rng, run.params.augmentation, place)
    if options.batch_statistics == "per_view":
        weak = _outputs(student, batch.image, run)
        with frozen_running_statistics(student):
            strong = _outputs(student, extra, run)
        if not len(extra):  # other processes have simple images: the backward pass, too, must go through both views
            weak = [output + none.sum() for output, none in zip(weak, strong, strict=True)]
        return weak, strong
    outputs = _outputs(student, torch.cat([batch.image, extra]), run)
    return [output[:count] for output in outputs], [output[count:] for output in outputs]


def _outputs(student: nn.Module, image: Tensor, run: TrainingRun) -> list[Tensor]:
    with run.compute.autocast():
        return [output.float() for output in student(image)]


def _numbers(targets: PseudoTargets, batch: Batch) -> dict[str, float]:
    """What the log keeps: means over the batch's unlabelled images, and how many took each branch."""
    chosen = ~batch.labelled
    numbers = {f"n_{name}": float(((targets.branch == number) & chosen).sum()) for number, name in enumerate(BRANCHES)}
    quantities = (
        ("entropy", targets.entropies),
        ("w", targets.image_weights),
        ("u", targets.mean_pixel_weights),
    )
    for quantity, values in quantities:
        for name, value in zip(SOURCES, values, strict=True):
            numbers[f"sum_{quantity}_{name}"] = float(value[chosen].sum())
    return numbers
