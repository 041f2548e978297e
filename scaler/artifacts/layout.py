"""The layout of every HDF5 artifact: this module alone knows names, types and shapes (documented in docs/artifacts.md).

One image is one chunk, compressed with gzip after the shuffle filter, which every HDF5 reader has, browsers included.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

GZIP_LEVEL = 4
LABEL_SCALE = 255
BLOCK = 64  # images at a time

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]


@dataclass(frozen=True)
class DataSet:
    """A prepared split, as it lies in a file of kind `data`.

    Attributes:
        ids: N image ids.
        image: (N, S, S, 3) uint8 RGB.
        mask: (N, S, S) uint8 {0, 1}; zeros where `labelled` is False.
        labelled: (N,) bool: whether a full mask may be used.
        marks: (N, S, S) uint8 {0 unknown, 1 foreground, 2 background}.
        native_size: (N, 2) int32 height and width of the image as the user brought it.
        native_masks: for validation and test, the (H, W) uint8 {0, 1} masks at native size; empty for training.
        set: N names of the set that each image belongs to, "" for a single one; or empty, which means N times "".
        file: N paths of the images below the source, "" where there is no file (the laboratory); or empty, likewise.
    """

    ids: list[str]
    image: U8
    mask: U8
    labelled: NDArray[np.bool_]
    marks: U8
    native_size: NDArray[np.int32]
    native_masks: list[U8]
    set: list[str] = field(default_factory=list)
    file: list[str] = field(default_factory=list)


def write_data(file: h5py.File, data: DataSet) -> None:
    """Write a split."""
    write_ids(file, data.ids)
    write_images(file, "image", data.image)
    write_images(file, "mask", data.mask, top=1)
    write_images(file, "marks", data.marks, top=2)
    write_column(file, "labelled", data.labelled)
    write_column(file, "native_size", data.native_size)
    write_strings(file, "set", data.set or [""] * len(data.ids))
    write_strings(file, "file", data.file or [""] * len(data.ids))
    group = file.create_group("native_mask")
    for number, mask in enumerate(data.native_masks):  # by position, since an id may hold a slash
        write_image(group, str(number), mask, top=1)


def read_data(file: h5py.File) -> DataSet:
    """Read a split as a whole."""
    group = file["native_mask"]
    return DataSet(
        ids=read_ids(file),
        image=file["image"][()],
        mask=file["mask"][()],
        labelled=file["labelled"][()],
        marks=file["marks"][()],
        native_size=file["native_size"][()],
        native_masks=[group[str(number)][()] for number in range(len(group))],
        set=list(file["set"].asstr()[()]),
        file=list(file["file"].asstr()[()]),
    )


def content_digest(file: h5py.File) -> str:
    """SHA-256 (hex) over names, types, shapes and values of all data sets; attributes take no part."""
    names: list[str] = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    whole = hashlib.sha256()
    for name in sorted(names):
        data = file[name]
        text = h5py.check_string_dtype(data.dtype) is not None
        whole.update(f"{name}\0{'text' if text else data.dtype.str}\0{data.shape}\n".encode())
        if text:
            whole.update(json.dumps(list(data.asstr()[()])).encode())
            continue
        for first in range(0, len(data) if data.shape else 1, BLOCK):
            part = data[first : first + BLOCK] if data.shape else data[()]
            whole.update(np.ascontiguousarray(part).tobytes())
    return whole.hexdigest()


def write_truth(file: h5py.File, ids: Sequence[str], mask: U8, known: NDArray[np.bool_]) -> None:
    """Write the truth of the training images, (N, S, S) uint8 {0, 1}, for evaluation and report only."""
    write_ids(file, ids)
    write_images(file, "mask", mask, top=1)
    write_column(file, "known", known)


def write_ids(file: h5py.Group, ids: Sequence[str]) -> None:
    """Write image ids as UTF-8 strings."""
    write_strings(file, "id", ids)


def write_strings(file: h5py.Group, name: str, values: Sequence[str]) -> None:
    """Write one UTF-8 string per image."""
    file.create_dataset(name, data=list(values), dtype=h5py.string_dtype("utf-8"), track_times=False)


def read_ids(file: h5py.Group) -> list[str]:
    """Read image ids."""
    return list(file["id"].asstr()[()])


def write_images(file: h5py.Group, name: str, stack: U8, top: int = 255) -> None:
    """Write (N, H, W) or (N, H, W, 3) uint8, one image a chunk, marked as images for HDF5 viewers: `top` is white."""
    chunks = (1, *stack.shape[1:]) if stack.size else None
    data = file.create_dataset(
        name,
        data=stack,
        chunks=chunks,
        compression="gzip" if chunks else None,
        compression_opts=GZIP_LEVEL if chunks else None,
        shuffle=bool(chunks),
        track_times=False,
    )
    _describe_image(data, top, colour=stack.ndim == 4)


def write_image(file: h5py.Group, name: str, image: U8, top: int = 255) -> None:
    """Write one (H, W) uint8 map as a data set of its own, `top` being white."""
    data = file.create_dataset(
        name,
        data=image,
        chunks=image.shape,
        compression="gzip",
        compression_opts=GZIP_LEVEL,
        shuffle=True,
        track_times=False,
    )
    _describe_image(data, top, colour=False)


def write_column(file: h5py.Group, name: str, values: NDArray[Any]) -> None:
    """Write one value (or short row) per image."""
    file.create_dataset(name, data=values, track_times=False)


def write_columns(file: h5py.Group, columns: Mapping[str, NDArray[Any]]) -> None:
    """Write float32 columns, one value per image."""
    for name, values in columns.items():
        write_column(file, name, np.asarray(values, dtype=np.float32))


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


def to_uint8(probability: F32) -> U8:
    """Probabilities in [0, 1] as round(255 p)."""
    return np.rint(np.clip(probability, 0.0, 1.0) * LABEL_SCALE).astype(np.uint8)


def to_probability(label: U8) -> F32:
    """The inverse of `to_uint8`, exact to 1/510."""
    return label.astype(np.float32) / np.float32(LABEL_SCALE)


def shard_range(count: int, shards: int, shard: int) -> range:
    """Positions of the images of one shard: contiguous, sizes differing by at most one."""
    return range(count * shard // shards, count * (shard + 1) // shards)


def _describe_image(data: h5py.Dataset, top: int, *, colour: bool) -> None:
    # the HDF5 image convention: viewers show the data set as pictures
    data.attrs["CLASS"] = np.bytes_("IMAGE")
    data.attrs["IMAGE_VERSION"] = np.bytes_("1.2")
    data.attrs["IMAGE_SUBCLASS"] = np.bytes_("IMAGE_TRUECOLOR" if colour else "IMAGE_GRAYSCALE")
    if colour:
        data.attrs["INTERLACE_MODE"] = np.bytes_("INTERLACE_PIXEL")
    else:
        data.attrs["IMAGE_MINMAXRANGE"] = np.asarray([0, top], np.uint8)
