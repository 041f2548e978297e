"""Phase I: the segmenter learns from its teacher and from SAM's cached labels, SAM fixed (eq 1, 7-15)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from scaler.artifacts.splits import DataSet
from scaler.data.augment import strong
from scaler.method.cold_start import cold_starts, refuse_cold_start
from scaler.method.initialization import segmenter_validation
from scaler.method.losses import deep_supervision, partial_cross_entropy, supervised_loss
from scaler.method.refinement import deep_robust_loss
from scaler.method.targets import PseudoTargets, prepare
from scaler.method.weighting import DIFFICULT, NORMAL, SIMPLE
from scaler.params import Params, ScheduleParams
from scaler.training.batches import Batch, label_batch, masked_mean, weak_batch
from scaler.training.device import Compute
from scaler.training.ema import update_teacher
from scaler.training.loop import Step, Task, train
from scaler.training.prediction import predict, segment
from scaler.training.state import parameter_list

SOURCES = ("teacher", "sam")


def train_segmenter(
    params: Params,
    schedule: ScheduleParams,
    pair: tuple[nn.Module, nn.Module],
    data: DataSet,
    val: DataSet,
    pool: NDArray[np.uint8],
    compute: Compute,
    stage: tuple[str, int],
    steps: Path,
) -> tuple[nn.Module, nn.Module, list[dict[str, float]]]:
    """Phase I, as the warm-up or as part of a round.

    Args:
        params: blocks seed, segmenter, mean_teacher, augmentation, weighting, cold_start, phase_one.
        schedule: how long and how fast.
        pair: student and teacher of the stage before.
        data: the whole training set.
        val: the validation set, looked at only with `select: best_val`.
        pool: (N, S, S) uint8, SAM's labels P_S in the images' own frame, in the order of `data`.
        compute: device.
        stage: its name and round.
        steps: folder of the step checkpoint.

    Returns:
        Student, teacher, and the log: mean weights and entropies of both sources, and how often each branch fired.
    """
    student, teacher = (compute.place(model) for model in pair)
    teacher.eval()
    _look_for_cold_start(params, teacher, data, pool, compute, schedule.batch_size)

    def step(step: Step) -> Iterator[tuple[Tensor, dict[str, float]]]:
        batch = weak_batch(data, step, params.augmentation, compute)
        with torch.no_grad(), compute.autocast():
            teacher_label = segment(teacher, batch.image)
        targets = prepare(
            teacher_label, label_batch(pool, step, batch.views, compute), params.weighting, params.phase_one
        )
        targets = targets._replace(simple=targets.simple & ~batch.labelled)  # a labelled image learns from its mask
        weak, strong_view = _forward(student, batch, targets, step.rng, params, compute)
        yield phase_one_loss(weak, strong_view, batch, targets, params), _numbers(targets, batch)

    task = Task(
        key=(params.seed, *stage),
        count=len(data.ids),
        models={"student": student.train(), "teacher": teacher},
        trained=parameter_list(student),
        step=step,
        after_step=lambda: update_teacher(teacher, student, params.mean_teacher.decay),
        validate=segmenter_validation(teacher, val, compute, schedule),
    )
    name, number = stage
    what = "warm-up" if name == "warm_up" else f"round {number}, Phase I"
    return student, teacher, train(task, schedule, steps, what)


def _look_for_cold_start(
    params: Params, teacher: nn.Module, data: DataSet, pool: NDArray[np.uint8], compute: Compute, batch_size: int
) -> None:
    chosen = np.flatnonzero(~data.labelled)
    labels = predict(teacher, segment, data.image[chosen], compute, batch_size)
    cold = cold_starts(labels, pool[chosen].astype(np.float32) / 255.0, params.cold_start)
    refuse_cold_start([data.ids[i] for i in chosen], cold, params.cold_start)


def phase_one_loss(
    weak: list[Tensor], strong_view: list[Tensor] | None, batch: Batch, targets: PseudoTargets, params: Params
) -> Tensor:
    """Eq 13 and 14: CE + IoU on labelled images; L_R, and L_pce where there are marks, on all others.

    Args:
        weak: the student's outputs on A_w(x), one (B, 1, S, S) per depth.
        strong_view: its outputs on A_s(x) for the simple images, or None.
        batch: masks and marks in the frame of A_w.
        targets: prepared pseudo-labels in the same frame.
        params: blocks segmenter, phase_one.

    Returns:
        The scalar to descend.
    """
    options, depths = params.phase_one, params.segmenter.depth_weights
    labelled_loss = deep_supervision(weak, lambda logits: supervised_loss(logits, batch.mask), depths)
    total = options.labelled_weight * masked_mean(labelled_loss, batch.labelled)
    if bool(batch.labelled.all()):
        return total
    loss = deep_robust_loss(weak, strong_view, targets, options, depths)
    if bool((batch.marks > 0).any()):
        marked = deep_supervision(weak, lambda logits: partial_cross_entropy(logits, batch.marks), depths)
        loss = loss + options.partial_weight * marked
    return total + options.unlabelled_weight * masked_mean(loss, ~batch.labelled)


def _forward(
    student: nn.Module, batch: Batch, targets: PseudoTargets, rng: np.random.Generator, params: Params, compute: Compute
) -> tuple[list[Tensor], list[Tensor] | None]:
    """The student's outputs on A_w(x), and on A_s(x) for the simple images: one pass, one set of batch statistics."""
    image, count = batch.image, len(batch.image)
    if bool(targets.simple.any()):
        options = params.augmentation
        extra = strong(image[targets.simple], rng, options.strong_operations, options.strong_magnitude)
        image = torch.cat([image, extra])
    with compute.autocast():
        outputs = [output.float() for output in student(image)]
    weak = [output[:count] for output in outputs]
    return weak, [output[count:] for output in outputs] if len(image) > count else None


def _numbers(targets: PseudoTargets, batch: Batch) -> dict[str, float]:
    """What the log keeps: means over the batch's unlabelled images, and how many took each branch."""
    chosen = ~batch.labelled
    numbers = {
        f"n_{name}": float(((targets.branch == value) & chosen).sum())
        for name, value in (("difficult", DIFFICULT), ("normal", NORMAL), ("simple", SIMPLE))
    }
    quantities = (
        ("entropy", targets.entropies),
        ("w", targets.image_weights),
        ("u", targets.mean_pixel_weights),
    )
    for quantity, values in quantities:
        for name, value in zip(SOURCES, values, strict=True):
            numbers[f"sum_{quantity}_{name}"] = float(value[chosen].sum())
    return numbers
