"""What a stage learns from: a prepared split, and the label pool of its images.

Small sets are read into memory, which saves time in every epoch; the pictures of large ones stay on the disk, so that
memory does not grow with their number. The bytes of the results are the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.hdf5 import read_ids
from scaler.artifacts.labels import open_labels
from scaler.artifacts.names import LabelKind, shard_files
from scaler.artifacts.pictures import Pictures
from scaler.artifacts.reading import open_artifact
from scaler.artifacts.splits import DataSet, open_data
from scaler.errors import ScalerError

SMALL = 256 * 2**20  # bytes of pictures that are kept in memory


def load_split(path: Path) -> DataSet:
    """A prepared split.

    Raises:
        ScalerError: the artifact is refused; see `open_data`.
    """
    data = open_data(path)
    image, mask, marks = (_in_memory_if_small(pictures) for pictures in (data.image, data.mask, data.marks))
    return replace(data, image=image, mask=mask, marks=marks)


def with_labels(data: DataSet) -> DataSet:
    """The part of a split that has any label of the user's: a full mask, or at least one marked pixel.

    Raises:
        ScalerError: there is none.
    """
    chosen = np.flatnonzero(data.labelled | data.is_marked())
    if not len(chosen):
        raise ScalerError(
            "training split: expected at least one image with a mask or a mark to initialize from, but none has one. "
            "Add a mask or a mark."
        )
    return data.part(chosen)


def load_labels(folder: Path, shards: Sequence[str], kind: LabelKind, name: str, ids: Sequence[str]) -> Pictures:
    """The label pool: one map per training image, put in the order of `ids` by id, never by position.

    Args:
        folder: of the shards.
        shards: their names.
        kind: "sam_labels" or "segmenter_labels".
        name: data set to read, such as "probability".
        ids: the training images.

    Returns:
        (N, S, S) uint8, round(255 p), in each image's own frame.

    Raises:
        ScalerError: a shard is refused, or the shards do not hold exactly the training images.
    """
    return _in_memory_if_small(open_labels(shard_files(folder, shards), kind, name, ids))


def _in_memory_if_small(pictures: Pictures) -> Pictures:
    return np.asarray(pictures) if math.prod(pictures.shape) <= SMALL else pictures


def load_column(
    folder: Path, shards: Sequence[str], kind: LabelKind, name: str, ids: Sequence[str]
) -> NDArray[np.float32]:
    """(N,) float32: one value per training image, such as "agreement"; arguments as in `load_labels`."""
    values: dict[str, float] = {}
    for path in shard_files(folder, shards):
        with open_artifact(path, kind, verify=False) as file:
            values |= dict(zip(read_ids(file), file[name][()].tolist(), strict=True))
    return np.asarray([values[image] for image in ids], dtype=np.float32)
