"""Writing of prepared data that are in memory, for worlds and tests."""

from __future__ import annotations

from collections.abc import Sequence

import h5py
import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.pictures import Pictures
from scaler.artifacts.splits import DataSet, DataWriter, Prepared, Row, TruthWriter


def write_data(file: h5py.File, data: DataSet) -> None:
    """Write a split."""
    side = None if data.large is None else data.large.side
    writer = DataWriter(file, len(data.ids), Prepared(data.image.shape[1], side, data.white, data.tile))
    for number, name in enumerate(data.ids):
        height, width = data.native_size[number].tolist()
        row = Row(
            id=name,
            set=data.set[number] if data.set else "",
            file=data.file[number] if data.file else "",
            image=data.image[number],
            mask=data.mask[number],
            marks=data.marks[number],
            native_size=(height, width),
            native_mask=data.native_masks[number] if number < len(data.native_masks) else None,
            large=None if data.large is None else data.large.pixels[int(data.large.rows[number])],
        )
        writer.add(row)
    writer.finish(data.labelled)


def write_truth(file: h5py.File, ids: Sequence[str], mask: Pictures, known: NDArray[np.bool_]) -> None:
    """Write the truth of the training images, (N, S, S) uint8 {0, 1}."""
    writer = TruthWriter(file, len(ids), mask.shape[1])
    for name, one, is_known in zip(ids, mask, known, strict=True):
        writer.add(name, one if is_known else None)
    writer.finish()
