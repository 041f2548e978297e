"""Where everything is in a folder of results: the only place that knows, beside the Snakefile and dvc.yaml.

A *stop* is a point of the run at which both models can be looked at: the initialization, the warm-up, each round.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from scaler.artifacts.names import SPLITS, LabelKind, shard_files
from scaler.params import INIT, WARM_UP, Params, round_number

DATA = "data"
STOPS = "stops"
EVALUATION = "evaluation.h5"
TRUTH = "train_truth"


@dataclass(frozen=True)
class Stop:
    """The files of one stop.

    Attributes:
        name: "init", "warm_up", "round_1", ...
        title: as a reader calls it.
        folder: of the segmenter, its labels, and the evaluation of both models.
        sam_folder: of the SAM that is judged here, and its labels: another folder where this stop trains no SAM.
    """

    name: str
    title: str
    folder: Path
    sam_folder: Path

    @property
    def segmenter(self) -> Path:
        """The artifact with student and teacher."""
        return self.folder / "segmenter.h5"

    @property
    def sam(self) -> Path:
        """The artifact with the trained part of SAM."""
        return self.sam_folder / "sam.h5"

    @property
    def evaluation(self) -> Path:
        """The scores and predictions of both models on validation and test images."""
        return self.folder / EVALUATION

    def labels(self, kind: LabelKind) -> Path:
        """The folder with the shards of one set of pseudo-labels of the training images."""
        return (self.sam_folder if kind == "sam_labels" else self.folder) / kind


def data_file(root: Path, split: str) -> Path:
    """The prepared images of a split."""
    return root / DATA / f"{split}.h5"


def truth_file(root: Path) -> Path:
    """The masks of the training images; no training stage opens it."""
    return root / DATA / f"{TRUTH}.h5"


def stops(root: Path, rounds: Iterable[str]) -> list[Stop]:
    """The stops of a run, in order.

    Args:
        root: folder of the results.
        rounds: names of the rounds, as in `params.yaml`.
    """
    folder = root / STOPS
    listed = [
        Stop(INIT, "Initialization", folder / INIT, folder / INIT),
        Stop(WARM_UP, "Warm-up", folder / WARM_UP, folder / INIT),
    ]
    for name in sorted(rounds, key=round_number):
        listed.append(Stop(name, f"Round {round_number(name)}", folder / name, folder / name))
    return listed


def evaluated_stops(root: Path) -> list[Stop]:
    """The stops that have been evaluated so far; the initialization always belongs to them."""
    rounds = [path.name for path in (root / STOPS).glob("*") if round_number(path.name)]
    return [stop for stop in stops(root, rounds) if stop.name == INIT or stop.evaluation.exists()]


def result_files(root: Path, params: Params) -> list[Path]:
    """Every artifact of a whole run that the report and the inspection read."""
    files = [*(data_file(root, split) for split in SPLITS), truth_file(root)]
    for stop in stops(root, params.rounds):
        files += [stop.segmenter, stop.sam, stop.evaluation]
        files += shard_files(stop.labels("sam_labels"), params.shards)
        files += shard_files(stop.labels("segmenter_labels"), params.shards)
    return list(dict.fromkeys(files))  # the first SAM and its labels belong to two stops
