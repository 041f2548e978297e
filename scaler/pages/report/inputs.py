"""What the report is made from, as plain records: no file is open and no model is needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.evaluation import SplitScores

U8 = NDArray[np.uint8]
Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Labels:
    """One cached set of pseudo-labels of the training images, all shards together.

    Attributes:
        ids: n image ids.
        maps: name -> (n, S, S) uint8 = round(255 p): "probability" (the segmenter's: the consensus) and the
            segmenter's "teacher".
        columns: "entropy", "weight", "mean_pixel_weight", "branch" -> (n,) float32.
        shard: (n,) the index in `paths` of the file that an image's label lies in.
        position: (n,) its position in that file.
        paths: the shards.
    """

    ids: list[str]
    maps: dict[str, U8]
    columns: Columns
    shard: NDArray[np.int64]
    position: NDArray[np.int64]
    paths: list[str]


@dataclass(frozen=True)
class RoundView:
    """One stop of the run: the initialization, the warm-up, or a round.

    Attributes:
        name: "init", "warm_up", "round_1", ...
        title: as a reader calls it.
        evaluation: path of its evaluation.
        scores: split -> scores ("val", "test").
        sam_labels: the labels that SAM gave after this stop's training; None at the initialization.
        segmenter_labels: likewise of the segmenter.
    """

    name: str
    title: str
    evaluation: str
    scores: dict[str, SplitScores]
    sam_labels: Labels | None = None
    segmenter_labels: Labels | None = None


@dataclass(frozen=True)
class TrainingLog:
    """The log of one training stage.

    Attributes:
        stage: its name, such as "train_segmenter".
        round: the stop that it led to: "init", "warm_up", "round_1", ...
        columns: quantity -> (epochs,) float32; "epoch" counts from 1.
    """

    stage: str
    round: str
    columns: Columns


@dataclass(frozen=True)
class Images:
    """The pictures of one split.

    Attributes:
        path: the artifact with the images.
        truth_path: the artifact with the masks.
        ids: n image ids.
        image: (n, s, s, 3) uint8 RGB, of the masks' size or already shrunk to what is shown.
        mask: (n, S, S) uint8 {0, 1}, the truth; meaningless where not `known`.
        known: (n,) bool.
        labelled: (n,) bool: whether training was given the mask.
    """

    path: str
    truth_path: str
    ids: list[str]
    image: U8
    mask: U8
    known: NDArray[np.bool_]
    labelled: NDArray[np.bool_]


@dataclass(frozen=True)
class ArtifactRow:
    """One artifact and what it is: path, kind, the stage that made it, its fingerprint."""

    path: str
    kind: str
    stage: str
    fingerprint: str


@dataclass(frozen=True)
class ReportInputs:
    """A whole run.

    Attributes:
        rounds: initialization, warm-up, and every round, in order.
        training: logs in the order of training.
        train: the training images, with the truth where it is known (read for this report only).
        test: the test images with their masks at model size.
        params: block -> values, of all stages that made these artifacts.
        artifacts: what was read.
        images: pictures per group.
    """

    rounds: list[RoundView]
    training: list[TrainingLog]
    train: Images
    test: Images
    params: dict[str, Any] = field(default_factory=dict)
    artifacts: list[ArtifactRow] = field(default_factory=list)
    images: int = 12
