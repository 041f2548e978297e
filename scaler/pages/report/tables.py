"""The tables beside the report: for `dvc metrics`, `dvc plots` and whoever reads CSV."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scaler.artifacts.evaluation import SplitScores
from scaler.metrics.names import CURVES, METRICS, MODELS, THRESHOLDS
from scaler.metrics.scores import summaries, to_csv, to_json
from scaler.pages.report.cold import cold_start_csv
from scaler.pages.report.inputs import ReportInputs, RoundView

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
            "final": {split: summaries(scores) for split, scores in last.items()},
            "initialization": {split: summaries(scores) for split, scores in first.items()},
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


def iou_csv(inputs: ReportInputs) -> str:
    """step, round, and the test split's IoU of each model: one column a line in a plot, as `dvc plots` wants it."""
    rows = [
        {"step": step, "round": view.name} | {model: summary["iou"] for model, summary in _test(view).summary.items()}
        for step, view in enumerate(inputs.rounds)
    ]
    return to_csv(pd.DataFrame(rows, columns=["step", "round", *MODELS]))


def f_measure_csv(inputs: ReportInputs) -> str:
    """threshold (0 to 255), and the test split's mean F-measure of each model at the first and the last step."""
    row = CURVES.index("f_measure")
    columns = {
        f"{model} {name}": curve[row]
        for name, view in (("initialization", inputs.rounds[0]), ("final", inputs.rounds[-1]))
        for model, curve in _test(view).curves.items()
    }
    return to_csv(pd.DataFrame({"threshold": np.arange(THRESHOLDS)} | columns))


def _test(view: RoundView) -> SplitScores:
    return view.scores["test"]


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
        "iou.csv": iou_csv(inputs),
        "f_measure.csv": f_measure_csv(inputs),
        "cold_start.csv": cold_start_csv(inputs),
    }
