"""One record of what a training stage works with, so that no function of the method needs nine arguments."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from scaler.artifacts.models import ModelInput
from scaler.artifacts.splits import DataSet
from scaler.models.trial import check_single_image
from scaler.params import Params, ScheduleParams
from scaler.training.checkpoints import START, Past, past_of
from scaler.training.device import Compute, find_compute
from scaler.training.loop import Arrays, Task, train
from scaler.training.memory import explained
from scaler.training.sampling import Key, batch_index
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
        epochs_before: that the model was trained for in the stages before (`decay: run`).
        moments: Adam's, with `moments: run`: before `train` those that the stage before has left, then its own.
    """

    params: Params
    data: DataSet
    val: DataSet
    compute: Compute
    stage: str
    steps: Path
    round: int | None = None
    epochs_before: int = 0
    moments: Arrays = field(default_factory=dict)

    @staticmethod
    def open(
        params: Params,
        stage: str,
        *,
        data: Path,
        val: Path,
        steps: Path,
        round: int | None = None,
        start: Path | None = None,
    ) -> TrainingRun:
        """The record of a stage: the splits are read, and the best free device is taken.

        Args:
            params: all blocks.
            stage: its name.
            data: artifact of the training set.
            val: artifact of the validation set.
            steps: folder of the step checkpoint.
            round: 0 for the warm-up, then counted from 1; None for the initialization.
            start: artifact of the model that the stage continues from.
        """
        carries = getattr(params, stage).moments == "run"
        kind = "sam" if stage == "train_sam" else "segmenter"
        past = START if start is None else past_of(start, kind, moments=carries)
        splits = load_split(data), load_split(val)
        return TrainingRun(params, *splits, find_compute(), stage, steps, round, past.epochs, dict(past.moments))

    @property
    def past(self) -> Past:
        """What the next stage of the model needs of its training, once this stage has ended."""
        return Past(self.epochs_before + self.schedule.epochs, self.moments)

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

    @property
    def foundation_size(self) -> int:
        """Side of the training images in pixels as the foundation model gets them."""
        return int(self.data.foundation_image.shape[1])

    @property
    def shown(self) -> ModelInput:
        """How the training images were read for the segmenter."""
        return ModelInput(self.size, self.data.white, self.data.tile)

    @property
    def shown_to_foundation(self) -> ModelInput:
        """How the training images were read for the foundation model."""
        return ModelInput(self.foundation_size, self.data.white, self.data.tile)

    def train(self, task: Task) -> Log:
        """Run the stage's schedule on a task; the models then hold the selected weights."""
        task = replace(task, epochs_before=self.epochs_before, moments=self.moments)
        self._check_single_images(task)
        with explained(*self._sizes(task), self.compute.device):
            return train(task, self.schedule, self.steps, TITLES[self.stage].format(self.round))

    def _check_single_images(self, task: Task) -> None:
        """Whether the segmenter can be trained, where it may see one image at a time."""
        student = task.models.get("student")
        if student is None or not self.schedule.epochs:
            return
        first = batch_index(task.key, 0, 0, task.count, self.schedule.batch_size, task.strata)  # none is smaller
        why = ""
        if task.count == 1:
            why = f"{self.stage} has one image: label more"
        elif len(first) == 1:
            why = f"The batches of {self.stage} are of one image: raise its batch_size"
        elif self.round is not None and self.params.phase_one.batch_statistics == "per_view":
            why = "A batch may have one simple image: set phase_one.batch_statistics: joint"
        if why:
            check_single_image(student, self.params.segmenter, self.size, why)

    def _sizes(self, task: Task) -> tuple[str, str]:
        """What the stage computes at a time, and what to set if that does not fit."""
        batch = self.schedule.batch_size
        if "sam" not in task.models:
            what = f"{self.stage} with batches of {batch} images of {self.size} x {self.size} pixels"
            return what, f"lower batch_size of {self.stage} or size of prepare_data in params.yaml"
        sam = self.params.sam  # which the stages of the segmenter do not declare
        at_a_time = 1 if sam.micro_batch == "auto" else min(sam.micro_batch or batch, batch)
        side = sam.size or "its own size"
        what = f"{self.stage} of {sam.model} (sam.size: {side}) with {at_a_time} of {batch} images at a time"
        steps = [] if at_a_time == 1 else ["sam.micro_batch: auto (the result stays the same within rounding)"]
        steps += [] if sam.recompute else ["sam.recompute: true"]
        return what, f"set in params.yaml {', '.join([*steps, 'a smaller sam.size'])}, or choose a smaller sam.model"
