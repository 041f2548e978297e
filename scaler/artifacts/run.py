"""One reader of a whole run: its images, labels, scores and logs, image by image where they are many.

    with Run(Path("results")) as run:
        for stop in run.stops:
            print(stop.title, run.scores(stop)["test"].summary["segmenter"]["iou"])
        row = run.rows("train")[7]
        label = run.label(run.stops[-1], "teacher", row)  # (S, S) uint8, or None

Images of all splits are numbered through: a *row* is a position in `Run.ids`. Files are opened when they are first
needed, each one's checksum is verified then, and image ids are compared between files. A run of 100,000 images needs
no more memory than its ids and columns. One thread at a time may use a `Run`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.evaluation import SplitScores, read_scores
from scaler.artifacts.hdf5 import read_ids
from scaler.artifacts.header import Header, read_header
from scaler.artifacts.models import read_log
from scaler.artifacts.names import LABEL_KINDS, LABEL_MAPS, SPLITS, LabelKind, Source, find_shards, shard_files
from scaler.artifacts.open_files import OpenFiles
from scaler.artifacts.paths import Stop, data_file, evaluated_stops, stops, truth_file
from scaler.errors import Fault, ScalerError

U8 = NDArray[np.uint8]
REMEDY = "run `snakemake --cores all` or `dvc repro`"


@dataclass(frozen=True)
class Location:
    """Where one picture is stored: `h5py.File(path)[data_set][index]`."""

    path: Path
    data_set: str
    index: int


@dataclass(frozen=True)
class Shard:
    """One file of labels.

    Attributes:
        path: the file.
        first: position of its first image in the training split.
        last: position after its last image.
    """

    path: Path
    first: int
    last: int


@dataclass(frozen=True)
class TrainingLog:
    """The log of one training stage.

    Attributes:
        stage: its name, such as "train_segmenter".
        stop: the stop that the trained model is first judged at.
        columns: quantity -> (epochs,) float32; "epoch" counts from 1.
    """

    stage: str
    stop: Stop
    columns: dict[str, NDArray[np.float32]]


class Run:
    """Reads a folder of results.

    Args:
        path: the folder.
        rounds: names of the rounds to read, as in `params.yaml`; None: all that have been evaluated.
        shards: names of the label shards; None: those that the folders hold.

    Attributes:
        path: the folder.
        stops: initialization, warm-up and rounds, in order.
        ids: of all images: training, validation, test.
        size: side in pixels of the stored images and maps.

    Raises:
        ScalerError: there is no run at `path`; or an artifact is missing, damaged or does not fit the others (also
            raised later, by the methods, when they open a file for the first time).
    """

    def __init__(self, path: Path, rounds: Sequence[str] | None = None, shards: Sequence[str] | None = None) -> None:
        _refuse_no_run(path)
        self.path = path
        self.stops = evaluated_stops(path) if rounds is None else stops(path, rounds)
        self._files = OpenFiles()
        split_ids = {split: read_ids(self._files.get(data_file(path, split), "data")) for split in SPLITS}
        self.ids = [name for split in SPLITS for name in split_ids[split]]
        ends = accumulate((len(split_ids[split]) for split in SPLITS), initial=0)
        self._rows = {split: range(*span) for split, span in zip(SPLITS, pairwise(ends), strict=True)}
        self.size = int(self._files.get(data_file(path, "train"), "data")["image"].shape[1])
        self._check_ids(truth_file(path), read_ids(self._files.get(truth_file(path), "truth")), "train")
        self._shards = {
            (stop.name, kind): self._find_shards(stop.labels(kind), kind, shards)
            for stop in self.stops
            for kind in LABEL_KINDS
        }
        for stop in self.stops:
            file = self._files.get(stop.evaluation, "evaluation")
            for split in ("val", "test"):
                self._check_ids(stop.evaluation, read_ids(file[split]) if split in file else [], split)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all files; a method that is called later opens what it needs again."""
        self._files.close()

    def rows(self, split: str) -> range:
        """The rows of a split's images."""
        return self._rows[split]

    def split_of(self, row: int) -> str:
        """The split that an image belongs to."""
        return next(split for split in SPLITS if row in self._rows[split])

    def column(self, split: str, name: str) -> list[Any]:
        """One value per image of a split.

        Args:
            split: "train", "val" or "test".
            name: "labelled" (bool), "known" (bool: whether the truth is known), "native_size" ([height, width]), "set"
                or "file" (text, "" where there is none).
        """
        if name == "known":
            return self._truth()["known"][()].tolist() if split == "train" else [True] * len(self._rows[split])
        data = self._data(split)[name]
        return list(data.asstr()[()]) if h5py.check_string_dtype(data.dtype) else data[()].tolist()

    def image(self, row: int) -> U8:
        """(S, S, 3) uint8 RGB."""
        return self.read(self.image_location(row))

    def marks(self, row: int) -> U8:
        """(S, S) uint8 {0 unknown, 1 foreground, 2 background}."""
        return self.read(self._location(row, "marks"))

    def truth(self, row: int) -> U8 | None:
        """(S, S) uint8 {0, 1}, or None where it is not known."""
        location = self.truth_location(row)
        return None if location is None else self.read(location)

    def label(self, stop: Stop, source: Source, row: int) -> U8 | None:
        """What a source says of an image at a stop.

        Returns:
            (S, S) uint8 = round(255 p): the pseudo-label of a training image, the prediction for another; None where
            there is none (of the consensus there are only labels of training images).
        """
        location = self.label_location(stop, source, row)
        return None if location is None else self.read(location)

    def image_location(self, row: int) -> Location:
        """Where the image is stored."""
        return self._location(row, "image")

    def truth_location(self, row: int) -> Location | None:
        """Where the true mask is stored; None where it is not known."""
        split = self.split_of(row)
        if split != "train":
            return self._location(row, "mask")
        index = row - self._rows[split].start
        return Location(truth_file(self.path), "mask", index) if self._truth()["known"][index] else None

    def label_location(self, stop: Stop, source: Source, row: int) -> Location | None:
        """Where `label` reads from; None where there is none."""
        split = self.split_of(row)
        index = row - self._rows[split].start
        if split != "train":
            name = f"{split}/{source}/prediction"
            is_there = name in self._files.get(stop.evaluation, "evaluation")
            return Location(stop.evaluation, name, index) if is_there else None
        kind, name = LABEL_MAPS[source]
        shard = next((shard for shard in self.shards(stop, kind) if shard.first <= index < shard.last), None)
        return None if shard is None else Location(shard.path, name, index - shard.first)

    def read(self, location: Location) -> U8:
        """The picture at a location that this run has given, as it is stored."""
        return np.asarray(self._files.get(location.path)[location.data_set][location.index])

    def shards(self, stop: Stop, kind: LabelKind) -> list[Shard]:
        """The files with one kind of labels of the training images; [] where these have not been made."""
        return self._shards[stop.name, kind]

    def label_column(self, stop: Stop, kind: LabelKind, name: str) -> NDArray[np.float32] | None:
        """(n,) float32 of the training images, one of `names.LABEL_COLUMNS`; None where there are no such labels."""
        parts = [self._files.get(shard.path, kind)[name][()] for shard in self.shards(stop, kind)]
        return np.concatenate(parts) if parts else None

    def missing_labels(self) -> list[tuple[Stop, LabelKind]]:
        """The stops without labels of the training images, and of which kind."""
        return [(stop, kind) for stop in self.stops for kind in LABEL_KINDS if not self.shards(stop, kind)]

    def scores(self, stop: Stop) -> dict[str, SplitScores]:
        """Split ("val", "test") -> scores, without the predictions: `label` reads these one by one."""
        return read_scores(self._files.get(stop.evaluation, "evaluation"), predictions=False)

    def training_logs(self) -> list[TrainingLog]:
        """The logs of all training stages, in the order of training."""
        models = {path: (kind, stop) for stop in reversed(self.stops) for path, kind in _models(stop)}
        order = dict.fromkeys(path for stop in self.stops for path, _ in _models(stop))
        return [self._log(path, *models[path]) for path in order]

    @cached_property
    def headers(self) -> dict[Path, Header]:
        """File -> what made it, for every artifact of the run that is there."""
        paths = [*(data_file(self.path, split) for split in SPLITS), truth_file(self.path)]
        for stop in self.stops:
            paths += [stop.segmenter, stop.sam]
            paths += [shard.path for kind in LABEL_KINDS for shard in self.shards(stop, kind)]
            paths.append(stop.evaluation)
        found = {path: read_header(path) for path in dict.fromkeys(paths)}
        return {path: header for path, header in found.items() if header is not None}

    @cached_property
    def params(self) -> dict[str, Any]:
        """Block of `params.yaml` -> its values when the artifacts were made; the later stop's where they differ."""
        merged: dict[str, Any] = {}
        for header in self.headers.values():
            merged |= header.params
        return dict(sorted(merged.items()))

    def _data(self, split: str) -> h5py.File:
        return self._files.get(data_file(self.path, split), "data")

    def _truth(self) -> h5py.File:
        return self._files.get(truth_file(self.path), "truth")

    def _location(self, row: int, name: str) -> Location:
        split = self.split_of(row)
        return Location(data_file(self.path, split), name, row - self._rows[split].start)

    def _log(self, path: Path, kind: str, stop: Stop) -> TrainingLog:
        columns = dict(read_log(self._files.get(path, kind)))
        header = read_header(path)
        return TrainingLog(header.stage if header is not None else "", stop, columns)

    def _find_shards(self, folder: Path, kind: LabelKind, names: Sequence[str] | None) -> list[Shard]:
        """The label files of a folder, checked to hold the training images in their order."""
        train = self.ids[: len(self._rows["train"])]
        shards: list[Shard] = []
        first = 0
        for path in find_shards(folder) if names is None else shard_files(folder, names):
            found = read_ids(self._files.get(path, kind))
            last = first + len(found)
            if found != train[first:last]:
                reason = (
                    f"expected labels of the training images from number {first} on, got {len(found)} labels of "
                    "other images: an earlier shard is missing, or the file comes from another run"
                )
                raise ScalerError(Fault("labels_of_others", (path,), reason, REMEDY))
            shards.append(Shard(path, first, last))
            first = last
        if shards and first != len(train):
            reason = f"expected labels of {len(train)} training images, got {first}: shards are missing"
            raise ScalerError(Fault("shards_missing", (folder,), reason, REMEDY))
        return shards

    def _check_ids(self, path: Path, found: list[str], split: str) -> None:
        rows = self._rows[split]
        if found != self.ids[rows.start : rows.stop]:
            reason = (
                f"expected the {len(rows)} image ids of {data_file(self.path, split)} in the same order, got "
                f"{len(found)} ids that differ: the two files come from different runs"
            )
            raise ScalerError(Fault("ids_differ", (path,), reason, REMEDY))


def _models(stop: Stop) -> list[tuple[Path, str]]:
    return [(stop.segmenter, "segmenter"), (stop.sam, "sam")]


def _refuse_no_run(path: Path) -> None:
    if data_file(path, "train").is_file():
        return
    below = path / "results"
    remedy = f"give {below}" if data_file(below, "train").is_file() else REMEDY
    what = "there is no such folder" if not path.is_dir() else f"it has no {data_file(Path(), 'train').as_posix()}"
    raise ScalerError(Fault("no_run", (path,), f"expected the folder of a run's results, but {what}", remedy))
