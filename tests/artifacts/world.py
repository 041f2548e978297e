"""A whole run of drawn numbers: small, without a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scaler.artifacts.evaluation import SplitScores, write_scores
from scaler.artifacts.hdf5 import write_columns, write_ids, write_images
from scaler.artifacts.header import Header
from scaler.artifacts.labels import shard_range
from scaler.artifacts.models import write_log
from scaler.artifacts.names import CURVES, LABEL_COLUMNS, MODELS, SCHEMA, LabelKind, shard_files
from scaler.artifacts.paths import Stop, data_file, stops, truth_file
from scaler.artifacts.sealing import sealed_hdf5
from scaler.artifacts.splits import DataSet
from tests.artifacts.writing import write_data, write_truth

SIDE = 8
COUNTS = {"train": 5, "val": 2, "test": 3}
MAPS: dict[LabelKind, tuple[str, ...]] = {
    "sam_labels": ("probability",),
    "segmenter_labels": ("probability", "teacher", "student"),
}


def ids_of(split: str) -> list[str]:
    return [f"{split}/{number:04}" for number in range(COUNTS[split])]


def seal(path: Path, kind: str, stage: str = "a_stage", **params: object) -> object:
    header = Header(kind, SCHEMA[kind], stage, "out", {}, [], params, "c" * 64, {}, path.as_posix())
    return sealed_hdf5(path, header)


def write_run(root: Path, rounds: tuple[str, ...] = ("round_1",), shards: tuple[str, ...] = ("0", "1")) -> None:
    """Every artifact of a run."""
    rng = np.random.default_rng(0)
    for split, count in COUNTS.items():
        image = rng.integers(0, 256, (count, SIDE, SIDE, 3)).astype(np.uint8)
        mask = rng.integers(0, 2, (count, SIDE, SIDE)).astype(np.uint8)
        labelled = np.arange(count) % 2 == 0
        size = np.full((count, 2), SIDE, np.int32)
        data = DataSet(ids_of(split), image, mask, labelled, mask, size, [], ["x"] * count)
        with seal(data_file(root, split), "data", seed=0) as file:
            write_data(file, data)
    with seal(truth_file(root), "truth") as file:
        count = COUNTS["train"]
        write_truth(file, ids_of("train"), np.ones((count, SIDE, SIDE), np.uint8), np.arange(count) != 1)
    for number, stop in enumerate(stops(root, rounds)):
        _write_stop(stop, number, shards)


def _write_stop(stop: Stop, number: int, shards: tuple[str, ...]) -> None:
    for path, kind in ((stop.segmenter, "segmenter"), (stop.sam, "sam")):
        with seal(path, kind, f"train_{kind}", train={"epochs": number}) as file:
            write_log(file, [{"epoch": 1.0, "loss": float(number)}])
    for kind, maps in MAPS.items():
        for shard, path in enumerate(shard_files(stop.labels(kind), shards)):
            chosen = list(shard_range(COUNTS["train"], len(shards), shard))
            with seal(path, kind) as file:
                write_ids(file, [ids_of("train")[i] for i in chosen])
                for place, name in enumerate(maps):
                    values = np.asarray([10 * place + i for i in chosen], np.uint8)
                    write_images(file, name, np.broadcast_to(values[:, None, None], (len(chosen), SIDE, SIDE)))
                write_columns(file, {name: np.asarray(chosen, np.float32) for name in LABEL_COLUMNS})
    with seal(stop.evaluation, "evaluation") as file:
        write_scores(file, {split: scores(split, number) for split in ("val", "test")})


def scores(split: str, value: float) -> SplitScores:
    count = COUNTS[split]
    return SplitScores(
        ids=ids_of(split),
        per_image={model: {"iou": np.full(count, value / 4)} for model in MODELS},
        summary={model: {"iou": value / 4, "f_max": value} for model in MODELS},
        curves={model: np.full((len(CURVES), 256), value) for model in MODELS},
        prediction={model: np.full((count, SIDE, SIDE), 7, np.uint8) for model in MODELS},
        set=["a"] * count,
        sets={"a": {model: {"iou": value / 4} for model in MODELS}},
    )
