"""The layout of pseudo-labels, which are stored as round(255 p), and how they are cut into shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.hdf5 import write_columns, write_ids, write_images

LABEL_SCALE = 255

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]


def write_labels(
    file: h5py.File, ids: Sequence[str], maps: Mapping[str, F32], columns: Mapping[str, NDArray[Any]]
) -> None:
    """Write a shard of pseudo-labels.

    Args:
        file: of kind `sam_labels` or `segmenter_labels`.
        ids: n image ids.
        maps: name -> (n, S, S) float32 probabilities in [0, 1], stored as round(255 p).
        columns: name -> (n,) float32.
    """
    write_ids(file, ids)
    for name, probability in maps.items():
        write_images(file, name, to_uint8(probability))
    write_columns(file, columns)


def to_uint8(probability: F32) -> U8:
    """Probabilities in [0, 1] as round(255 p)."""
    return np.rint(np.clip(probability, 0.0, 1.0) * LABEL_SCALE).astype(np.uint8)


def to_probability(label: U8) -> F32:
    """The inverse of `to_uint8`, exact to 1/510."""
    return label.astype(np.float32) / np.float32(LABEL_SCALE)


def shard_range(count: int, shards: int, shard: int) -> range:
    """Positions of the images of one shard: contiguous, sizes differing by at most one."""
    return range(count * shard // shards, count * (shard + 1) // shards)
