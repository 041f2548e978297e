"""Several test sets side by side: the field's tables have a row for each, never a mean over all images."""

from __future__ import annotations

from typing import Any

from scaler.metrics.names import METRICS, MODELS
from scaler.pages.report.inputs import ReportInputs
from scaler.pages.report.story import improvement, signed

SHOWN = ("s_alpha", "f_adaptive", "e_mean", "mae", "iou")


def set_tables(inputs: ReportInputs) -> list[dict[str, Any]]:
    """By model, a row per test set: how many images, and each metric at the end with its change; [] for one set."""
    first, last = (inputs.rounds[i].scores["test"] for i in (0, -1))
    if not last.sets:
        return []
    return [
        {
            "model": model,
            "title": title,
            "rows": [
                {
                    "name": name or "(no name)",
                    "count": last.set.count(name),
                    "cells": [_cell(metric, first.sets[name][model][metric], own[model][metric]) for metric in SHOWN],
                }
                for name, own in last.sets.items()
            ],
        }
        for model, title in MODELS.items()
    ]


def set_headings() -> list[str]:
    """Heading of each metric that the tables show."""
    return [METRICS[name].label + (" ↓" if METRICS[name].lower_is_better else "") for name in SHOWN]


def _cell(metric: str, start: float, value: float) -> dict[str, str]:
    better = improvement(metric, value - start)
    trend = "same" if abs(better) < 0.0005 else "better" if better > 0 else "worse"
    return {"value": f"{value:.3f}", "change": signed(value - start), "trend": trend}
