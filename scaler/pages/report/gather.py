"""Reading a run's artifacts into the report's records: one function per kind of file, and `gather` for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.evaluation import SplitScores, read_scores
from scaler.artifacts.hdf5 import read_ids
from scaler.artifacts.header import read_header
from scaler.artifacts.models import read_log
from scaler.artifacts.names import shard_files
from scaler.artifacts.paths import Stop, result_files, stops
from scaler.artifacts.reading import open_artifact
from scaler.errors import ScalerError
from scaler.pages.report.inputs import ArtifactRow, Images, Labels, ReportInputs, RoundView, TrainingLog
from scaler.pages.report.pictures import shrunk
from scaler.params import INIT, Params

COLUMNS = ("entropy", "weight", "mean_pixel_weight", "branch")
LABEL_MAPS = {"sam_labels": ("probability",), "segmenter_labels": ("probability", "teacher")}
SHOWN = ("segmenter", "sam")


def gather(results: Path, params: Params) -> ReportInputs:
    """Read a whole run.

    Args:
        results: the folder of all results.
        params: blocks rounds, shards, report.

    Raises:
        ScalerError: an artifact is missing, damaged or of another kind, or ids differ between files.
    """
    data = results / "data"
    with open_artifact(data / "train.h5", "data") as file, open_artifact(data / "train_truth.h5", "truth") as truth:
        train = read_training_images(file, truth, data.as_posix())
    with open_artifact(data / "test.h5", "data") as file:
        test = read_images(file, (data / "test.h5").as_posix())
    files = result_files(results, params)
    return ReportInputs(
        rounds=[_round(stop, params.shards, train) for stop in stops(results, params.rounds)],
        training=_training(results, params),
        train=train,
        test=test,
        params=_params_of(files),
        artifacts=[_artifact_row(path) for path in files],
        images=params.report.images,
    )


def read_images(file: h5py.File, path: str) -> Images:
    """A validation or test split of kind `data`: every mask is known."""
    mask = file["mask"][()]
    known = np.ones(len(mask), dtype=bool)
    return Images(path, path, read_ids(file), read_small(file["image"]), mask, known, file["labelled"][()])


def read_training_images(file: h5py.File, truth: h5py.File, folder: str) -> Images:
    """The training split of kind `data`, its masks from the file of kind `truth`; both lie in `folder`.

    Raises:
        ScalerError: the two files name different images.
    """
    ids = read_ids(file)
    path, truth_path = f"{folder}/train.h5", f"{folder}/train_truth.h5"
    _same_ids(path, ids, truth_path, read_ids(truth))
    known = truth["known"][()].astype(bool)
    return Images(path, truth_path, ids, read_small(file["image"]), truth["mask"][()], known, file["labelled"][()])


def read_evaluation(file: h5py.File) -> dict[str, SplitScores]:
    """Kind `evaluation`: split -> scores; of the predictions those that are shown, as small as they are shown."""
    scores = read_scores(file, predictions=False)
    stored = [(model, f"test/{model}/prediction") for model in SHOWN]
    shown = {model: read_small(file[name]) for model, name in stored if name in file}
    return {split: replace(own, prediction=shown) if split == "test" else own for split, own in scores.items()}


def read_small(stack: h5py.Dataset) -> NDArray[np.uint8]:
    """Pictures one by one, shrunk to what a page shows: thousands of them at full size would not fit into memory."""
    return np.stack([shrunk(picture) for picture in stack]) if len(stack) else stack[()]


def read_labels(file: h5py.File, path: str, maps: Sequence[str]) -> Labels:
    """One shard of a label set, of kind `sam_labels` or `segmenter_labels`."""
    ids = read_ids(file)
    return Labels(
        ids=ids,
        maps={name: file[name][()] for name in maps},
        columns={name: file[name][()] for name in COLUMNS},
        shard=np.zeros(len(ids), dtype=np.int64),
        position=np.arange(len(ids)),
        paths=[path],
    )


def join_labels(parts: Sequence[Labels]) -> Labels:
    """The shards of one set, one after the other."""
    offsets = np.cumsum([0, *(len(part.paths) for part in parts)])
    return Labels(
        ids=[name for part in parts for name in part.ids],
        maps={name: np.concatenate([part.maps[name] for part in parts]) for name in parts[0].maps},
        columns={name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns},
        shard=np.concatenate([part.shard + offset for part, offset in zip(parts, offsets[:-1], strict=True)]),
        position=np.concatenate([part.position for part in parts]),
        paths=[path for part in parts for path in part.paths],
    )


def read_training_log(file: h5py.File, stage: str, round_name: str) -> TrainingLog:
    """The log of an artifact of kind `segmenter` or `sam`."""
    return TrainingLog(stage, round_name, dict(read_log(file)))


def _round(stop: Stop, shards: list[str], train: Images) -> RoundView:
    with open_artifact(stop.evaluation, "evaluation") as file:
        view = RoundView(stop.name, stop.title, stop.evaluation.as_posix(), read_evaluation(file))
    if stop.name == INIT:  # what the warm-up learns from is shown there
        return view
    return replace(
        view,
        sam_labels=_label_set(stop.labels("sam_labels"), shards, train),
        segmenter_labels=_label_set(stop.labels("segmenter_labels"), shards, train),
    )


def _label_set(folder: Path, shards: list[str], train: Images) -> Labels:
    parts = []
    for path in shard_files(folder, shards):
        with open_artifact(path, folder.name) as file:
            parts.append(read_labels(file, path.as_posix(), LABEL_MAPS[folder.name]))
    labels = join_labels(parts)
    _same_ids(folder.as_posix(), labels.ids, train.path, train.ids)
    return labels


def _training(results: Path, params: Params) -> list[TrainingLog]:
    init, warm_up, *rounds = stops(results, params.rounds)
    listed = [
        (init.segmenter, "segmenter", "initialize_segmenter", init.name),
        (init.sam, "sam", "initialize_sam", init.name),
        (warm_up.segmenter, "segmenter", "warm_up", warm_up.name),
    ]
    for stop in rounds:
        listed.append((stop.segmenter, "segmenter", "train_segmenter", stop.name))
        listed.append((stop.sam, "sam", "train_sam", stop.name))
    logs = []
    for path, kind, stage, key in listed:
        with open_artifact(path, kind) as file:
            logs.append(read_training_log(file, stage, key))
    return logs


def _params_of(files: Sequence[Path]) -> dict[str, object]:
    headers = [header for path in files if (header := read_header(path)) is not None]
    merged = {name: value for header in headers for name, value in header.params.items()}
    return dict(sorted(merged.items()))


def _artifact_row(path: Path) -> ArtifactRow:
    header = read_header(path)
    if header is None:
        raise ScalerError(f"{path}: expected an artifact, but the file does not begin with SCALER's header.")
    return ArtifactRow(path.as_posix(), header.kind, header.stage, header.fingerprint)


def _same_ids(path: str, ids: Sequence[str], other: str, expected: Sequence[str]) -> None:
    if list(ids) != list(expected):
        raise ScalerError(
            f"{path}: its {len(ids)} image ids are not those of {other} ({len(expected)}), or not in the same order. "
            "The two come from different runs: make them again with `snakemake --cores all` or `dvc repro`."
        )
