"""The layout of pseudo-labels, which are stored as round(255 p), and how they are cut into shards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.hdf5 import create_images, put_images, read_ids, write_columns, write_ids
from scaler.artifacts.names import LabelKind
from scaler.artifacts.pictures import PictureReader
from scaler.artifacts.reading import open_artifact
from scaler.errors import Fault, ScalerError

LABEL_SCALE = 255
BRANCHES = ("normal", "difficult", "simple")  # of eq 12, by the number in the column `branch`

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]


@dataclass(frozen=True)
class LabelBatch:
    """Pseudo-labels of b images that follow each other.

    Attributes:
        maps: name -> (b, S, S) float32 probabilities in [0, 1].
        columns: name -> (b,), stored as float32.
    """

    maps: Mapping[str, F32]
    columns: Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class ShardLabels:
    """The pseudo-labels of a shard, computed batch by batch while they are written.

    Attributes:
        ids: n image ids.
        side: S.
        maps: names of the maps.
        columns: names of the columns.
        batches: the n images in their order; can be gone through once.
    """

    ids: Sequence[str]
    side: int
    maps: Sequence[str]
    columns: Sequence[str]
    batches: Iterable[LabelBatch]

    def stacked(self) -> dict[str, F32]:
        """All maps in memory: name -> (n, S, S)."""
        parts = [batch.maps for batch in self.batches]
        return {name: np.concatenate([part[name] for part in parts]) for name in self.maps}


def write_labels(file: h5py.File, labels: ShardLabels) -> None:
    """Write a shard batch by batch, so that memory does not grow with its size.

    Args:
        file: of kind `sam_labels` or `segmenter_labels`.
        labels: of the shard; a map is stored as round(255 p).
    """
    count, first = len(labels.ids), 0
    write_ids(file, labels.ids)
    maps = {name: create_images(file, name, (count, labels.side, labels.side)) for name in labels.maps}
    columns = {name: np.full(count, np.nan, np.float32) for name in labels.columns}
    for batch in labels.batches:
        for name, data in maps.items():
            put_images(data, first, to_uint8(batch.maps[name]))
        size = len(next(iter(batch.maps.values())))
        for name, column in columns.items():
            column[first : first + size] = batch.columns[name]
        first += size
    write_columns(file, columns)


def open_labels(paths: Sequence[Path], kind: LabelKind, name: str, ids: Sequence[str]) -> PictureReader:
    """The label pool: one map per training image, found by its id, read from the disk when it is indexed.

    Args:
        paths: the shards.
        kind: "sam_labels" or "segmenter_labels".
        name: of the maps, such as "probability".
        ids: the N training images.

    Returns:
        (N, S, S) uint8 = round(255 p), in each image's own frame, in the order of `ids`.

    Raises:
        ScalerError: a shard is refused, or the shards do not hold exactly the training images.
    """
    places: dict[str, tuple[int, int]] = {}
    for number, path in enumerate(paths):
        with open_artifact(path, kind) as file:
            places |= {image: (number, position) for position, image in enumerate(read_ids(file))}
    if odd := sorted(set(places) ^ set(ids)):
        reason = f"expected labels of exactly the training images, but {len(odd)} ids differ, such as {odd[0]!r}"
        remedy = "make the labels again with `snakemake --cores all` or `dvc repro`"
        raise ScalerError(Fault("labels_of_others", (paths[0].parent,), reason, remedy))
    file_of, index_of = zip(*(places[image] for image in ids), strict=True)
    return PictureReader(paths, name, file_of, index_of)


def to_uint8(probability: F32) -> U8:
    """Probabilities in [0, 1] as round(255 p)."""
    return np.rint(np.clip(probability, 0.0, 1.0) * LABEL_SCALE).astype(np.uint8)


def to_probability(label: U8) -> F32:
    """The inverse of `to_uint8`, exact to 1/510."""
    return label.astype(np.float32) / np.float32(LABEL_SCALE)


def shard_range(count: int, shards: int, shard: int) -> range:
    """Positions of the images of one shard: contiguous, sizes differing by at most one."""
    return range(count * shard // shards, count * (shard + 1) // shards)
