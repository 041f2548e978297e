"""What the report shows of the logs of all training stages."""

from __future__ import annotations

from typing import Any

import numpy as np

from scaler.artifacts.run import TrainingLog
from scaler.pages.table import Column, rounded

PHASE_ONE = ("warm_up", "train_segmenter")
BRANCHES = ("difficult", "normal", "simple")
SOURCES = {"teacher": "Teacher", "sam": "SAM"}


def branch_totals(logs: list[TrainingLog]) -> dict[str, int]:
    """How many images took each branch, summed over every epoch of Phase I."""
    columns = [log.columns for log in logs if log.stage in PHASE_ONE]
    return {
        name: int(sum(float(np.nansum(own[f"n_{name}"])) for own in columns if f"n_{name}" in own)) for name in BRANCHES
    }


def training_charts(logs: list[TrainingLog]) -> list[dict[str, Any]]:
    """Charts over the epochs, as `charts.js` draws them: branches, weights, entropies and losses."""
    phase_one = [log for log in logs if log.stage in PHASE_ONE and _epochs(log)]
    phase_two = [log for log in logs if log.stage == "train_sam" and _epochs(log)]
    charts = []
    if phase_one:
        branches = [_series(phase_one, name, name, f"n_{name}") for name in reversed(BRANCHES)]
        charts.append(_chart("shares", "Branches taken", "share of unlabelled images, eq 12", phase_one, branches))
        for title, quantity, equation in (
            ("Mean image weight", "w", "eq 4"),
            ("Mean pixel weight", "u", "eq 6"),
            ("Mean entropy", "entropy", "eq 5"),
        ):
            series = [_series(phase_one, name, source, f"{quantity}_{source}") for source, name in SOURCES.items()]
            charts.append(_chart("epochs", title, f"Phase I, {equation}", phase_one, series))
        loss = [_series(phase_one, "loss", "segmenter", "loss")]
        charts.append(_chart("epochs", "Loss of the segmenter", "Phase I", phase_one, loss))
    if phase_two:
        loss = [_series(phase_two, "loss", "sam", "loss")]
        charts.append(_chart("epochs", "Loss of SAM's adapter", "Phase II", phase_two, loss))
    return charts


def _chart(kind: str, title: str, note: str, logs: list[TrainingLog], series: list[dict[str, Any]]) -> dict[str, Any]:
    segments = [[log.stop.title, _epochs(log)] for log in logs]
    return {"kind": kind, "title": title, "note": note, "segments": segments, "series": series}


def _series(logs: list[TrainingLog], label: str, kind: str, column: str) -> dict[str, Any]:
    values: Column = []
    for log in logs:
        values += log.columns[column].tolist() if column in log.columns else [None] * _epochs(log)
    return {"label": label, "kind": kind, "values": [rounded(value, 5) for value in values]}


def _epochs(log: TrainingLog) -> int:
    return len(log.columns.get("epoch", ()))
