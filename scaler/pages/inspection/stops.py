"""The points of a run at which both models can be looked at, and the label files of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scaler.artifacts.paths import Stop as StopFiles
from scaler.artifacts.paths import evaluated_stops
from scaler.errors import ScalerError

KINDS = ("segmenter_labels", "sam_labels")
REMEDY = "Make them again with `snakemake --cores all` or `dvc repro`."


@dataclass(frozen=True)
class Shard:
    """One file of labels: the training images `first` to `last` (exclusive) lie in it."""

    path: Path
    first: int
    last: int


@dataclass(frozen=True)
class Stop:
    """A point of the run at which both models can be looked at.

    Attributes:
        files: where its artifacts lie.
        shards: kind ("sam_labels", "segmenter_labels") -> files with the training images' labels, in order; none where
            they have not been made.
    """

    files: StopFiles
    shards: dict[str, list[Shard]]

    @property
    def name(self) -> str:
        """ "init", "warm_up", "round_1", ..."""
        return self.files.name

    @property
    def title(self) -> str:
        """As a reader calls it."""
        return self.files.title

    def has(self, kind: str) -> bool:
        """Whether the training images have labels of this kind here."""
        return bool(self.shards[kind])

    def missing(self) -> list[str]:
        """What a reader will not see here, a sentence each, with the command that makes it."""
        whose = {"segmenter_labels": "the segmenter", "sam_labels": "SAM"}
        return [
            f"{self.title}: there are no labels of {whose[kind]} for the training images; "
            "`snakemake --cores all` or `dvc repro` makes them."
            for kind in KINDS
            if not self.has(kind)
        ]


def refuse_no_run(path: Path) -> None:
    """Check that a folder looks like a run's results.

    Raises:
        ScalerError: it does not; the message says where a run is, or how one is made.
    """
    if (path / "data" / "train.h5").is_file():
        return
    if (path / "results" / "data" / "train.h5").is_file():
        raise ScalerError(f"{path}: expected the folder of a run's results; take {path / 'results'}.")
    what = "there is no such folder" if not path.is_dir() else "data/train.h5 is missing in it"
    raise ScalerError(
        f"{path}: expected the folder of a run's results, but {what}. "
        "Make one with `snakemake --cores all` or `dvc repro`."
    )


def find_stops(
    results: Path, stops: Sequence[StopFiles] | None, train: Sequence[str], ids_of: Callable[[Path, str], list[str]]
) -> list[Stop]:
    """Initialization, warm-up and rounds.

    Args:
        results: the folder of all results.
        stops: which; None: all that have an evaluation.
        train: ids of the training images.
        ids_of: reads the ids of an artifact (path, kind).

    Returns:
        The stops in order; SAM's labels in the warm-up, which learned from them, are those of the initialization.

    Raises:
        ScalerError: there are label files, but not of all training images, or of others.
    """
    return [
        Stop(
            files,
            {
                "segmenter_labels": _shards(files.labels("segmenter_labels"), train, ids_of),
                "sam_labels": _shards(files.labels("sam_labels"), train, ids_of),
            },
        )
        for files in (evaluated_stops(results) if stops is None else stops)
    ]


def _shards(folder: Path, train: Sequence[str], ids_of: Callable[[Path, str], list[str]]) -> list[Shard]:
    """The label files of a folder, checked to hold the training images in their order."""
    numbered = {path.stem.removeprefix("shard_"): path for path in folder.glob("shard_*.h5")}
    names = sorted(numbered, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name))
    shards: list[Shard] = []
    first = 0
    for path in (numbered[name] for name in names):
        own = ids_of(path, folder.name)
        if own != list(train[first : first + len(own)]):
            raise ScalerError(
                f"{path}: its {len(own)} labels are not those of the training images from number {first} on: another "
                f"shard is missing, or it comes from another run. {REMEDY}"
            )
        shards.append(Shard(path, first, first + len(own)))
        first += len(own)
    if shards and first != len(train):
        raise ScalerError(f"{folder}: labels of {first} of {len(train)} training images; shards are missing. {REMEDY}")
    return shards
