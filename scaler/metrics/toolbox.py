"""pysodmetrics' values of one map, as `scaler.metrics.measures.score` names them: what these are tested against."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from scaler.errors import ScalerError
from scaler.metrics.names import CURVES
from scaler.plain import VARIABLE

F64 = NDArray[np.float64]


def reference(p: F64, truth: NDArray[np.bool_]) -> tuple[dict[str, float], dict[str, F64]]:
    """Metrics and curves of p, (H, W) in [0, 1], against a mask; nothing is stretched, warnings are silenced.

    Raises:
        ScalerError: the package is not installed.
    """
    try:
        import py_sod_metrics as sod
    except ImportError:
        raise ScalerError(
            f"{VARIABLE}: metrics need the package pysodmetrics. Install it, or leave them out."
        ) from None
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
    values = {
        "s_alpha": structure.get_results()["sm"],
        "mae": error.get_results()["mae"],
        "e_adaptive": e["adp"],
        "f_adaptive": f["f"]["adaptive"],
        "f_weighted": weighted.get_results()["wfm"],
    }
    curves = {name: np.asarray(curve)[::-1] for name, curve in zip(CURVES, dynamic, strict=True)}
    values |= {"e_mean": curves["e_measure"].mean(), "f_mean": curves["f_measure"].mean()}
    return {name: float(value) for name, value in values.items()}, curves
