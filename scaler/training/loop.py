"""The training loop that every training stage shares: resumable to the byte, logged per epoch.

Nothing in it draws random numbers: the order of the images and each step's generator follow from the seed, the stage,
the round, the epoch and the step (`scaler.randomness`), so that a step checkpoint is weights, optimizer and position.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from scaler.artifacts.steps import StepState, load_step, save_step
from scaler.data.augment import Part
from scaler.errors import ScalerError
from scaler.params import ScheduleParams
from scaler.plain import is_plain
from scaler.progress import log, progress
from scaler.randomness import generator, seed_torch
from scaler.training import processes
from scaler.training.memory import MicroBatch, halved, is_out_of_memory, release
from scaler.training.moments import load_moments, moments_of
from scaler.training.sampling import Key, Strata, batch_index, steps_per_epoch
from scaler.training.schedule import learning_rate
from scaler.training.state import kept_state, load_kept_state
from scaler.training.statistics import joint_statistics

SECONDS_BETWEEN_CHECKPOINTS = float(os.environ.get("SCALER_CHECKPOINT_SECONDS", "30"))
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Step:
    """What one call of a step function is given.

    Attributes:
        whole: (W,) positions of the batch's images.
        rng: a generator of this step's own; it draws for the whole batch.
        micro_batch: how many images may go through the model at a time; None: all of them.
        own: which of the batch's images this process computes.
    """

    whole: NDArray[np.int64]
    rng: np.random.Generator
    micro_batch: int | None = None
    own: slice = field(default_factory=lambda: slice(None))

    @property
    def index(self) -> NDArray[np.int64]:
        """(B,) positions of this process's images."""
        return self.whole[self.own]

    @property
    def place(self) -> Part:
        """Where these stand in the batch."""
        return Part(len(self.whole), self.own.start or 0)

    @property
    def share(self) -> float:
        """Of the batch that this process computes."""
        return len(self.index) / len(self.whole)


@dataclass(frozen=True)
class Task:
    """What is trained, and how one step of it goes.

    Attributes:
        key: seed, stage and round: what the randomness depends on.
        count: number of images that an epoch goes through.
        models: name -> model whose state is kept in checkpoints.
        trained: the parameters that the optimizer changes.
        step: yields scalar losses whose sum is descended, each with numbers to log. A loss is backpropagated, and its
            memory free again, before the next is asked for: so a batch can be cut into parts. Numbers of one name are
            summed over the parts; over an epoch, `n_...` are summed (counts of images), `sum_...` summed and divided
            by all counts (means over images), others averaged over the steps.
        validate: mean IoU on the validation split, for `select: best_val`.
        after_step: called when the parameters have moved (the teacher's update, eq 15).
        strata: for a fixed number of labelled images in each batch; None: batches of all images alike.
        epochs_before: that the model was trained for in the stages before.
        moments: Adam's to begin with, with `moments: run`; {}: zeros. They are replaced by those at the end.
        micro_batch: images at a time, for a step that cuts its batch into parts; None: the whole batch. "auto": the
            whole batch, and half as many whenever memory runs out.
    """

    key: Key
    count: int
    models: dict[str, nn.Module]
    trained: list[nn.Parameter]
    step: Callable[[Step], Iterable[tuple[Tensor, dict[str, float]]]]
    validate: Callable[[], float]
    after_step: Callable[[], None] = lambda: None
    strata: Strata | None = None
    epochs_before: int = 0
    moments: Arrays = field(default_factory=dict)
    micro_batch: MicroBatch = None


@dataclass
class _Position:
    done: int = 0
    rows: list[dict[str, float]] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    best: float = -1.0
    best_epoch: int = -1
    micro_batch: int | None = None  # images at a time, if memory ran out before


def train(task: Task, schedule: ScheduleParams, steps_folder: Path, what: str) -> list[dict[str, float]]:
    """Run a schedule from the start or from its step checkpoint; the models hold the selected weights afterwards.

    Args:
        task: what is trained.
        schedule: epochs, batch size, learning rate (see `scaler.training.schedule`), selection.
        steps_folder: where the step checkpoint is kept.
        what: the progress bar's text.

    Returns:
        The log, one row per epoch.

    Raises:
        ScalerError: the loss is not finite, or there are more processes than images in a batch.
    """
    batch = min(schedule.batch_size, task.count)
    if processes.count() > batch:
        raise ScalerError(
            f"{task.key[1]}: expected at least one image of a batch for each of {processes.count()} processes, but a "
            f"batch has {batch}. Ask for fewer devices, or raise batch_size of {task.key[1]} in params.yaml."
        )
    optimizer = torch.optim.Adam(task.trained, lr=schedule.learning_rate, betas=(0.9, 0.999), fused=_can_fuse(task))
    per_epoch = steps_per_epoch(task.count, schedule.batch_size, task.strata)
    total = schedule.epochs * per_epoch
    position, best = _restore(task, optimizer, steps_folder)
    if not position.done and schedule.moments == "run":
        load_moments(optimizer, task.trained, task.moments)
    if position.done:
        log.info(f"{what}: resuming at step {position.done} of {total}")
    saved = time.monotonic()
    with progress(total, what, initial=position.done) as bar, joint_statistics():
        while position.done < total:
            _one_step(task, schedule, optimizer, position, per_epoch)
            if position.done % per_epoch == 0:
                best = _end_epoch(task, schedule, position, best, per_epoch)
            bar.update()
            if processes.leads() and time.monotonic() - saved >= SECONDS_BETWEEN_CHECKPOINTS:
                _keep(task, optimizer, position, best, steps_folder)
                saved = time.monotonic()
    if schedule.select == "best_val" and best:
        _load(task.models, best)
    if schedule.moments == "run":
        task.moments.clear()
        task.moments.update(moments_of(optimizer))
    return position.rows


