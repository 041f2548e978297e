"""What viewers of HDF5 and other programs see of an artifact."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from scaler.artifacts.hdf5 import content_digest
from scaler.artifacts.splits import DataSet
from tests.artifacts.writing import write_data


def data(**changes: object) -> DataSet:
    rng = np.random.default_rng(0)
    values: dict[str, object] = {
        "ids": ["a", "ü/b"],
        "image": rng.integers(0, 256, (2, 8, 8, 3)).astype(np.uint8),
        "mask": rng.integers(0, 2, (2, 8, 8)).astype(np.uint8),
        "labelled": np.asarray([True, False]),
        "marks": rng.integers(0, 3, (2, 8, 8)).astype(np.uint8),
        "native_size": np.asarray([[9, 7], [8, 8]], np.int32),
        "native_masks": [np.ones((9, 7), np.uint8)],
        "set": ["", "x"],
        "file": ["images/a.png", "images/ü/b.png"],
    }
    return DataSet(**(values | changes))


def written(split: DataSet) -> h5py.File:
    file = h5py.File.in_memory()
    write_data(file, split)
    return file


@pytest.mark.parametrize(
    ("name", "subclass", "top"),
    [
        ("image", b"IMAGE_TRUECOLOR", None),
        ("mask", b"IMAGE_GRAYSCALE", 1),
        ("marks", b"IMAGE_GRAYSCALE", 2),
        ("native_mask/0", b"IMAGE_GRAYSCALE", 1),
    ],
)
def test_pictures_follow_the_hdf5_image_convention(name: str, subclass: bytes, top: int | None) -> None:
    attributes = written(data())[name].attrs
    assert (attributes["CLASS"], attributes["IMAGE_VERSION"]) == (b"IMAGE", b"1.2")
    assert attributes["IMAGE_SUBCLASS"] == subclass
    if top is None:
        assert attributes["INTERLACE_MODE"] == b"INTERLACE_PIXEL"
    else:
        assert attributes["IMAGE_MINMAXRANGE"].tolist() == [0, top]


def test_the_content_is_the_values_and_nothing_else() -> None:
    first = written(data())
    first.attrs["provenance"] = "other"
    assert content_digest(first) == content_digest(written(data()))
    mask = data().mask.copy()
    mask[1, 7, 7] ^= 1
    changes: list[dict[str, object]] = [
        {"mask": mask},
        {"ids": ["a", "ü/c"]},
        {"ids": ["aü/", "b"]},
        {"labelled": np.asarray([False, True])},
        {"native_masks": [np.ones((7, 9), np.uint8)]},
    ]
    digests = {content_digest(written(data(**change))) for change in [{}, *changes]}
    assert len(digests) == len(changes) + 1
