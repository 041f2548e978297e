"""Results folders as a run leaves them, written without training: real artifacts with maps that are given or drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from scaler.artifacts.evaluation import SplitScores, write_scores
from scaler.artifacts.hdf5 import write_columns, write_ids, write_images
from scaler.artifacts.header import Header, Input
from scaler.artifacts.labels import LABEL_SCALE, shard_range
from scaler.artifacts.models import write_log, write_tensors
from scaler.artifacts.names import SCHEMA
from scaler.artifacts.sealing import sealed_hdf5
from scaler.artifacts.splits import DataSet, write_data, write_truth
from scaler.method.weighting import branch, image_entropy, image_weight, pixel_weight
from scaler.metrics.names import CURVES, METRICS, MODELS, PER_IMAGE, THRESHOLDS
from scaler.metrics.scores import sidecar_texts
from tests.pages.report.world import guesses, scenes

SPLITS = ("train", "val", "test")
PARAMS = {
    "cold_start": {"undecided_entropy": 0.9, "stop_share": 0.95},
    "weighting": {"pixel_weight": "squared", "difficult_entropy": 0.8, "simple_entropy": 0.2},
}
U8 = np.ndarray


def header(kind: str, path: Path, inputs: Sequence[Path] = (), stage: str = "label_with_sam") -> Header:
    """Provenance as a stage's; the fingerprint is the digest of where the file lies in the results folder."""

    def digest(p: Path) -> str:
        return hashlib.sha256("/".join(p.parts[-3:]).encode()).hexdigest()

    made_from = [Input(p.stem, p.as_posix(), False, digest(p)) for p in inputs]
    versions = {"torch": "2.15"}
    return Header(
        kind, SCHEMA[kind], stage, path.as_posix(), {"round": 1}, made_from, PARAMS, "c" * 64, versions, digest(path)
    )


def write_split(results: Path, split: str, ids: Sequence[str], image: U8, mask: U8, **more: np.ndarray) -> None:
    """One split's data, and the training images' truth; `more`: labelled, marks, known, native_size, set."""
    count, size = len(ids), image.shape[1]
    labelled = more.get("labelled", np.full(count, split != "train"))
    data = DataSet(
        ids=list(ids),
        image=image,
        mask=mask * labelled[:, None, None].astype(np.uint8),
        labelled=labelled,
        marks=more.get("marks", np.zeros_like(mask)),
        native_size=more.get("native_size", np.full((count, 2), size, np.int32)).astype(np.int32),
        native_masks=[] if split == "train" else list(mask),
        set=list(more.get("set", np.full(count, ""))),
        file=[f"images/{name}.png" for name in ids] if split == "train" else [],
    )
    path = results / "data" / f"{split}.h5"
    with sealed_hdf5(path, header("data", path, stage="prepare_data")) as file:
        write_data(file, data)
    if split == "train":
        path = results / "data" / "train_truth.h5"
        with sealed_hdf5(path, header("truth", path, stage="prepare_data")) as file:
            write_truth(file, ids, mask, more.get("known", np.ones(count, dtype=bool)))


def write_labels(folder: Path, kind: str, ids: Sequence[str], maps: Mapping[str, U8], shards: int = 2) -> None:
    """Label files of one kind; the columns are those of eq 4-6 and 12, of "teacher" where there is one."""
    source = torch.from_numpy(maps.get("teacher", maps["probability"])).unsqueeze(1) / LABEL_SCALE
    entropy = image_entropy(source)
    columns = {
        "entropy": entropy,
        "weight": image_weight(entropy),
        "mean_pixel_weight": pixel_weight(source).mean(dim=(1, 2, 3)),
        "branch": branch(entropy),
    }
    for shard in range(shards):
        own = list(shard_range(len(ids), shards, shard))
        path = folder / kind / f"shard_{shard}.h5"
        with sealed_hdf5(path, header(kind, path, [folder.parent.parent / "data" / "train.h5"])) as file:
            write_ids(file, [ids[i] for i in own])
            for name, stack in maps.items():
                write_images(file, name, stack[own])
            write_columns(file, {name: values.numpy()[own] for name, values in columns.items()})


