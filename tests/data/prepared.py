"""Prepared data in memory, as the stage writes them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.hdf5 import read_ids
from scaler.artifacts.large import LargeImages
from scaler.artifacts.reading import open_artifact
from scaler.artifacts.splits import DataSet, open_data
from scaler.data import dataset
from scaler.data.entries import Generate
from scaler.errors import Fault
from scaler.params import PrepareDataParams
from tests.artifacts.world import seal

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Truth:
    """N ids, (N, S, S) masks, and (N,) whether each is known."""

    ids: list[str]
    mask: NDArray[np.uint8]
    known: NDArray[np.bool_]


@dataclass(frozen=True)
class Prepared:
    """The three splits, the training split's truth, and what was left out."""

    train: DataSet
    val: DataSet
    test: DataSet
    truth: Truth
    left_out: list[Fault]


def prepare(source: Path, params: PrepareDataParams, seed: int, *, generate: Generate | None = None) -> Prepared:
    """`scaler.data.dataset.prepare`, read back."""
    with TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.h5" for name in (*SPLITS, "truth")}
        with ExitStack() as stack:
            kinds = {name: "truth" if name == "truth" else "data" for name in paths}
            files = {name: stack.enter_context(seal(path, kinds[name])) for name, path in paths.items()}
            left_out = dataset.prepare(source, params, seed, files, generate=generate)
        with open_artifact(paths["truth"], "truth") as file:
            truth = Truth(read_ids(file), file["mask"][()], file["known"][()])
        return Prepared(*(_in_memory(open_data(paths[split])) for split in SPLITS), truth, left_out)


def _in_memory(data: DataSet) -> DataSet:
    pictures = {name: np.asarray(getattr(data, name)) for name in ("image", "mask", "marks")}
    large = None if data.large is None else LargeImages(list(data.large.pixels), data.large.side)
    return replace(data, **pictures, native_masks=list(data.native_masks), large=large)
