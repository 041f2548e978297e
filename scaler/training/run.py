"""One record of what a training stage works with, so that no function of the method needs nine arguments."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scaler.artifacts.splits import DataSet
from scaler.params import Params, ScheduleParams
from scaler.training.device import Compute, find_compute
from scaler.training.loop import Key, Task, train
from scaler.training.sets import load_split

Log = list[dict[str, float]]
TITLES = {
    "initialize_segmenter": "initialize segmenter",
    "initialize_sam": "initialize SAM",
    "warm_up": "warm-up",
    "train_segmenter": "round {}, Phase I",
    "train_sam": "round {}, Phase II",
}


@dataclass(frozen=True)
class TrainingRun:
    """A training stage: its numbers, its images, its device, and where it keeps its step checkpoint.

    Attributes:
        params: all blocks of `params.yaml`.
        data: the training set.
        val: the validation set; only `select: best_val` looks at it.
        compute: device and precision.
        stage: name of the stage, which is also the name of its schedule's block in `params`.
        steps: folder of the step checkpoint.
        round: 0 for the warm-up, then counted from 1; None for the initialization.
    """

    params: Params
    data: DataSet
    val: DataSet
    compute: Compute
    stage: str
    steps: Path
    round: int | None = None

    @staticmethod
    def open(params: Params, stage: str, data: Path, val: Path, steps: Path, round: int | None = None) -> TrainingRun:
        """The record of a stage, with the splits read from their artifacts and the best free device taken."""
        return TrainingRun(params, load_split(data), load_split(val), find_compute(), stage, steps, round)

    @property
    def key(self) -> Key:
        """What all randomness of the stage depends on."""
        return (self.params.seed, self.stage, *(() if self.round is None else (self.round,)))

    @property
    def schedule(self) -> ScheduleParams:
        """How long and how fast the stage learns."""
        schedule: ScheduleParams = getattr(self.params, self.stage)
        return schedule

    @property
    def size(self) -> int:
        """Side of the training images in pixels."""
        return int(self.data.image.shape[1])

    def train(self, task: Task) -> Log:
        """Run the stage's schedule on a task; the models then hold the selected weights."""
        return train(task, self.schedule, self.steps, TITLES[self.stage].format(self.round))
