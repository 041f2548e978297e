"""One run's artifacts, opened as they are needed: stops, images, and any label of any image."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.evaluation import SplitScores, read_scores
from scaler.artifacts.hdf5 import read_ids
from scaler.artifacts.header import read_header
from scaler.artifacts.names import SPLITS
from scaler.artifacts.paths import Stop as StopFiles
from scaler.artifacts.reading import open_artifact
from scaler.errors import ScalerError
from scaler.pages.inspection.stops import REMEDY, Stop, find_stops, refuse_no_run

Source = Literal["teacher", "sam", "consensus", "segmenter"]
SOURCES: tuple[Source, ...] = ("teacher", "sam", "consensus", "segmenter")
U8 = NDArray[np.uint8]
OPEN_FILES = 128  # kept open at a time
# where a source's maps of training images lie: kind of the shards, data set in them
TRAIN_MAPS: dict[Source, tuple[str, str]] = {
    "teacher": ("segmenter_labels", "teacher"),
    "sam": ("sam_labels", "probability"),
    "consensus": ("segmenter_labels", "probability"),
    "segmenter": ("segmenter_labels", "student"),
}


class Run:
    """Reads a results folder.

    Args:
        path: the folder.
        stops: those to look at; None: all that have been evaluated.

    Attributes:
        path: the folder.
        stops: initialization, warm-up and rounds, as far as the folder holds them.
        ids: of all images: training, validation, test.
        spans: split -> (first, last + 1) of its rows.
        size: side of all maps in pixels.
        params: block -> values, as the artifacts remember them; the later stop's where they differ.

    Raises:
        ScalerError: there is no run, an artifact is missing, damaged, or does not fit the others.
    """

    def __init__(self, path: Path, stops: Sequence[StopFiles] | None = None) -> None:
        refuse_no_run(path)
        self.path = path
        self._files: OrderedDict[Path, tuple[ExitStack, h5py.File]] = OrderedDict()
        self._checked: set[Path] = set()
        self._data = {split: path / "data" / f"{split}.h5" for split in SPLITS}
        self._truth = path / "data" / "train_truth.h5"
        ids = {split: self._ids(file, "data") for split, file in self._data.items()}
        self.ids = [name for split in SPLITS for name in ids[split]]
        ends = np.cumsum([len(ids[split]) for split in SPLITS]).tolist()
        self.spans = {split: (end - len(ids[split]), end) for split, end in zip(SPLITS, ends, strict=True)}
        self.size = int(self._file(self._data["train"], "data")["image"].shape[1])
        self._same_ids(self._truth, self._ids(self._truth, "truth"), "train", ids["train"])
        self.stops = find_stops(path, stops, ids["train"], self._ids)
        for stop in self.stops:
            file = self._file(stop.files.evaluation, "evaluation")
            for split in ("val", "test"):
                self._same_ids(stop.files.evaluation, read_ids(file[split]) if split in file else [], split, ids[split])
        self.params = self._params()

    def close(self) -> None:
        """Close all files."""
        while self._files:
            self._files.popitem()[1][0].close()

    def split_of(self, row: int) -> str:
        """The split that a row belongs to."""
        return next(split for split, (first, last) in self.spans.items() if first <= row < last)

    def data(self, split: str, name: str) -> NDArray[Any]:
        """A whole column of a split's data ("labelled", "native_size")."""
        return np.asarray(self._file(self._data[split], "data")[name][()])

    def sets(self, split: str) -> list[str]:
        """The set that each image of a split comes from; "" where there is only one."""
        return list(self._file(self._data[split], "data")["set"].asstr()[()])

    def files(self, split: str) -> list[str]:
        """The file of each image of a split, below the source; "" where there is none."""
        return list(self._file(self._data[split], "data")["file"].asstr()[()])

    def image(self, row: int) -> U8:
        """(S, S, 3) uint8 RGB."""
        return self._datum(row, "image")

    def marks(self, row: int) -> U8:
        """(S, S) uint8 {0 unknown, 1 foreground, 2 background}."""
        return self._datum(row, "marks")

    def truth(self, row: int) -> U8 | None:
        """(S, S) uint8 {0, 1}, or None where it is not known."""
        split = self.split_of(row)
        if split != "train":
            return self._datum(row, "mask")
        file = self._file(self._truth, "truth")
        place = row - self.spans[split][0]
        return np.asarray(file["mask"][place]) if file["known"][place] else None

    def label(self, stop: Stop, source: Source, row: int) -> U8 | None:
        """(S, S) uint8 = round(255 p) of one image at one stop; None where that source has none."""
        split = self.split_of(row)
        place = row - self.spans[split][0]
        if split != "train":
            name = f"{split}/{source}/prediction"  # of the consensus there is none: it is made for training alone
            file = self._file(stop.files.evaluation, "evaluation")
            return np.asarray(file[name][place]) if name in file else None
        kind, name = TRAIN_MAPS[source]
        shard = next((shard for shard in stop.shards[kind] if shard.first <= place < shard.last), None)
        return None if shard is None else np.asarray(self._file(shard.path, kind)[name][place - shard.first])

    def column(self, stop: Stop, kind: str, name: str) -> NDArray[np.float32] | None:
        """(n,) of the training images: entropy, weight, mean_pixel_weight or branch; None without such labels."""
        parts = [self._file(shard.path, kind)[name][()] for shard in stop.shards[kind]]
        return np.concatenate(parts) if parts else None

    def scores(self, stop: Stop) -> dict[str, SplitScores]:
        """The evaluation's figures, without predictions."""
        return read_scores(self._file(stop.files.evaluation, "evaluation"), predictions=False)

    def data_files(self) -> dict[str, Path]:
        """Split -> the file with its images; "truth" -> that with the training images' masks."""
        return self._data | {"truth": self._truth}

    def _datum(self, row: int, name: str) -> U8:
        split = self.split_of(row)
        return np.asarray(self._file(self._data[split], "data")[name][row - self.spans[split][0]])

    def _ids(self, path: Path, kind: str) -> list[str]:
        return read_ids(self._file(path, kind))

    def _file(self, path: Path, kind: str) -> h5py.File:
        """An artifact, its checksum looked at when it is opened first; the least recently used ones are closed."""
        if path not in self._files:
            stack = ExitStack()
            file = stack.enter_context(open_artifact(path, kind, verify=path not in self._checked))
            self._checked.add(path)
            self._files[path] = (stack, file)
            if len(self._files) > OPEN_FILES:
                self._files.popitem(last=False)[1][0].close()
        self._files.move_to_end(path)
        return self._files[path][1]

    def _same_ids(self, path: Path, found: list[str], split: str, expected: list[str]) -> None:
        if found != expected:
            raise ScalerError(
                f"{path}: its {len(found)} image ids are not those of {self._data[split]} ({len(expected)}), or not in "
                f"the same order: the two come from different runs. {REMEDY}"
            )

    def _params(self) -> dict[str, Any]:
        files = [self._data["train"]]
        for stop in self.stops:
            files += [stop.files.segmenter, stop.files.sam]
            files += [shard.path for shards in stop.shards.values() for shard in shards[:1]]
            files.append(stop.files.evaluation)
        merged: dict[str, Any] = {}
        for path in files:
            header = read_header(path)
            merged |= header.params if header is not None else {}
        return dict(sorted(merged.items()))
