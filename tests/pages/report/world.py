"""A run as the report sees it, with numbers that behave like a real run's: made from scenes, not by training."""

from __future__ import annotations

import cv2
import numpy as np

from scaler.metrics.evaluation import evaluate_split
from scaler.pages.report.inputs import ArtifactRow, Images, Labels, ReportInputs, RoundView, TrainingLog

MODELS = ("segmenter", "teacher", "sam")


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


def labels(ids: list[str], maps: dict[str, np.ndarray], folder: str, name: str) -> Labels:
    p = np.clip(maps[name] / 255, 1e-6, 1 - 1e-6)
    entropy = (-(p * np.log2(p) + (1 - p) * np.log2(1 - p))).mean(axis=(1, 2))
    half = len(ids) // 2
    columns = {
        "entropy": entropy,
        "weight": 1 - entropy,
        "mean_pixel_weight": ((2 * p - 1) ** 2).mean(axis=(1, 2)),
        "branch": np.where(entropy >= 0.8, 1, np.where(entropy <= 0.2, 2, 0)),
    }
    return Labels(
        ids=ids,
        maps=maps,
        columns={key: value.astype(np.float32) for key, value in columns.items()},
        shard=(np.arange(len(ids)) >= half).astype(np.int64),
        position=np.where(np.arange(len(ids)) < half, np.arange(len(ids)), np.arange(len(ids)) - half),
        paths=[f"{folder}/shard_{k}.h5" for k in (0, 1)],
    )


def stop_names(rounds: int) -> list[str]:
    return ["init", "warm_up", *(f"round_{number}" for number in range(1, rounds + 1))]


def training_logs(rounds: int, images: int) -> list[TrainingLog]:
    logs = [
        TrainingLog("initialize_segmenter", "init", losses(30, 1.2)),
        TrainingLog("initialize_sam", "init", losses(20, 0.8)),
    ]
    for r, name in enumerate(stop_names(rounds)[1:]):
        epochs = np.arange(20 if r == 0 else 15)
        start = 0.45 + 0.13 * r
        w_teacher = start + 0.12 * (1 - np.exp(-epochs / 5))
        simple = np.rint(images * np.clip(w_teacher - 0.35, 0, 1))
        columns = losses(len(epochs), 1.1 - 0.2 * r) | {
            "n_difficult": np.rint(3 * np.exp(-epochs / 2)) if r == 0 else np.zeros(len(epochs)),
            "n_simple": simple,
            "w_teacher": w_teacher,
            "w_sam": np.full(len(epochs), 0.55 + 0.08 * r),
            "u_teacher": w_teacher + 0.1,
            "u_sam": np.full(len(epochs), 0.63 + 0.08 * r),
            "entropy_teacher": 1 - w_teacher,
            "entropy_sam": np.full(len(epochs), 0.45 - 0.08 * r),
        }
        columns["n_normal"] = images - columns["n_difficult"] - simple
        stage = "train_segmenter" if r else "warm_up"
        logs.append(TrainingLog(stage, name, {k: v.astype(np.float32) for k, v in columns.items()}))
        if r:
            logs.append(TrainingLog("train_sam", name, losses(8, 0.6) | {"invariance": np.full(8, 0.01, np.float32)}))
    return logs


def losses(epochs: int, start: float) -> dict[str, np.ndarray]:
    k = np.arange(epochs)
    values = start * (0.3 + 0.7 * np.exp(-k / 6)) + 0.02 * np.sin(3 * k)
    return {"epoch": (k + 1).astype(np.float32), "loss": values.astype(np.float32)}


def make_inputs(
    rounds: int = 2,
    count: int = 16,
    size: int = 32,
    images: int = 4,
    test_ids: list[str] | None = None,
    sets: tuple[str, ...] = (),
) -> ReportInputs:
    """A run with `count` test images and as many training images, an eighth of these labelled."""
    splits = {name: scenes(count, size, seed) for seed, name in enumerate(("train", "val", "test"))}
    ids = {name: [f"{name}/{name}_{i:03}" for i in range(count)] for name in splits}
    ids["test"] = test_ids or ids["test"]
    views = []
    for stop, name in enumerate(stop_names(rounds)):
        skill = {"segmenter": 0.34 + 0.1 * stop, "teacher": 0.36 + 0.1 * stop, "sam": 0.5 + 0.06 * max(0, stop - 1)}
        scores = {
            split: evaluate_split(
                ids[split],
                {
                    model: guesses(splits[split][1], skill[model], 10 * (max(1, stop) if model == "sam" else stop) + m)
                    for m, model in enumerate(MODELS)
                },
                list(splits[split][1]),
                stretch=False,
                sets=[sets[i % len(sets)] for i in range(count)] if sets else (),
            )
            for split in ("val", "test")
        }
        teacher, student, sam = (
            guesses(splits["train"][1], skill[m], 50 + stop) for m in ("teacher", "segmenter", "sam")
        )
        consensus = ((teacher.astype(int) + student) // 2).astype(np.uint8)
        folder = f"results/stops/{name}"
        sam_folder = "results/stops/init" if name == "warm_up" else folder
        views.append(
            RoundView(
                name=name,
                title="Initialization" if stop == 0 else "Warm-up" if stop == 1 else f"Round {stop - 1}",
                evaluation=f"{folder}/evaluation.h5",
                scores=scores,
                sam_labels=labels(ids["train"], {"probability": sam}, f"{sam_folder}/sam_labels", "probability")
                if stop
                else None,
                segmenter_labels=labels(
                    ids["train"],
                    {"probability": consensus, "teacher": teacher, "student": student},
                    f"{folder}/segmenter_labels",
                    "teacher",
                )
                if stop
                else None,
            )
        )
    known = np.ones(count, dtype=bool)
    labelled = np.arange(count) % 8 == 0
    train, test = splits["train"], splits["test"]
    return ReportInputs(
        rounds=views,
        training=training_logs(rounds, int((~labelled).sum())),
        train=Images("results/data/train.h5", "results/data/train_truth.h5", ids["train"], *train, known, labelled),
        test=Images("results/data/test.h5", "results/data/test.h5", ids["test"], *test, known, known),
        params={"seed": 0, "weighting": {"difficult_entropy": 0.8, "simple_entropy": 0.2}, "train_sam": {"epochs": 8}},
        artifacts=[ArtifactRow("results/data/train.h5", "data", "prepare_data", "ab" * 32)],
        images=images,
    )
