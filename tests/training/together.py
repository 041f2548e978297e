"""Every stage's function on a tiny data set, as one process or, under `torchrun`, as one of several.

    python -m tests.training.together FOLDER EPOCHS

The stages keep step checkpoints in FOLDER and go on from those there; the results become FOLDER/result_....npz.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import scaler.training.loop as loop
from scaler.artifacts.labels import LabelBatch
from scaler.artifacts.splits import DataSet
from scaler.method.initialization import initialize_sam, initialize_segmenter
from scaler.method.labelling import label_with_sam, label_with_segmenter
from scaler.method.phase_one import train_segmenter
from scaler.method.phase_two import train_sam
from scaler.params import Params, load_params
from scaler.training import processes
from scaler.training.device import Compute
from scaler.training.prediction import predict_batches
from scaler.training.run import Log, TrainingRun
from tests.conftest import ROOT, with_values

CPU = Compute(torch.device("cpu"), low_precision=False, lease=None)
COUNT, SIZE, BATCH = 9, 32, 7  # a batch of 4 and 3 images; of the labelled ones 2 and 1
STATISTICS = ("joint", "per_view")
Result = dict[str, NDArray[np.generic]]


def data_set() -> DataSet:
    """Bright squares in noise; three of nine have masks."""
    rng = np.random.default_rng(0)
    mask = np.zeros((COUNT, SIZE, SIZE), np.uint8)
    for k in range(COUNT):
        mask[k, 4 + k : 16 + k, 8:22] = 1
    image = rng.integers(0, 120, (COUNT, SIZE, SIZE, 3), dtype=np.uint8) + mask[..., None] * np.uint8(90)
    labelled = np.arange(COUNT) % 3 == 0
    return DataSet(
        ids=[f"image {k}" for k in range(COUNT)],
        image=image,
        mask=mask * labelled[:, None, None].astype(np.uint8),
        labelled=labelled,
        marks=np.zeros_like(mask),
        native_size=np.full((COUNT, 2), SIZE, np.int32),
        native_masks=[],
    )


def label_pool() -> NDArray[np.uint8]:
    """SAM's labels: of the images without a mask one is simple (so that one process has none), two are difficult."""
    noise = np.random.default_rng(1).uniform(-1, 1, (COUNT, SIZE, SIZE))
    spread = np.asarray([1, 0.1, 1, 1, 100, 1, 1, 0.1, 1])[:, None, None]
    return np.round(255 * np.clip(0.5 + spread * noise / 2, 0, 1)).astype(np.uint8)


def small(statistics: str) -> Params:
    """One epoch of each stage, whose best state by the validation set is taken."""
    schedule = {"epochs": 1, "batch_size": BATCH, "select": "best_val"}
    stages = ("initialize_segmenter", "initialize_sam", "warm_up", "train_sam")
    return with_values(
        load_params(ROOT / "params.yaml").model_copy(update={"shards": ["0"]}),
        segmenter={"options": {"width": 4}},
        sam={"size": 40},
        label_with_sam={"views": 2, "batch_size": 4},  # three batches
        label_with_segmenter={"batch_size": 2},
        phase_one={"batch_statistics": statistics, "branch_entropy": "sam"},
        **dict.fromkeys(stages, schedule),
    )


def work(folder: Path, statistics: str = "joint", epochs: int = 1) -> Result:
    """Trained weights, logs and labels of all stages."""
    params, data = small(statistics), data_set()
    found: Result = {}

    def keep(name: str, models: list[torch.nn.Module], log: Log) -> None:
        for number, model in enumerate(models):
            found.update({f"{name}/{number}/{key}": value.numpy().copy() for key, value in model.state_dict().items()})
        for number, row in enumerate(log):
            found.update({f"log/{name}/{number}/{key}": np.asarray(value) for key, value in row.items()})

    def run(stage: str, number: int | None, epochs: int = 1) -> TrainingRun:
        longer = with_values(params, **{stage: {"epochs": epochs}})
        return TrainingRun(longer, data, data, CPU, stage, folder / f"{stage}_{statistics}", number)

    pair, log = initialize_segmenter(run("initialize_segmenter", None))
    keep("initialize_segmenter", list(pair), log)
    sam, log = initialize_sam(run("initialize_sam", None))
    keep("initialize_sam", [sam], log)
    found |= stacked("sam_labels", label_with_sam(params, data, sam, CPU, (0, "0")).batches)
    pool = label_pool()
    pair, log = train_segmenter(run("warm_up", 0, epochs), pair, pool)
    keep("warm_up", list(pair), log)
    found |= stacked("segmenter_labels", label_with_segmenter(params, data, pair, CPU, "0").batches)
    sam, log = train_sam(run("train_sam", 1, epochs), sam, pool)
    keep("train_sam", [sam], log)
    models = dict(zip(("segmenter", "teacher", "sam"), (*pair, sam), strict=True))
    predicted = predict_batches(models, params.sam, data, CPU, 4)
    return found | stacked("predicted", [LabelBatch(maps, {}) for maps in predicted])


def stacked(name: str, batches: Iterable[LabelBatch]) -> Result:
    """All maps and columns; nothing on processes that are given no batches."""
    parts = [dict(batch.maps) | dict(batch.columns) for batch in batches]
    return {f"{name}/{key}": np.concatenate([part[key] for part in parts]) for key in parts[0]} if parts else {}


def main(folder: Path, epochs: int) -> None:
    """Save the results of all processes, with both kinds of batch statistics."""
    torch.set_num_threads(1)
    loop.SECONDS_BETWEEN_CHECKPOINTS = 0.0
    with processes.joined():
        for statistics in STATISTICS:
            found = work(folder, statistics, epochs)
            if processes.leads():
                np.savez(folder / f"result_{statistics}.npz", **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
