"""What every HDF5 artifact is made of: text, pictures and columns, one entry per image.

One picture is one chunk, compressed with gzip after the shuffle filter, which every HDF5 reader has, browsers included.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.pictures import Pictures

GZIP_LEVEL = 4
BLOCK = 64  # images at a time

U8 = NDArray[np.uint8]


def write_ids(file: h5py.Group, ids: Sequence[str]) -> None:
    """Write image ids as UTF-8 strings."""
    write_strings(file, "id", ids)


def write_strings(file: h5py.Group, name: str, values: Sequence[str]) -> None:
    """Write one UTF-8 string per image."""
    file.create_dataset(name, data=list(values), dtype=h5py.string_dtype("utf-8"), track_times=False)


def read_ids(file: h5py.Group) -> list[str]:
    """Read image ids."""
    return list(file["id"].asstr()[()])


def write_images(file: h5py.Group, name: str, pictures: Pictures, top: int = 255) -> None:
    """Write (N, H, W) or (N, H, W, 3) uint8, one picture after the other; `top` is white. See `create_images`."""
    data = create_images(file, name, pictures.shape, top)
    put_images(data, 0, pictures)


def create_images(file: h5py.Group, name: str, shape: tuple[int, ...], top: int = 255) -> h5py.Dataset:
    """An empty data set for pictures that `put_image` fills one by one.

    Args:
        file: the file or group.
        name: of the data set.
        shape: (N, H, W) or (N, H, W, 3).
        top: the value that HDF5 viewers show as white.
    """
    filters = {"compression": "gzip", "compression_opts": GZIP_LEVEL, "shuffle": True} if np.prod(shape) else {}
    chunks = (1, *shape[1:]) if filters else None
    most = shape if filters else None  # it may be cut shorter later
    data = file.create_dataset(name, shape, np.uint8, maxshape=most, chunks=chunks, track_times=False, **filters)
    _describe_image(data, top, colour=len(shape) == 4)
    return data


def put_image(data: h5py.Dataset, number: int, picture: U8) -> None:
    """Write one picture. One that is 0 everywhere takes no room: most masks and marks of a large set are."""
    if picture.any():
        data[number] = picture


def put_images(data: h5py.Dataset, first: int, pictures: Iterable[U8]) -> None:
    """Write pictures one by one, from the position `first` on."""
    for number, picture in enumerate(pictures, first):
        put_image(data, number, picture)


def write_image(file: h5py.Group, name: str, image: U8, top: int = 255) -> None:
    """Write one (H, W) or (H, W, 3) uint8 picture as a data set of its own, `top` being white."""
    data = file.create_dataset(
        name,
        data=image,
        chunks=image.shape,
        compression="gzip",
        compression_opts=GZIP_LEVEL,
        shuffle=True,
        track_times=False,
    )
    _describe_image(data, top, colour=image.ndim == 3)


def write_column(file: h5py.Group, name: str, values: NDArray[Any]) -> None:
    """Write one value (or short row) per image."""
    file.create_dataset(name, data=values, track_times=False)


def write_columns(file: h5py.Group, columns: Mapping[str, NDArray[Any]]) -> None:
    """Write float32 columns, one value per image."""
    for name, values in columns.items():
        write_column(file, name, np.asarray(values, dtype=np.float32))


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


def _describe_image(data: h5py.Dataset, top: int, *, colour: bool) -> None:
    # the HDF5 image convention: viewers show the data set as pictures
    data.attrs["CLASS"] = np.bytes_("IMAGE")
    data.attrs["IMAGE_VERSION"] = np.bytes_("1.2")
    data.attrs["IMAGE_SUBCLASS"] = np.bytes_("IMAGE_TRUECOLOR" if colour else "IMAGE_GRAYSCALE")
    if colour:
        data.attrs["INTERLACE_MODE"] = np.bytes_("INTERLACE_PIXEL")
    else:
        data.attrs["IMAGE_MINMAXRANGE"] = np.asarray([0, top], np.uint8)
