"""The tables beside the report: for `dvc metrics`, `dvc plots` and readers of CSV."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from scaler.artifacts.evaluation import SplitScores
from scaler.artifacts.run import TrainingLog
from scaler.method.weighting import image_entropy
from scaler.metrics.names import CURVES, METRICS, MODELS, THRESHOLDS
from scaler.metrics.scores import summaries, to_csv, to_json
from scaler.pages.report.training import BRANCHES
from scaler.pages.table import KINDS, Measured

LOGGED = (
    "loss",
    "w_teacher",
    "w_sam",
    "u_teacher",
    "u_sam",
    "entropy_teacher",
    "entropy_sam",
    *(f"n_{name}" for name in BRANCHES),
    "invariance",
    "resistance",
    "val_iou",
)


def metrics_json(measured: Measured) -> str:
    """{final, initialization, gain}: each {split: {model: {metric: number}}}; gain is final minus initialization."""
    first, last = (measured.scores[i] for i in (0, -1))
    gain = {split: _difference(last[split], first[split]) for split in last}
    return to_json(
        {
            "final": {split: summaries(scores) for split, scores in last.items()},
            "initialization": {split: summaries(scores) for split, scores in first.items()},
            "gain": gain,
        }
    )


def rounds_csv(measured: Measured) -> str:
    """step (0 initialization, 1 warm-up, 2 round 1, ...), round, split, model and every metric of the whole split."""
    rows = [
        {"step": step, "round": stop.name, "split": split, "model": model} | summary
        for step, (stop, scores) in enumerate(zip(measured.stops, measured.scores, strict=True))
        for split, own in scores.items()
        for model, summary in own.summary.items()
    ]
    return to_csv(pd.DataFrame(rows, columns=["step", "round", "split", "model", *METRICS]))


def training_csv(logs: list[TrainingLog]) -> str:
    """stage, round, epoch, then what was logged: loss, mean weights, entropies, branch counts; empty where absent."""
    frames = []
    for log in logs:
        epochs = len(log.columns.get("epoch", ()))
        values = {"stage": [log.stage] * epochs, "round": [log.stop.name] * epochs}
        frames.append(pd.DataFrame(values | {name: column.astype(np.float64) for name, column in log.columns.items()}))
    table = pd.concat([frame for frame in frames if len(frame)] or [pd.DataFrame()], ignore_index=True)
    others = sorted(set(table.columns) - {"stage", "round", "epoch", *LOGGED})
    table = table.reindex(columns=["stage", "round", "epoch", *LOGGED, *others])
    counts = ["epoch", *(f"n_{name}" for name in BRANCHES)]
    return to_csv(table.astype(dict.fromkeys(counts, "Int64")))


def iou_csv(measured: Measured) -> str:
    """step, round, and the test split's IoU of each model: one column a line in a plot, as `dvc plots` wants it."""
    rows = [
        {"step": step, "round": stop.name} | {model: own["iou"] for model, own in scores["test"].summary.items()}
        for step, (stop, scores) in enumerate(zip(measured.stops, measured.scores, strict=True))
    ]
    return to_csv(pd.DataFrame(rows, columns=["step", "round", *MODELS]))


def f_measure_csv(measured: Measured) -> str:
    """threshold (0 to 255), and the test split's mean F-measure of each model at the first and the last step."""
    row = CURVES.index("f_measure")
    columns = {
        f"{model} {name}": curve[row]
        for name, scores in (("initialization", measured.scores[0]), ("final", measured.scores[-1]))
        for model, curve in scores["test"].curves.items()
    }
    return to_csv(pd.DataFrame({"threshold": np.arange(THRESHOLDS)} | columns))


def cold_starts(measured: Measured) -> dict[str, list[int]]:
    """Title of each stop that has labels -> rows of its cold starts among the images that learn from pseudo-labels."""
    learning = measured.learning()
    return {
        stop.title: [row for row in learning if measured.at[stop.name]["cold"][row]]
        for stop in measured.labelled_stops()
    }


def cold_start_csv(measured: Measured) -> str:
    """round, id, then area and entropy (eq 5, whole image) of teacher and SAM: one line per stop and cold start."""
    lines = []
    stops = {stop.title: stop for stop in measured.stops}
    for title, rows in cold_starts(measured).items():
        for row in rows:
            line: dict[str, str | float] = {"round": title, "id": measured.images["id"][row]}
            for source in KINDS:
                label = measured.run.label(stops[title], source, row)
                assert label is not None  # a cold start has labels of both
                probability = torch.from_numpy(label)[None, None] / 255
                line[f"{source}_area"] = measured.at[stops[title].name][f"{source}_area"][row]
                line[f"{source}_entropy"] = float(image_entropy(probability, "all"))
            lines.append(line)
    columns = ["round", "id", *(f"{source}_{name}" for source in KINDS for name in ("area", "entropy"))]
    return to_csv(pd.DataFrame(lines, columns=columns))


def _difference(last: SplitScores, first: SplitScores) -> dict[str, dict[str, float]]:
    return {
        model: {metric: last.summary[model][metric] - first.summary[model][metric] for metric in METRICS}
        for model in last.summary
        if model in first.summary
    }


def sidecar_texts(measured: Measured, logs: list[TrainingLog]) -> dict[str, str]:
    """File name -> contents of what is written beside the report."""
    return {
        "metrics.json": metrics_json(measured),
        "rounds.csv": rounds_csv(measured),
        "training.csv": training_csv(logs),
        "iou.csv": iou_csv(measured),
        "f_measure.csv": f_measure_csv(measured),
        "cold_start.csv": cold_start_csv(measured),
    }