def write_evaluation(
    folder: Path, ids: Mapping[str, Sequence[str]], predictions: Mapping[str, Mapping[str, U8]]
) -> None:
    """An evaluation with drawn figures; predictions: split -> model -> (n, S, S)."""
    rng = np.random.default_rng(sum(folder.name.encode()))
    scores = {split: _scores(ids[split], predictions[split], rng) for split in ("val", "test")}
    path = folder / "evaluation.h5"
    with sealed_hdf5(path, header("evaluation", path, stage="evaluate"), sidecar_texts(scores)) as file:
        write_scores(file, scores)


def _scores(ids: Sequence[str], prediction: Mapping[str, U8], rng: np.random.Generator) -> SplitScores:
    return SplitScores(
        ids=list(ids),
        per_image={model: {name: rng.random(len(ids)) for name in PER_IMAGE} for model in MODELS},
        summary={model: {name: float(rng.random()) for name in METRICS} for model in MODELS},
        curves={model: rng.random((len(CURVES), THRESHOLDS)) for model in MODELS},
        prediction=dict(prediction),
    )


def write_models(folder: Path) -> None:
    """Segmenter and SAM as far as a reader of artifacts looks into them: tensors and a log."""
    tensors = {f"layer.{i}.weight": np.full((2, 3), i, np.float32) for i in range(20)}
    for kind, group, stage in (("segmenter", "teacher", "train_segmenter"), ("sam", "trained", "train_sam")):
        path = folder / f"{kind}.h5"
        with sealed_hdf5(path, header(kind, path, [folder.parent / "data" / "train.h5"], stage)) as file:
            file.attrs["input_size"] = 32
            write_tensors(file, group, tensors)
            write_log(file, [{"epoch": 1, "loss": 0.75}, {"epoch": 2, "loss": 0.5}])


def make_results(
    results: Path,
    ids: Mapping[str, Sequence[str]] | None = None,
    rounds: int = 2,
    size: int = 32,
    marked: bool = False,
    seed: int = 0,
) -> Path:
    """A whole run of drawn scenes, whose labels become better from stop to stop; returns the folder.

    Args:
        results: where it goes.
        ids: split -> ids; default 7 training, 3 validation and 4 test images.
        rounds: beside initialization and warm-up.
        size: side of the maps.
        marked: the training images have marks on object and background.
        seed: of the labels.
    """
    default = {split: [f"{split}/{i:04}" for i in range(n)] for split, n in zip(SPLITS, (7, 3, 4), strict=True)}
    ids = ids or default
    pictures = {split: scenes(len(ids[split]), size, number) for number, split in enumerate(SPLITS)}
    for split, (image, mask) in pictures.items():
        more: dict[str, np.ndarray] = {}
        if split == "train":
            count = len(mask)
            more = {"labelled": np.arange(count) % 4 == 0, "known": np.arange(count) != 1}
            more["marks"] = _marks(mask) if marked else np.zeros_like(mask)
        write_split(results, split, ids[split], image, mask, **more)
    names = ["init", "warm_up", *(f"round_{number}" for number in range(1, rounds + 1))]
    for stop, name in enumerate(names[: rounds + 2]):
        folder = results / "stops" / name
        drawn = {
            split: {
                model: guesses(mask, 0.35 + 0.1 * stop, 100 * seed + 10 * stop + number)
                for number, model in enumerate(MODELS)
            }
            for split, (_, mask) in pictures.items()
        }
        write_models(folder)
        write_evaluation(folder, ids, drawn)
        teacher, student = drawn["train"]["teacher"], drawn["train"]["segmenter"]
        mean = ((teacher.astype(np.int32) + student) // 2).astype(np.uint8)
        maps = {"probability": mean, "teacher": teacher, "student": student}
        write_labels(folder, "segmenter_labels", ids["train"], maps)
        if stop:  # the warm-up's SAM is that of the initialization
            write_labels(
                results / "stops" / ("init" if stop == 1 else name),
                "sam_labels",
                ids["train"],
                {"probability": drawn["train"]["sam"]},
            )
    return results


def _marks(mask: U8) -> U8:
    """One mark on the object, where there is one, and one on the background of each image."""
    marks = np.zeros_like(mask)
    for own, truth in zip(marks, mask, strict=True):
        for value, inside in ((1, truth > 0), (2, truth == 0)):
            if inside.any():
                row, column = np.argwhere(inside)[inside.sum() // 2]
                own[row, column] = value
    return marks
