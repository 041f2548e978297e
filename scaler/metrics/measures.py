"""The field's metrics of one predicted map, by pysodmetrics; IoU and Dice beside them.

Nothing is stretched unless the caller asks: pysodmetrics would min-max every prediction by itself (`normalize=True`,
its default), which turns a pale map that finds nothing into a confident one. Here `stretch` says so by name.

What happens at the edges:

* **No object in the mask.** MAE is the mean probability and S is 1 minus it. E is the share of pixels called
  background. Every F-measure, weighted F, precision and recall is 0 whatever was predicted (there is nothing to
  recall), as in pysodmetrics and the tables of the field. IoU and Dice are 1 if the prediction is empty too, else 0.
* **A prediction that is 0 everywhere.** The adaptive threshold is twice the mean, so 0, and p >= 0 holds everywhere:
  the adaptive measures see a prediction that is all foreground. That is the definition; the mean and maximum don't
  have this quirk.
* **E slightly above 1.** Its definition divides by N - 1 pixels, so a perfect map has E = N / (N - 1).
* **The object's centroid in the last row or column.** Then two of the four quadrants of S are empty; pysodmetrics
  takes the mean of nothing and gives NaN. A quadrant without pixels has weight 0, so its score is taken as 0, which
  changes no other term.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from py_sod_metrics import MAE, Emeasure, FmeasureHandler, FmeasureV2, PrecisionHandler, RecallHandler, Smeasure
from py_sod_metrics import WeightedFmeasure as WeightedF

from scaler.errors import ScalerError
from scaler.metrics.names import CURVE_MAXIMA, CURVES, METRICS, PER_IMAGE
from scaler.metrics.overlap import binarize, dice, iou

F64 = NDArray[np.float64]
ALPHA = 0.5
BETA_SQUARED = 0.3


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


class _Structure(Smeasure):  # type: ignore[misc]
    def ssim(self, pred: F64, gt: NDArray[np.bool_]) -> float:
        """Similarity in one quadrant; 0 in one without pixels, whose weight is 0."""
        return float(super().ssim(pred, gt)) if pred.size else 0.0


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
    p, truth = _checked(probability, mask)
    if stretch:
        p = stretched(p)
    structure, alignment, weighted, error = _Structure(ALPHA), Emeasure(), WeightedF(), MAE()
    overlap = FmeasureV2(
        {
            "f": FmeasureHandler(with_dynamic=True, with_adaptive=True, beta=BETA_SQUARED),
            "precision": PrecisionHandler(with_dynamic=True, with_adaptive=False),
            "recall": RecallHandler(with_dynamic=True, with_adaptive=False),
        }
    )
    for metric in (structure, alignment, weighted, error, overlap):
        metric.step(p, truth, normalize=False)
    f, e = overlap.get_results(), alignment.get_results()["em"]
    dynamic = (f["precision"]["dynamic"], f["recall"]["dynamic"], f["f"]["dynamic"], e["curve"])
    curves = np.stack([np.asarray(curve, dtype=np.float64)[::-1] for curve in dynamic])  # the library counts downwards
    predicted = binarize(p)
    values = {
        "iou": iou(predicted, truth),
        "dice": dice(predicted, truth),
        "s_alpha": structure.get_results()["sm"],
        "mae": error.get_results()["mae"],
        "e_adaptive": e["adp"],
        "e_mean": curves[3].mean(),
        "f_adaptive": f["f"]["adaptive"],
        "f_mean": curves[2].mean(),
        "f_weighted": weighted.get_results()["wfm"],
    }
    return Score({name: float(values[name]) for name in PER_IMAGE}, curves)


def stretched(p: F64) -> F64:
    """Min-max of one map to [0, 1]; a constant map is returned as it is."""
    low, high = p.min(), p.max()
    return (p - low) / (high - low) if high > low else p


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


def _checked(probability: NDArray[Any], mask: NDArray[Any]) -> tuple[F64, NDArray[np.bool_]]:
    if probability.ndim != 2 or probability.shape != mask.shape or probability.size == 0:
        raise ScalerError(
            f"metrics: expected a map and a mask of one size (H, W), got {probability.shape} and {mask.shape}. "
            "Resize the prediction to the mask first (scaler.metrics.evaluation does)."
        )
    p = probability.astype(np.float64)
    if probability.dtype == np.uint8:
        p = p / 255
    if not (p.min() >= 0 and p.max() <= 1):  # written so that NaN fails too
        raise ScalerError(
            f"metrics: expected probabilities in [0, 1] (or uint8), got {probability.dtype} from {p.min()} to {p.max()}"
            ". Pass sigmoid(logits), not logits."
        )
    if mask.dtype != np.bool_ and not np.isin(mask, (0, 1)).all():
        raise ScalerError(f"metrics: expected a mask of 0 and 1, got values up to {mask.max()}. Threshold it first.")
    return p, mask.astype(np.bool_)
