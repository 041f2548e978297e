"""The layout of pseudo-labels, which are stored as round(255 p), and how they are cut into shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.hdf5 import create_images, put_image, read_ids, write_columns, write_ids, write_images
from scaler.artifacts.names import LabelKind
from scaler.artifacts.pictures import PictureReader
from scaler.artifacts.reading import open_artifact
from scaler.errors import Fault, ScalerError

LABEL_SCALE = 255
BRANCHES = ("normal", "difficult", "simple")  # of eq 12, by the number in the column `branch`

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


class LabelWriter:
    """Writes a shard of pseudo-labels image by image; as `write_labels`, for shards that do not fit into memory.

        with LabelWriter(file, ids, ("probability",), side) as writer:
            for number in range(len(ids)):
                writer.put(number, {"probability": p}, {"entropy": e, "weight": w})

    Args:
        file: of kind `sam_labels` or `segmenter_labels`.
        ids: n image ids.
        maps: names of the maps.
        side: of the maps, in pixels.
    """

    def __init__(self, file: h5py.File, ids: Sequence[str], maps: Sequence[str], side: int) -> None:
        write_ids(file, ids)
        self._file = file
        self._count = len(ids)
        self._maps = {name: create_images(file, name, (len(ids), side, side)) for name in maps}
        self._columns: dict[str, F32] = {}

    def put(self, number: int, maps: Mapping[str, F32], columns: Mapping[str, float]) -> None:
        """Write the maps of one image, (S, S) float32 in [0, 1], and its value in each column."""
        for name, data in self._maps.items():
            put_image(data, number, to_uint8(maps[name]))
        for name, value in columns.items():
            self._columns.setdefault(name, np.full(self._count, np.nan, np.float32))[number] = value

    def __enter__(self) -> LabelWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            write_columns(self._file, self._columns)


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
