"""Scores as the JSON and CSV files that stand beside an evaluation."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from scaler.artifacts.evaluation import SplitScores
from scaler.metrics.names import CURVES, PER_IMAGE, THRESHOLDS

DECIMALS = 6
SIDECARS = ("metrics.json", "per_image.csv", "curves.csv")


def metrics_json(splits: Mapping[str, SplitScores]) -> str:
    """{split: {model: {metric: number}}}, as `dvc metrics show` and `diff` read it; several sets under `sets`."""
    return to_json({split: summaries(scores) for split, scores in splits.items()})


def summaries(scores: SplitScores) -> dict[str, Any]:
    """The whole split by model and, where there are several sets, {"sets": {set: {model: {metric: number}}}}."""
    return scores.summary | ({"sets": scores.sets} if scores.sets else {})


def per_image_csv(splits: Mapping[str, SplitScores]) -> str:
    """One line per split, model and image: split, set, model, id, then every metric that a single image has."""
    frames = [frame.assign(split=split) for split, scores in splits.items() for frame in [per_image_frame(scores)]]
    table = pd.concat(frames, ignore_index=True)
    return to_csv(table[["split", "set", "model", "id", *PER_IMAGE]])


def curves_csv(splits: Mapping[str, SplitScores]) -> str:
    """One line per split, model and threshold (0-255): precision, recall, F and E, as `dvc plots` reads it."""
    frames = [
        pd.DataFrame(
            {"split": split, "model": model, "threshold": np.arange(THRESHOLDS)}
            | dict(zip(CURVES, curves, strict=True))
        )
        for split, scores in splits.items()
        for model, curves in scores.curves.items()
    ]
    return to_csv(pd.concat(frames, ignore_index=True))


def per_image_frame(scores: SplitScores) -> pd.DataFrame:
    """Columns set, model, id and every metric that a single image has; one row per model and image."""
    names = scores.set or [""] * len(scores.ids)
    return pd.concat(
        [
            pd.DataFrame({"set": names, "model": model, "id": scores.ids} | columns)
            for model, columns in scores.per_image.items()
        ],
        ignore_index=True,
    )


def to_csv(table: pd.DataFrame) -> str:
    """CSV with a fixed number of decimals, so that equal numbers are equal bytes."""
    buffer = io.StringIO()
    table.to_csv(buffer, index=False, float_format=f"%.{DECIMALS}f", lineterminator="\n")
    return buffer.getvalue()


def to_json(values: Mapping[str, Any]) -> str:
    """Nested numbers as JSON, rounded, in the order given."""
    return json.dumps(_rounded(values), indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    return round(float(value), DECIMALS) + 0.0  # + 0.0: no negative zero


def sidecar_texts(splits: Mapping[str, SplitScores]) -> dict[str, str]:
    """File name -> contents of what is written beside an evaluation."""
    texts = (metrics_json(splits), per_image_csv(splits), curves_csv(splits))
    return dict(zip(SIDECARS, texts, strict=True))
