"""Results folders as a run leaves them, written without training: real artifacts with maps that are given or drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from scaler.artifacts.evaluation import write_scores
from scaler.artifacts.hdf5 import write_columns, write_ids, write_images
from scaler.artifacts.header import Header, Input
from scaler.artifacts.labels import LABEL_SCALE, shard_range
from scaler.artifacts.models import write_log, write_tensors
from scaler.artifacts.names import MODELS, SCHEMA, SPLITS
from scaler.artifacts.paths import Stop, data_file, stops, truth_file
from scaler.artifacts.sealing import sealed_hdf5
from scaler.artifacts.splits import DataSet
from scaler.method.weighting import branch, image_entropy, image_weight, pixel_weight
from scaler.metrics.scores import sidecar_texts
from tests.artifacts.writing import write_data, write_truth
from tests.metrics.in_memory import evaluate_split

PARAMS = {
    "cold_start": {"undecided_entropy": 0.9, "stop_share": 0.95},
    "seed": 0,
    "train_sam": {"epochs": 8},
    "phase_one": {"difficult_trust": "confidence"},
    "weighting": {
        "image_weight": "linear",
        "trusted_low": 0.1,
        "trusted_high": 0.9,
        "pixel_weight": "squared",
        "difficult_entropy": 0.8,
        "simple_entropy": 0.2,
    },
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


def scenes(count: int, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (count, S, S, 3) uint8 and masks (count, S, S) of {0, 1}: a blob of coarser texture in most."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    images, masks = [], []
    for i in range(count):
        wobble = cv2.GaussianBlur(rng.normal(0, 1, (size, size)), (0, 0), size / 9)
        cy, cx = rng.uniform(0.25, 0.75, 2)
        radius = rng.uniform(0.1, 0.27) + 0.9 * wobble
        mask = (np.hypot(y - cy, (x - cx) * rng.uniform(0.6, 1.5)) < radius).astype(np.uint8)
        mask = np.zeros_like(mask) if i % 17 == 11 else mask
        textures = [
            cv2.GaussianBlur(rng.normal(0, 1, (size, size, 3)), (0, 0), s) * g for s, g in ((2.4, 5), (1.2, 2.6))
        ]
        base = rng.uniform(60, 170, 3) + 34 * cv2.GaussianBlur(rng.normal(0, 6, (size, size, 1)), (0, 0), 9)[..., None]
        image = base + 22 * np.where(mask[..., None] > 0, *textures)
        images.append(np.clip(image, 0, 255).astype(np.uint8))
        masks.append(mask)
    return np.stack(images), np.stack(masks)


def guesses(masks: np.ndarray, skill: float, seed: int) -> np.ndarray:
    """(n, S, S) uint8 maps that fit the masks the better the skill (0 to 1) is; each image has luck of its own."""
    rng = np.random.default_rng(seed)
    luck = np.random.default_rng(99).uniform(-0.35, 0.25, len(masks))
    size = masks.shape[1]
    result = []
    for mask, lucky in zip(masks, luck, strict=True):
        good = np.clip(skill + lucky + rng.normal(0, 0.05), 0.03, 0.97)
        clutter = cv2.GaussianBlur(rng.normal(0, 1, (size, size)), (0, 0), size / 14) * size / 5
        shape = cv2.GaussianBlur(mask.astype(np.float64) * 2 - 1, (0, 0), 1 + 5 * (1 - good))
        result.append(1 / (1 + np.exp(-(5 * good * shape + (1 - good) * clutter - 1.2 * (1 - good)))))
    return np.rint(np.stack(result) * 255).astype(np.uint8)


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
    path = data_file(results, split)
    with sealed_hdf5(path, header("data", path, stage="prepare_data")) as file:
        write_data(file, data)
    if split == "train":
        path = truth_file(results)
        with sealed_hdf5(path, header("truth", path, stage="prepare_data")) as file:
            write_truth(file, ids, mask, more.get("known", np.ones(count, dtype=bool)))


def write_labels(folder: Path, ids: Sequence[str], maps: Mapping[str, U8], shards: int = 2) -> None:
    """Label files in a folder named after their kind; the columns (eq 4-6, 12) are of "teacher" where there is one."""
    source = torch.from_numpy(maps.get("teacher", maps["probability"])).unsqueeze(1) / LABEL_SCALE
    entropy = image_entropy(source)
    columns = {
        "entropy": entropy,
        "weight": image_weight(entropy),
        "mean_pixel_weight": pixel_weight(source).mean(dim=(1, 2, 3)),
        "branch": branch(entropy),
    }
    if folder.name == "sam_labels":
        columns["agreement"] = 1 - entropy.square()
    for shard in range(shards):
        own = list(shard_range(len(ids), shards, shard))
        path = folder / f"shard_{shard}.h5"
        with sealed_hdf5(path, header(folder.name, path, [Path("results/data/train.h5")])) as file:
            write_ids(file, [ids[i] for i in own])
            for name, stack in maps.items():
                write_images(file, name, stack[own])
            write_columns(file, {name: values.numpy()[own] for name, values in columns.items()})


def write_evaluation(
    path: Path,
    ids: Mapping[str, Sequence[str]],
    predictions: Mapping[str, Mapping[str, U8]],
    masks: Mapping[str, U8],
    sets: Sequence[str] = (),
) -> None:
    """An evaluation of predictions, split -> model -> (n, S, S); `sets`: of the images, in turn."""
    scores = {
        split: evaluate_split(
            list(ids[split]),
            dict(predictions[split]),
            list(masks[split]),
            stretch=False,
            sets=[sets[i % len(sets)] for i in range(len(ids[split]))] if sets else (),
        )
        for split in ("val", "test")
    }
    with sealed_hdf5(path, header("evaluation", path, stage="evaluate"), sidecar_texts(scores)) as file:
        write_scores(file, scores)


def write_models(stop: Stop, number: int, images: int = 5) -> None:
    """Segmenter and SAM of a stop as far as a page looks into them: tensors and a log of so many unlabelled images."""
    first = ("initialize_segmenter", "warm_up", "train_segmenter")[min(number, 2)]
    made = [("segmenter", "teacher", first)]
    if stop.folder == stop.sam_folder:
        made.append(("sam", "trained", "train_sam" if number else "initialize_sam"))
    for kind, group, stage in made:
        path = stop.segmenter if kind == "segmenter" else stop.sam
        log = losses(12, 1.2)
        if stage in ("warm_up", "train_segmenter"):
            log |= phase_one(number, images)
        rows = [dict(zip(log, map(float, row), strict=True)) for row in zip(*log.values(), strict=True)]
        with sealed_hdf5(path, header(kind, path, stage=stage)) as file:
            file.attrs["input_size"] = 32
            write_tensors(file, group, {f"layer.{i}.weight": np.full((2, 3), i, np.float32) for i in range(20)})
            write_log(file, rows)


def phase_one(number: int, images: int, epochs: int = 12) -> dict[str, np.ndarray]:
    """What Phase I logs: weights rise, difficult images become fewer."""
    weight = 0.32 + 0.13 * number + 0.12 * (1 - np.exp(-np.arange(epochs) / 5))
    simple = np.rint(images * np.clip(weight - 0.35, 0, 1))
    difficult = np.rint(0.4 * images * np.exp(-np.arange(epochs) / 2)) if number == 1 else np.zeros(epochs)
    difficult = np.minimum(difficult, images - simple)
    columns = {"n_difficult": difficult, "n_simple": simple, "n_normal": images - difficult - simple}
    for source, own in (("teacher", weight), ("sam", np.full(epochs, 0.45 + 0.08 * number))):
        columns |= {f"w_{source}": own, f"u_{source}": own + 0.1, f"entropy_{source}": 1 - own}
    return columns


def losses(epochs: int, start: float) -> dict[str, np.ndarray]:
    k = np.arange(epochs)
    values = start * (0.3 + 0.7 * np.exp(-k / 6)) + 0.02 * np.sin(3 * k)
    return {"epoch": (k + 1).astype(np.float32), "loss": values.astype(np.float32)}


def make_results(
    results: Path,
    ids: Mapping[str, Sequence[str]] | None = None,
    rounds: int = 2,
    size: int = 32,
    marked: bool = False,
    seed: int = 0,
    sets: Sequence[str] = (),
) -> Path:
    """A whole run of drawn scenes, whose labels become better from stop to stop; returns the folder.

    Args:
        results: where it goes.
        ids: split -> ids; default 7 training, 3 validation and 4 test images.
        rounds: beside initialization and warm-up; -1: the initialization alone.
        size: side of the maps.
        marked: the training images have marks on object and background.
        seed: of the labels.
        sets: of the validation and test images, in turn.
    """
    default = {split: [f"{split}/{i:04}" for i in range(n)] for split, n in zip(SPLITS, (7, 3, 4), strict=True)}
    ids = ids or default
    pictures = {split: scenes(len(ids[split]), size, number) for number, split in enumerate(SPLITS)}
    masks = {split: mask for split, (_, mask) in pictures.items()}
    for split, (image, mask) in pictures.items():
        more: dict[str, np.ndarray] = {}
        if split == "train":
            count = len(mask)
            more = {"labelled": np.arange(count) % 4 == 0, "known": np.arange(count) != 1}
            more["marks"] = _marks(mask) if marked else np.zeros_like(mask)
        write_split(results, split, ids[split], image, mask, **more)
    for number, stop in enumerate(stops(results, [f"round_{number}" for number in range(1, rounds + 1)])[: rounds + 2]):
        better = 0.06 * max(0, number - 1)
        skill = {"segmenter": 0.34 + 0.1 * number, "teacher": 0.36 + 0.1 * number, "sam": 0.5 + better}
        drawn = {
            split: {
                model: guesses(mask, skill[model], 100 * seed + 10 * (max(1, number) if model == "sam" else number) + i)
                for i, model in enumerate(MODELS)
            }
            for split, mask in masks.items()
        }
        write_models(stop, number)
        write_evaluation(stop.evaluation, ids, drawn, masks, sets)
        teacher, student = drawn["train"]["teacher"], drawn["train"]["segmenter"]
        mean = ((teacher.astype(np.int32) + student) // 2).astype(np.uint8)
        maps = {"probability": mean, "teacher": teacher, "student": student}
        write_labels(stop.labels("segmenter_labels"), ids["train"], maps)
        if stop.folder == stop.sam_folder:
            write_labels(stop.labels("sam_labels"), ids["train"], {"probability": drawn["train"]["sam"]})
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
