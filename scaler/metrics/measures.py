"""The field's metrics of one predicted map: all of them in one call.

They equal pysodmetrics' (the field's Python toolbox) to 1e-12, which the tests hold, except in the cases below. A
prediction is never stretched unless the caller asks for it.

Every value is in [0, 1]. What happens at the edges, in all metrics alike:

* **Nothing to find, nothing found** (no object in the mask, and none in the prediction) is perfect: 1, and MAE 0. The
  toolbox gives 0 to F, weighted F, precision and recall.
* **Nothing to find, something found** is 0 in IoU, Dice, F, weighted F, precision and recall; E is the share of pixels
  called background, S is 1 minus the mean probability.
* **Something to find, nothing found** is 0 in IoU, Dice, F, weighted F, precision and recall. (The toolbox's weighted F
  of such a map is above 0 where the object touches the border.)

"Found" is what a threshold calls foreground; for weighted F, which has none, p > 0. The adaptive threshold is twice the
mean probability, and a map that is 0 everywhere finds nothing there either (the toolbox: everything, as 0 >= 0). The
means over 256 thresholds begin with p >= 0, which calls every pixel foreground.

* **E** divides by N - 1 pixels, so a perfect map would score above 1: it is clipped to 1.
* **The object's centroid in the last row or column** leaves two quadrants of S without pixels. They have weight 0; the
  toolbox gives NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scaler.errors import ScalerError
from scaler.metrics.levels import level_map
from scaler.metrics.names import CURVE_MAXIMA, CURVES, METRICS, PER_IMAGE
from scaler.metrics.overlap import binarize, dice, iou
from scaler.metrics.regions import regions
from scaler.metrics.structure import mean_absolute_error, structure
from scaler.metrics.thresholds import counts_above, counts_of_levels, e_measure, precision_recall_f
from scaler.metrics.toolbox import reference
from scaler.metrics.weighted import weighted_f
from scaler.plain import is_plain

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Score:
    """What one image scores.

    Attributes:
        metrics: `metric_names.PER_IMAGE` -> value.
        curves: (4, 256) float64, rows in the order of `metric_names.CURVES`; column t is the measure of the mask
            floor(255 p) >= t.
    """

    metrics: dict[str, float]
    curves: F64


def score(probability: NDArray[Any], mask: NDArray[Any], *, stretch: bool) -> Score:
    """Score one prediction.

    Args:
        probability: (H, W) float in [0, 1], or uint8 standing for p = value / 255.
        mask: (H, W) of {0, 1} or bool.
        stretch: min-max the prediction to [0, 1] first (a constant one stays as it is), as the tables of the field do.

    Returns:
        All metrics and curves of the image.

    Raises:
        ScalerError: shapes differ, an array is empty or not 2-D, values are out of range or not finite.
    """
    truth = _checked(probability, mask)
    predicted, true = binarize(probability), truth.view(np.bool_)  # the stretch does not move this mask
    drawn = level_map(probability, stretch=stretch)
    parts = regions(drawn, truth)
    curve = counts_of_levels(*parts.level_histograms)
    adaptive = counts_above(drawn.p, true, min(2 * float(drawn.p.mean()), 1) or 1)  # 0 everywhere finds nothing
    precision, recall, f = precision_recall_f(curve)
    e = e_measure(curve)
    values = {
        "iou": iou(predicted, true),
        "dice": dice(predicted, true),
        "s_alpha": structure(parts),
        "mae": mean_absolute_error(parts),
        "e_adaptive": e_measure(adaptive)[0],
        "e_mean": e.mean(),
        "f_adaptive": precision_recall_f(adaptive)[2][0],
        "f_mean": f.mean(),
        "f_weighted": weighted_f(drawn.p, truth),
    }
    if is_plain("metrics"):
        own, curves = reference(drawn.p, true)
        return Score({name: float((values | own)[name]) for name in PER_IMAGE}, np.stack([curves[c] for c in CURVES]))
    return Score({name: float(values[name]) for name in PER_IMAGE}, np.stack([precision, recall, f, e]))


def summarise(per_image: Mapping[str, NDArray[Any]], curves: F64) -> dict[str, float]:
    """A data set's metrics.

    Args:
        per_image: `metric_names.PER_IMAGE` -> (n,) values; the data set's value is their mean over all images.
        curves: (4, 256), mean over the images; max E and max F are the highest point of these mean curves, not the
            mean of each image's own best.

    Returns:
        Every metric of `metric_names.METRICS`.
    """
    values = {name: float(np.mean(np.asarray(per_image[name], dtype=np.float64))) for name in PER_IMAGE}
    values |= {name: float(curves[CURVES.index(curve)].max()) for name, curve in CURVE_MAXIMA.items()}
    return {name: values[name] for name in METRICS}


def _checked(probability: NDArray[Any], mask: NDArray[Any]) -> U8:
    """The mask as uint8 {0, 1}, after both were found to be what `score` expects."""
    if probability.ndim != 2 or probability.shape != mask.shape or probability.size == 0:
        raise ScalerError(
            f"metrics: expected a map and a mask of one size (H, W), got {probability.shape} and {mask.shape}. "
            "Resize the prediction to the mask first (scaler.metrics.evaluation does)."
        )
    low, high = probability.min(), probability.max()
    if probability.dtype != np.uint8 and not (low >= 0 and high <= 1):  # written so that NaN fails too
        raise ScalerError(
            f"metrics: expected probabilities in [0, 1] (or uint8), got {probability.dtype} from {low} to {high}"
            ". Pass sigmoid(logits), not logits."
        )
    if mask.min() < 0 or mask.max() > 1 or (mask.dtype.kind == "f" and not np.isin(mask, (0, 1)).all()):
        raise ScalerError(
            f"metrics: expected a mask of 0 and 1, got values from {mask.min()} to {mask.max()}. Threshold it first."
        )
    return np.ascontiguousarray(mask, np.uint8)
