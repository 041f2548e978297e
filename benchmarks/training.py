"""One step of Phase I and of Phase II as the stages take it, on drawn images, for the benchmarks of steps."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import nn

from scaler.artifacts.large import LargeImages
from scaler.artifacts.splits import DataSet
from scaler.method.phase_one import train_segmenter
from scaler.method.phase_two import train_sam
from scaler.models.foundation import add_adaptation, untrained
from scaler.models.segmenter import build_segmenter
from scaler.params import Params, load_params
from scaler.randomness import generator
from scaler.training import loop
from scaler.training.device import Compute
from scaler.training.loop import Step, Task
from scaler.training.run import TrainingRun

ROOT = Path(__file__).resolve().parents[1]
REAL = {  # block -> values: the networks of the paper
    "segmenter": {"model": "ws_sam", "options": {}, "depth_weights": [0.2, 0.4, 0.6, 0.8, 1.0]},
    "sam": {"model": "vit_b"},
}
PHASES = ("Phase I", "Phase II")


@dataclass(frozen=True)
class Setting:
    """What a step works on.

    Attributes:
        real: the networks of the paper (WS-SAM's on ResNet50, ViT-B), else those of the laboratory.
        size: side of the images in pixels.
        side: of SAM's input.
        batch: images.
    """

    real: bool
    size: int
    side: int
    batch: int

    @property
    def params(self) -> Params:
        """The committed parameters with these values."""
        values = load_params(ROOT / "params.yaml").model_dump()
        for block, changed in (REAL if self.real else {}).items():
            values[block] |= changed
        values["sam"]["size"] = self.side
        values["shards"] = ["0"]
        values["cold_start"]["stop_share"] = 1.0
        for name in ("warm_up", "train_sam"):
            values[name]["batch_size"] = self.batch
        return Params.model_validate(values)

    def data(self) -> DataSet:
        """Noise with a square; every other image has its mask."""
        draw, count = np.random.default_rng(0), self.batch
        mask = np.zeros((count, self.size, self.size), np.uint8)
        mask[:, self.size // 4 : self.size // 2, self.size // 4 : self.size // 2] = 1
        labelled = np.arange(count) % 2 == 1
        large = draw.integers(0, 256, (count, self.side, self.side, 3), dtype=np.uint8)
        return DataSet(
            ids=[str(k) for k in range(count)],
            image=draw.integers(0, 256, (count, self.size, self.size, 3), dtype=np.uint8),
            mask=mask * labelled[:, None, None].astype(np.uint8),
            labelled=labelled,
            marks=np.zeros_like(mask),
            native_size=np.full((count, 2), self.size, np.int32),
            native_masks=[],
            large=LargeImages(list(large), self.side) if self.side > self.size else None,
        )


class PlainCompute(Compute):
    """float32, and the memory format in which networks are built."""

    def place(self, model: nn.Module) -> nn.Module:
        """The model on the device."""
        return model.to(self.device)


def plain_teacher(teacher: nn.Module, student: nn.Module, decay: float) -> Callable[[], None]:
    """Eq 15 tensor by tensor."""

    @torch.no_grad()
    def update() -> None:
        for own, other in zip(teacher.parameters(), student.parameters(), strict=True):
            own.mul_(decay).add_(other, alpha=1 - decay)
        for own, other in zip(teacher.buffers(), student.buffers(), strict=True):
            own.copy_(other)

    return update


def step_of(phase: str, setting: Setting, compute: Compute, *, plain: bool = False) -> Callable[[], None]:
    """A function that takes one step: forward, backward, optimizer, and the teacher in Phase I."""
    task = _task(phase, setting, compute, plain)
    optimizer = torch.optim.Adam(task.trained, lr=1e-5, **({"foreach": False} if plain else {"fused": True}))
    numbers = iter(range(10**9))

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        rng = generator(0, "benchmark", next(numbers))
        loop._descend(task, Step(np.arange(task.count), rng, task.micro_batch), (0, 0))
        optimizer.step()
        task.after_step()

    return step


def _task(phase: str, setting: Setting, compute: Compute, plain: bool) -> Task:
    """What the stage hands to the training loop."""
    params, data = setting.params, setting.data()
    pool = np.random.default_rng(1).integers(0, 256, data.mask.shape, dtype=np.uint8)
    pool[pool < 230] //= 16  # simple images: a strong view as well
    teacher = patch("scaler.method.phase_one.mean_teacher", plain_teacher) if plain else nullcontext()
    with captured() as tasks, teacher:
        torch.manual_seed(0)
        if phase == "Phase I":
            run = TrainingRun(params, data, data, compute, "warm_up", Path(), 0)
            student = build_segmenter(params.segmenter, setting.size)
            with patch("scaler.method.phase_one._look_for_cold_start"):
                train_segmenter(run, (student, copy.deepcopy(student).requires_grad_(False)), pool)
        else:
            model = untrained(params.sam.model, params.sam.size)
            add_adaptation(model, params.sam.adaptation, params.sam.lora_rank)
            train_sam(TrainingRun(params, data, data, compute, "train_sam", Path(), 1), model, pool)
    return tasks[0]


@contextmanager
def captured() -> Iterator[list[Task]]:
    """Tasks are kept, and not run."""
    tasks: list[Task] = []
    with patch.object(TrainingRun, "train", lambda run, task: tasks.append(task) or []):
        yield tasks
