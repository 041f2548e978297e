"""Names and readings of the metrics, apart from their computation, so that readers need not import the library."""

from __future__ import annotations

from typing import NamedTuple

from scaler.artifacts.names import CURVES as CURVES


class Metric(NamedTuple):
    """How a metric is named and read.

    Attributes:
        label: as the field's tables head it.
        lower_is_better: True for errors.
        meaning: one line for the reader of a report.
    """

    label: str
    lower_is_better: bool
    meaning: str


METRICS: dict[str, Metric] = {
    "iou": Metric("IoU", False, "intersection over union of the mask p >= 0.5"),
    "dice": Metric("Dice", False, "overlap of the mask p >= 0.5, counted twice over the sum of both areas"),
    "s_alpha": Metric("S", False, "structure measure, alpha 0.5"),
    "mae": Metric("MAE", True, "mean absolute error of the probabilities; lower is better"),
    "e_adaptive": Metric("E adaptive", False, "alignment measure at twice the mean probability"),
    "e_mean": Metric("E mean", False, "alignment measure, mean over 256 thresholds"),
    "e_max": Metric("E max", False, "highest point of the data set's mean E curve"),
    "f_adaptive": Metric("F adaptive", False, "F-measure, beta squared 0.3, at twice the mean probability"),
    "f_mean": Metric("F mean", False, "F-measure, mean over 256 thresholds"),
    "f_max": Metric("F max", False, "highest point of the data set's mean F curve"),
    "f_weighted": Metric("F weighted", False, "weighted F-measure"),
}
CURVE_MAXIMA = {"e_max": "e_measure", "f_max": "f_measure"}
"""Metrics of a data set that no single image has: the maximum of the mean curve named here."""
PER_IMAGE = tuple(name for name in METRICS if name not in CURVE_MAXIMA)
THRESHOLDS = 256
MODELS = {"segmenter": "Segmenter", "teacher": "Teacher", "sam": "SAM"}
