"""The layout of trained models: tensors by the keys of their state dictionary, and the log of the training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.hdf5 import write_column

F32 = NDArray[np.float32]


def write_tensors(file: h5py.Group, name: str, tensors: Mapping[str, NDArray[Any]]) -> None:
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
