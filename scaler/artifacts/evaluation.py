"""The layout of an evaluation: scores image by image and as a whole, curves, predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import h5py
import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.hdf5 import (
    create_images,
    put_images,
    read_ids,
    write_columns,
    write_ids,
    write_images,
    write_strings,
)
from scaler.artifacts.names import CURVES, MODELS

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class SplitScores:
    """What every model scores on one split.

    Attributes:
        ids: n image ids.
        per_image: model -> metric -> (n,) float64.
        summary: model -> metric -> value for the whole split.
        curves: model -> (4, 256) float64, means over the images, rows as in `names.CURVES`.
        prediction: model -> (n, S, S) uint8 = round(255 p) at the model's size; {} where they were not kept or read.
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


class PredictionWriter:
    """Keeps the predictions of a split while they are scored, so that memory does not grow with their number.

    Args:
        file: of kind `evaluation`; `write_scores` adds the figures to it.
        split: "val" or "test".
        shape: (n, S, S).
    """

    def __init__(self, file: h5py.Group, split: str, shape: tuple[int, int, int]) -> None:
        self._group, self._shape = file.require_group(split), shape

    def put(self, model: str, first: int, predictions: U8) -> None:
        """Write the predictions of a model, (b, S, S) round(255 p), from the image number `first` on."""
        own = self._group.require_group(model)
        if "prediction" not in own:
            create_images(own, "prediction", self._shape)
        put_images(own["prediction"], first, predictions)


def write_scores(file: h5py.Group, splits: Mapping[str, SplitScores]) -> None:
    """Fill an artifact of kind `evaluation`, in which a `PredictionWriter` may have put the predictions.

    `<split>/id`, `<split>/set`; `<split>/<model>/<metric>` (n,) float32; the same group's attributes hold the split's
    summary as float64; `<split>/<model>/curve/<name>` (256,) float64; `<split>/<model>/prediction` (n, S, S) uint8;
    where there are several sets, `<split>/sets/<number>` with the attribute `name` and, by model, that set's summary as
    attributes.
    """
    for split, scores in splits.items():
        group = file.require_group(split)
        write_ids(group, scores.ids)
        write_strings(group, "set", scores.set or [""] * len(scores.ids))
        for model, columns in scores.per_image.items():
            own = group.require_group(model)
            write_columns(own, columns)
            own.attrs.update(scores.summary[model])
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
    stored = [model for model in models if "prediction" in group[model]]
    return SplitScores(
        ids=read_ids(group),
        per_image={model: _columns(group[model]) for model in models},
        summary={model: _numbers(group[model]) for model in models},
        curves={model: np.stack([group[model]["curve"][name][()] for name in CURVES]) for model in models},
        prediction={model: group[model]["prediction"][()] for model in stored if predictions},
        set=list(group["set"].asstr()[()]),
        sets={
            str(own.attrs["name"]): {model: _numbers(own[model]) for model in models}
            for own in group.get("sets", {}).values()
        },
    )


def _columns(group: h5py.Group) -> dict[str, F64]:
    data = {name: item for name, item in group.items() if isinstance(item, h5py.Dataset) and item.ndim == 1}
    return {name: item[()].astype(np.float64) for name, item in data.items()}


def _numbers(group: h5py.Group) -> dict[str, float]:
    return {name: float(value) for name, value in group.attrs.items()}
