"""The layout of trained models: tensors by the keys of their state dictionary, and the log of the training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.hdf5 import write_column
from scaler.artifacts.reading import open_artifact

F32 = NDArray[np.float32]
Tensors = Mapping[str, NDArray[Any]]
NETWORKS = {"segmenter": ("student", "teacher"), "sam": ("trained",)}
INPUT_SIZE = "input_size"
IMAGE_WHITE = "image_white"
TILE = "tile"
FROZEN = "frozen_weights_sha256"
EPOCHS = "epochs"
MOMENTS = "optimizer"


@dataclass(frozen=True)
class ModelInput:
    """How image files become the input of a model, as they did for its training.

    Attributes:
        size: side in pixels of the square that images are resized to.
        white: `prepare_data.image_white`: the value of images of more than 8 bits that became 255; None: the greatest
            that the file can hold.
        tile: `prepare_data.tiles`: side in pixels of the tiles that larger images were cut into; None: none.
    """

    size: int
    white: int | None = None
    tile: int | None = None


@dataclass(frozen=True)
class StoredModel:
    """What an artifact of kind `segmenter` or `sam` holds of a trained model, without its log.

    Attributes:
        networks: name -> tensors by the keys of the state dictionary: "student" and "teacher" of a segmenter;
            "trained", the part of SAM that training changed.
        input: of the images that it learned on.
        frozen_sha256: checksum of the weights file that the rest of SAM comes from; "" for a segmenter.
        epochs: that it was trained for, over all stages of the run.
        moments: Adam's at the end of the training, "<number of the parameter>.<name>" -> tensor; {} where they are not
            kept.
    """

    networks: Mapping[str, Tensors]
    input: ModelInput
    frozen_sha256: str = ""
    epochs: int = 0
    moments: Tensors = field(default_factory=dict)


def write_model(file: h5py.File, model: StoredModel, log: Sequence[Mapping[str, float]]) -> None:
    """Write a model and the log of its training, one row per epoch."""
    file.attrs[INPUT_SIZE], file.attrs[EPOCHS] = model.input.size, model.epochs
    for name, value in ((IMAGE_WHITE, model.input.white), (TILE, model.input.tile)):
        if value is not None:
            file.attrs[name] = value
    if model.frozen_sha256:
        file.attrs[FROZEN] = model.frozen_sha256
    for name, tensors in model.networks.items():
        write_tensors(file, name, tensors)
    if model.moments:
        write_tensors(file, MOMENTS, model.moments)
    write_log(file, log)


def read_model(path: Path, kind: str, *, tensors: bool = True) -> StoredModel:
    """Read a model; with `tensors=False` all but its tensors.

    Raises:
        ScalerError: the artifact is refused; see `open_artifact`.
    """
    with open_artifact(path, kind) as file:
        networks = {name: read_tensors(file, name) for name in NETWORKS[kind]} if tensors else {}
        attributes = file.attrs
        white, tile = (int(attributes[name]) if name in attributes else None for name in (IMAGE_WHITE, TILE))
        shown = ModelInput(int(attributes[INPUT_SIZE]), white, tile)
        return StoredModel(networks, shown, str(attributes.get(FROZEN, "")), int(attributes.get(EPOCHS, 0)))


def read_moments(path: Path, kind: str) -> Tensors:
    """Adam's moments beside a model; {} where they were not kept. Errors as `read_model`."""
    with open_artifact(path, kind) as file:
        return read_tensors(file, MOMENTS) if MOMENTS in file else {}


def write_tensors(file: h5py.Group, name: str, tensors: Tensors) -> None:
    """Write a group with one data set per tensor, named by its state-dict key."""
    group = file.create_group(name)
    for key, value in tensors.items():
        group.create_dataset(key, data=value, track_times=False)


def read_tensors(file: h5py.Group, name: str) -> dict[str, NDArray[Any]]:
    """Read a group that `write_tensors` wrote."""
    return {key: np.asarray(value[()]) for key, value in file[name].items()}


def write_log(file: h5py.File, rows: Sequence[Mapping[str, float]]) -> None:
    """Write the training log: one float32 column per quantity, one row per epoch; NaN where a row lacks it."""
    group = file.create_group("log")
    names = list(dict.fromkeys(name for row in rows for name in row))
    for name in names:
        write_column(group, name, np.asarray([row.get(name, np.nan) for row in rows], dtype=np.float32))


def read_log(file: h5py.File) -> dict[str, F32]:
    """Read the training log, column by column."""
    return {name: values[()] for name, values in file["log"].items()}
