"""Stage 1: each model alone on the labelled images (semi: full masks; weak: marks through L_pce)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from scaler.artifacts.splits import DataSet
from scaler.method.losses import deep_supervision, partial_cross_entropy, supervised_loss
from scaler.models.segmenter import build_segmenter, load_pretrained
from scaler.params import Params, ScheduleParams
from scaler.randomness import seed_torch
from scaler.training.batches import Batch, parts, weak_batch, with_labels
from scaler.training.cues import label_cues, some, training_prompts
from scaler.training.device import Compute
from scaler.training.ema import update_teacher
from scaler.training.loop import Key, Step, Task, train
from scaler.training.prediction import mean_iou, predict, segment, segment_with_sam
from scaler.training.state import parameter_list

Log = list[dict[str, float]]


def initialize_segmenter(
    params: Params, train_split: DataSet, val_split: DataSet, compute: Compute, steps: Path
) -> tuple[nn.Module, nn.Module, Log]:
    """Train the mean-teacher pair on the labelled images: CE + IoU on masks, L_pce on marks, eq 15 for the teacher.

    Returns:
        Student, teacher, and the log.
    """
    size = train_split.image.shape[1]
    key: Key = (params.seed, "initialize_segmenter")
    seed_torch(*key)
    student = compute.place(build_segmenter(params.segmenter, size))
    load_pretrained(student, params.segmenter)
    teacher = copy.deepcopy(student).requires_grad_(False).eval()
    schedule = params.initialize_segmenter
    data = with_labels(train_split)

    def step(step: Step) -> Iterator[tuple[Tensor, dict[str, float]]]:
        batch = weak_batch(data, step, params.augmentation, compute)
        with compute.autocast():
            outputs = student(batch.image)
        loss = deep_supervision(
            outputs, lambda logits: user_label_loss(logits.float(), batch), params.segmenter.depth_weights
        )
        yield loss.mean(), {}

    task = Task(
        key=key,
        count=len(data.ids),
        models={"student": student.train(), "teacher": teacher},
        trained=parameter_list(student),
        step=step,
        after_step=lambda: update_teacher(teacher, student, params.mean_teacher.decay),
        validate=segmenter_validation(teacher, val_split, compute, schedule),
    )
    log = train(task, schedule, steps, "initialize segmenter")
    return student, teacher, log


def initialize_sam(
    params: Params, train_split: DataSet, val_split: DataSet, compute: Compute, steps: Path
) -> tuple[nn.Module, Log]:
    """Fine-tune SAM's adapter on the labelled images: CE + IoU on masks, L_pce on marks."""
    from scaler.models.foundation import build_foundation  # here: segment-anything takes seconds to import

    key: Key = (params.seed, "initialize_sam")
    seed_torch(*key)
    model = compute.place(build_foundation(params.sam))
    schedule = params.initialize_sam
    data = with_labels(train_split)
    cues = label_cues(params.sam, data)

    def step(step: Step) -> Iterator[tuple[Tensor, dict[str, float]]]:
        batch = weak_batch(data, step, params.augmentation, compute)
        prompts = training_prompts(cues, step, batch.views, compute)
        for cut, share in parts(len(batch.image), params.sam.micro_batch):
            part = batch.part(cut)
            with compute.autocast():
                logits = model(part.image, some(prompts, cut))
            yield share * user_label_loss(logits.float(), part).mean(), {}

    task = Task(
        key=key,
        count=len(data.ids),
        models={"sam": model.train()},
        trained=parameter_list(model),
        step=step,
        after_step=lambda: None,
        validate=sam_validation(model, val_split, compute, schedule),
    )
    return model, train(task, schedule, steps, "initialize SAM")


def user_label_loss(logits: Tensor, batch: Batch) -> Tensor:
    """(B,): CE + IoU where an image has a full mask, else L_pce on its marks (0 where it has none)."""
    return torch.where(batch.labelled, supervised_loss(logits, batch.mask), partial_cross_entropy(logits, batch.marks))


def segmenter_validation(
    teacher: nn.Module, split: DataSet, compute: Compute, schedule: ScheduleParams
) -> Callable[[], float]:
    """The teacher's mean IoU on the validation split, as a function to call after an epoch."""
    return lambda: mean_iou(predict(teacher, segment, split.image, compute, schedule.batch_size), split.mask)


def sam_validation(model: nn.Module, split: DataSet, compute: Compute, schedule: ScheduleParams) -> Callable[[], float]:
    """SAM's mean IoU on the validation split, as a function to call after an epoch."""
    return lambda: mean_iou(predict(model, segment_with_sam, split.image, compute, schedule.batch_size), split.mask)
