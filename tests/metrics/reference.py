"""pysodmetrics' values of one map, as `scaler.metrics.measures.score` names them."""

from __future__ import annotations

import warnings

import numpy as np
import py_sod_metrics as sod

CURVES = ("precision", "recall", "f_measure", "e_measure")


def reference(p: np.ndarray, truth: np.ndarray) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Metrics and curves of p in [0, 1] against a mask of bool; nothing is stretched, warnings are silenced."""
    structure, alignment, weighted, error = sod.Smeasure(), sod.Emeasure(), sod.WeightedFmeasure(), sod.MAE()
    overlap = sod.FmeasureV2(
        {
            "f": sod.FmeasureHandler(with_dynamic=True, with_adaptive=True, beta=0.3),
            "precision": sod.PrecisionHandler(with_dynamic=True, with_adaptive=False),
            "recall": sod.RecallHandler(with_dynamic=True, with_adaptive=False),
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for metric in (structure, alignment, weighted, error, overlap):
            metric.step(p, truth, normalize=False)
    f, e = overlap.get_results(), alignment.get_results()["em"]
    dynamic = (f["precision"]["dynamic"], f["recall"]["dynamic"], f["f"]["dynamic"], e["curve"])
    metrics = {
        "s_alpha": structure.get_results()["sm"],
        "mae": error.get_results()["mae"],
        "e_adaptive": e["adp"],
        "f_adaptive": f["f"]["adaptive"],
        "f_weighted": weighted.get_results()["wfm"],
    }
    curves = {name: np.asarray(curve)[::-1] for name, curve in zip(CURVES, dynamic, strict=True)}
    return {name: float(value) for name, value in metrics.items()}, curves