def _one_step(
    task: Task, schedule: ScheduleParams, optimizer: torch.optim.Optimizer, position: _Position, per_epoch: int
) -> None:
    epoch, step = divmod(position.done, per_epoch)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(schedule, epoch + step / per_epoch, task.epochs_before)
    index = batch_index(task.key, epoch, step, task.count, schedule.batch_size, task.strata)
    sums = None
    while sums is None:
        sums = _gradients(task, optimizer, index, position, (epoch, step))
    for name, number in sums.items():
        position.sums[name] = position.sums.get(name, 0.0) + number
    optimizer.step()
    task.after_step()
    position.done += 1


def _gradients(
    task: Task, optimizer: torch.optim.Optimizer, index: NDArray[np.int64], position: _Position, place: tuple[int, int]
) -> dict[str, float] | None:
    """Gradients of a step and the numbers that it logs; None if memory ran out and a smaller micro-batch is set now."""
    seed_torch(*task.key, *place, *([processes.rank()] if processes.rank() else []))
    optimizer.zero_grad(set_to_none=True)
    auto = task.micro_batch == "auto"
    size = position.micro_batch if task.micro_batch == "auto" else task.micro_batch
    smaller = halved(size, processes.most(len(index)))
    sums: dict[str, float] = {}
    try:
        sums = _descend(task, Step(index, generator(*task.key, "step", *place), size, processes.own(len(index))), place)
    except (RuntimeError, MemoryError) as error:
        if not auto or smaller is None or not is_out_of_memory(error):
            raise
    if not auto or not processes.any_of(not sums):
        processes.sum_gradients(task.trained)
        return processes.summed(sums)
    # Only here, outside the except block, is nothing of the failed attempt alive any more.
    optimizer.zero_grad(set_to_none=True)
    release()
    position.micro_batch = smaller
    log.warning(
        f"{task.key[1]}: out of memory with {size or len(index)} images at a time; going on with {smaller} "
        f"(sam.micro_batch: auto). The batch stays {len(index)}."
    )
    return None


def _descend(task: Task, step: Step, place: tuple[int, int]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for loss, numbers in task.step(step):
        value = float(loss.detach())
        if not np.isfinite(value):
            raise ScalerError(
                f"{task.key[1]}: the loss is {value} in epoch {place[0] + 1}, step {place[1] + 1}. Lower the "
                "learning_rate of the stage in params.yaml; if the images are unusual, look at results/data/train.h5 "
                "first."
            )
        loss.backward()  # type: ignore[no-untyped-call]
        for name, number in {"loss": value, **numbers}.items():
            sums[name] = sums.get(name, 0.0) + number
    return sums


def _end_epoch(task: Task, schedule: ScheduleParams, position: _Position, best: Arrays, per_epoch: int) -> Arrays:
    epoch = position.done // per_epoch - 1
    row = {"epoch": float(epoch + 1), **_means(position.sums, per_epoch)}
    position.sums = {}
    if schedule.select == "best_val":
        row["val_iou"] = task.validate()
        if row["val_iou"] > position.best:
            position.best, position.best_epoch, best = row["val_iou"], epoch, _state(task.models)
    position.rows.append(row)
    return best


def _means(sums: dict[str, float], steps: int) -> dict[str, float]:
    images = sum(value for name, value in sums.items() if name.startswith("n_"))
    row: dict[str, float] = {}
    for name, value in sums.items():
        if name.startswith("sum_"):
            row[name.removeprefix("sum_")] = value / images if images else float("nan")
        else:
            row[name] = value if name.startswith("n_") else value / steps
    return row


def _can_fuse(task: Task) -> bool:
    return not is_plain("optimizer") and all(parameter.device.type in ("cpu", "cuda") for parameter in task.trained)


def _keep(task: Task, optimizer: torch.optim.Adam, position: _Position, best: Arrays, folder: Path) -> None:
    tensors = {f"models/{name}": value for name, value in _state(task.models).items()}
    tensors |= {f"best/{name}": value for name, value in best.items()}
    tensors |= {f"optimizer/{name}": value for name, value in moments_of(optimizer).items()}
    save_step(folder, StepState(vars(position), tensors))


def _restore(task: Task, optimizer: torch.optim.Adam, folder: Path) -> tuple[_Position, Arrays]:
    state = load_step(folder)
    if state is None:
        return _Position(), {}
    _load(task.models, _below(state.tensors, "models/"))
    load_moments(optimizer, task.trained, _below(state.tensors, "optimizer/"))
    return _Position(**state.numbers), _below(state.tensors, "best/")


def _below(tensors: Arrays, prefix: str) -> Arrays:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _state(models: dict[str, nn.Module]) -> Arrays:
    return {
        f"{name}/{key}": value.detach().cpu().numpy().copy()
        for name, model in models.items()
        for key, value in kept_state(model).items()
    }


def _load(models: dict[str, nn.Module], arrays: Arrays) -> None:
    for name, model in models.items():
        load_kept_state(model, _below(arrays, f"{name}/"))
