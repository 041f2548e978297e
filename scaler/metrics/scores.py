"""The scores of one split: as a record, in HDF5, and as the JSON and CSV that stand beside it."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scaler.artifacts.layout import read_ids, write_columns, write_ids, write_images, write_strings
from scaler.metrics.names import CURVES, METRICS, MODELS, PER_IMAGE, THRESHOLDS

DECIMALS = 6

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class SplitScores:
    """What every model scores on one split.

    Attributes:
        ids: n image ids.
        per_image: model -> metric -> (n,) float64 (`metric_names.PER_IMAGE`).
        summary: model -> metric -> value for the whole split (`metric_names.METRICS`).
        curves: model -> (4, 256), means over the images, rows as in `metric_names.CURVES`.
        prediction: model -> (n, S, S) uint8 = round(255 p) at the model's size; {} where they were not kept.
        set: n names of the set that each image belongs to; "" where there is only one.
        sets: set -> model -> metric -> value for that set alone; {} where there is only one.
    """

    ids: list[str]
    per_image: dict[str, dict[str, F64]]
    summary: dict[str, dict[str, float]]
    curves: dict[str, F64]
    prediction: dict[str, U8]
    set: list[str] = field(default_factory=list)
    sets: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)


def write_scores(file: h5py.Group, splits: Mapping[str, SplitScores]) -> None:
    """Fill an artifact of kind `evaluation`.

    `<split>/id`, `<split>/set`; `<split>/<model>/<metric>` (n,) float32; the same group's attributes hold the split's
    summary as float64; `<split>/<model>/curve/<name>` (256,) float64; `<split>/<model>/prediction` (n, S, S) uint8;
    where there are several sets, `<split>/sets/<number>` with the attribute `name` and, by model, that set's summary as
    attributes.
    """
    for split, scores in splits.items():
        group = file.create_group(split)
        write_ids(group, scores.ids)
        write_strings(group, "set", scores.set or [""] * len(scores.ids))
        for model, columns in scores.per_image.items():
            own = group.create_group(model)
            write_columns(own, columns)
            for metric in METRICS:
                own.attrs[metric] = scores.summary[model][metric]
            curves = own.create_group("curve")
            for name, curve in zip(CURVES, scores.curves[model], strict=True):
                curves.create_dataset(name, data=curve, track_times=False)
            if model in scores.prediction:
                write_images(own, "prediction", scores.prediction[model])
        for number, (name, summary) in enumerate(scores.sets.items()):  # by number: a name may hold a slash
            own = group.create_group(f"sets/{number}")
            own.attrs["name"] = name
            for model, values in summary.items():
                own.create_group(model).attrs.update(values)


def read_scores(file: h5py.Group, *, predictions: bool = True) -> dict[str, SplitScores]:
    """Read what `write_scores` wrote, split -> scores; with `predictions=False` the figures alone."""
    return {split: _read_split(file[split], predictions) for split in ("val", "test") if split in file}


def _read_split(group: h5py.Group, predictions: bool) -> SplitScores:
    models = [model for model in MODELS if model in group]
    return SplitScores(
        ids=read_ids(group),
        per_image={m: {name: group[m][name][()].astype(np.float64) for name in PER_IMAGE} for m in models},
        summary={m: {name: float(group[m].attrs[name]) for name in METRICS} for m in models},
        curves={m: np.stack([group[m]["curve"][name][()] for name in CURVES]) for m in models},
        prediction={m: group[m]["prediction"][()] for m in models if predictions and "prediction" in group[m]},
        set=list(group["set"].asstr()[()]),
        sets={str(own.attrs["name"]): _summaries(own, models) for own in group.get("sets", {}).values()},
    )


def _summaries(group: h5py.Group, models: list[str]) -> dict[str, dict[str, float]]:
    return {model: {name: float(group[model].attrs[name]) for name in METRICS} for model in models}


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
    """File name -> contents of what lies beside an evaluation."""
    return {
        "metrics.json": metrics_json(splits),
        "per_image.csv": per_image_csv(splits),
        "curves.csv": curves_csv(splits),
    }
