"""Stage 1: each model alone on the labelled images (semi: full masks; weak: marks through L_pce)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from scaler.method.losses import deep_supervision, partial_cross_entropy, supervised_loss
from scaler.models.segmenter import build_segmenter, load_pretrained
from scaler.progress import log
from scaler.randomness import seed_torch
from scaler.training.batches import Batch, parts, weak_batch
from scaler.training.ema import mean_teacher
from scaler.training.loop import Step, Task
from scaler.training.prediction import Inference, at_side, mean_iou_of, segment, segment_with_sam
from scaler.training.prompting import label_cues, training_prompts
from scaler.training.run import Log, TrainingRun
from scaler.training.sets import with_labels
from scaler.training.state import trained_parameters

Pair = tuple[nn.Module, nn.Module]  # student and teacher


def initialize_segmenter(run: TrainingRun) -> tuple[Pair, Log]:
    """Train the mean-teacher pair on the labelled images: CE + IoU on masks, L_pce on marks, eq 15 for the teacher.

    Returns:
        Student and teacher, and the log.
    """
    seed_torch(*run.key)
    student = run.compute.place(build_segmenter(run.params.segmenter, run.size))
    load_pretrained(student, run.params.segmenter)
    teacher = copy.deepcopy(student).requires_grad_(False).eval()
    run = replace(run, data=with_labels(run.data))

    def step(step: Step) -> Iterator[tuple[Tensor, dict[str, float]]]:
        batch = weak_batch(run, step)
        with run.compute.autocast():
            outputs = student(batch.image)
        loss = deep_supervision(
            outputs, lambda logits: user_label_loss(logits.float(), batch), run.params.segmenter.depth_weights
        )
        yield step.share * loss.mean(), {}

    rows = run.train(
        Task(
            key=run.key,
            count=len(run.data.ids),
            models={"student": student.train(), "teacher": teacher},
            trained=trained_parameters(student),
            step=step,
            validate=segmenter_validation(run, teacher),
            after_step=mean_teacher(teacher, student, run.params.mean_teacher.decay),
        )
    )
    return (student, teacher), rows


def initialize_sam(run: TrainingRun) -> tuple[nn.Module, Log]:
    """Fine-tune SAM's adapter on the labelled images: CE + IoU on masks, L_pce on marks.

    Returns:
        The adapted model and the log.
    """
    from scaler.models.foundation import build_foundation  # here: segment-anything takes seconds to import

    seed_torch(*run.key)
    foundation = build_foundation(run.params.sam)
    if run.foundation_size < foundation.side:
        log.info(
            f"SAM: images of {run.foundation_size} pixels are enlarged to {foundation.side}; set "
            f"prepare_data.foundation_size: {foundation.side} to give it all the pixels that they have"
        )
    model = run.compute.place(foundation)
    run = replace(run, data=with_labels(run.data))
    cues = label_cues(run.params.sam, run.data)

    def step(step: Step) -> Iterator[tuple[Tensor, dict[str, float]]]:
        batch = weak_batch(run, step, foundation=True)
        prompts = training_prompts(cues, step, batch, run.compute)
        for cut, share in parts(len(batch.image), step.micro_batch, step.share):
            part = batch.part(cut)
            with run.compute.autocast():
                logits = model(part.image, None if prompts is None else prompts.select(cut))
            yield share * user_label_loss(at_side(logits.float(), run.size), part).mean(), {}

    rows = run.train(
        Task(
            key=run.key,
            count=len(run.data.ids),
            models={"sam": model.train()},
            trained=trained_parameters(model),
            step=step,
            validate=sam_validation(run, model),
            micro_batch=run.params.sam.micro_batch,
        )
    )
    return model, rows


def user_label_loss(logits: Tensor, batch: Batch) -> Tensor:
    """(B,): CE + IoU where an image has a full mask, else L_pce on its marks (0 where it has none)."""
    return torch.where(batch.labelled, supervised_loss(logits, batch.mask), partial_cross_entropy(logits, batch.marks))


def segmenter_validation(run: TrainingRun, teacher: nn.Module) -> Callable[[], float]:
    """The teacher's mean IoU on the validation split, as a function to call after an epoch."""
    inference = Inference(teacher, segment, run.compute, run.schedule.batch_size)
    return lambda: mean_iou_of(inference, run.val.image, run.val.mask)


def sam_validation(run: TrainingRun, model: nn.Module) -> Callable[[], float]:
    """SAM's mean IoU on the validation split, as a function to call after an epoch."""
    inference = Inference(model, segment_with_sam, run.compute, run.schedule.batch_size)
    return lambda: mean_iou_of(inference, run.val.foundation_image, run.val.mask)
