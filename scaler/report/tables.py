"""The tables beside the report: for `dvc metrics`, `dvc plots` and whoever reads CSV."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scaler.metric_names import METRICS
from scaler.report.inputs import ReportInputs
from scaler.scores import SplitScores, to_csv, to_json

BRANCHES = ("difficult", "normal", "simple")
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


def metrics_json(inputs: ReportInputs) -> str:
    """{final, initialization, gain}: each {split: {model: {metric: number}}}; gain is final minus initialization."""
    first, last = (inputs.rounds[i].scores for i in (0, -1))
    gain = {split: _difference(last[split], first[split]) for split in last}
    return to_json(
        {
            "final": {split: scores.summary for split, scores in last.items()},
            "initialization": {split: scores.summary for split, scores in first.items()},
            "gain": gain,
        }
    )


def rounds_csv(inputs: ReportInputs) -> str:
    """step (0 initialization, 1 warm-up, 2 round 1, ...), round, split, model and every metric of the whole split."""
    rows = [
        {"step": step, "round": view.name, "split": split, "model": model} | summary
        for step, view in enumerate(inputs.rounds)
        for split, scores in view.scores.items()
        for model, summary in scores.summary.items()
    ]
    return to_csv(pd.DataFrame(rows, columns=["step", "round", "split", "model", *METRICS]))


def training_csv(inputs: ReportInputs) -> str:
    """stage, round, epoch, then what was logged: loss, mean weights, entropies, branch counts; empty where absent."""
    frames = []
    for log in inputs.training:
        epochs = len(log.columns.get("epoch", ()))
        values = {"stage": [log.stage] * epochs, "round": [log.round] * epochs}
        frames.append(pd.DataFrame(values | {name: column.astype(np.float64) for name, column in log.columns.items()}))
    table = pd.concat([frame for frame in frames if len(frame)] or [pd.DataFrame()], ignore_index=True)
    others = sorted(set(table.columns) - {"stage", "round", "epoch", *LOGGED})
    table = table.reindex(columns=["stage", "round", "epoch", *LOGGED, *others])
    counts = ["epoch", *(f"n_{name}" for name in BRANCHES)]
    return to_csv(table.astype(dict.fromkeys(counts, "Int64")))


def _difference(last: SplitScores, first: SplitScores) -> dict[str, dict[str, float]]:
    return {
        model: {metric: last.summary[model][metric] - first.summary[model][metric] for metric in METRICS}
        for model in last.summary
        if model in first.summary
    }


def sidecar_texts(inputs: ReportInputs) -> dict[str, str]:
    """File name -> contents of what lies beside the report."""
    return {
        "metrics.json": metrics_json(inputs),
        "rounds.csv": rounds_csv(inputs),
        "training.csv": training_csv(inputs),
    }
