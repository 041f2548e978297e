"""The report's tables, and the artifacts that it reads."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from scaler.artifacts.evaluation import write_scores
from scaler.artifacts.hdf5 import write_columns, write_ids, write_images
from scaler.artifacts.header import Header
from scaler.artifacts.models import write_log
from scaler.artifacts.names import SCHEMA
from scaler.artifacts.sealing import sealed_hdf5
from scaler.artifacts.splits import DataSet, write_data, write_truth
from scaler.errors import ScalerError
from scaler.metrics.names import CURVES, METRICS, MODELS
from scaler.pages.report import gather as gathering
from scaler.pages.report.gallery import galleries
from scaler.pages.report.inputs import ReportInputs
from scaler.pages.report.page import build_report
from scaler.pages.report.tables import f_measure_csv, iou_csv, metrics_json, rounds_csv, training_csv
from scaler.params import Params, load_params, wiring
from tests.conftest import ROOT
from tests.pages.report.world import make_inputs


def test_tables_are_what_the_engines_read(inputs: ReportInputs) -> None:
    values = json.loads(metrics_json(inputs))
    assert list(values) == ["final", "initialization", "gain"]
    final, start = (values[k]["test"]["segmenter"]["iou"] for k in ("final", "initialization"))
    assert values["gain"]["test"]["segmenter"]["iou"] == pytest.approx(final - start, abs=2e-6)
    rounds = pd.read_csv(io.StringIO(rounds_csv(inputs)))
    assert rounds.columns.tolist() == ["step", "round", "split", "model", *METRICS]
    assert len(rounds) == len(inputs.rounds) * 2 * len(MODELS)
    training = pd.read_csv(io.StringIO(training_csv(inputs)))
    assert training.columns.tolist()[:4] == ["stage", "round", "epoch", "loss"]
    assert len(training) == sum(len(log.columns["epoch"]) for log in inputs.training)
    warm = training[training["stage"] == "warm_up"]
    unlabelled = int((~inputs.train.labelled).sum())
    assert (warm[["n_difficult", "n_normal", "n_simple"]].sum(axis=1) == unlabelled).all()
    assert training["w_teacher"].isna().any()  # a stage without weights leaves them empty


def test_the_tables_to_plot_have_one_column_a_line(inputs: ReportInputs) -> None:
    table = pd.read_csv(io.StringIO(iou_csv(inputs)))
    assert table.columns.tolist() == ["step", "round", "segmenter", "teacher", "sam"]
    last = inputs.rounds[-1].scores["test"]
    assert table["sam"].iloc[-1] == pytest.approx(last.summary["sam"]["iou"], abs=1e-6)
    curves = pd.read_csv(io.StringIO(f_measure_csv(inputs)))
    assert len(curves) == 256
    expected = last.curves["teacher"][CURVES.index("f_measure")]
    assert curves["teacher final"].to_numpy() == pytest.approx(expected, abs=1e-6)


def seal(path: Path, kind: str) -> object:
    header = Header(
        kind, SCHEMA[kind], "a_stage", "out", {}, [], {"seed": 0, "report": {"images": 4}}, "c" * 64, {}, "f" * 64
    )
    return sealed_hdf5(path, header)


def write_run(root: Path, inputs: ReportInputs) -> None:
    """The artifacts that `gather` reads."""
    for name, images in (("train", inputs.train), ("val", inputs.test), ("test", inputs.test)):
        n, size = len(images.ids), images.image.shape[1]
        marks, native = np.zeros((n, size, size), np.uint8), np.full((n, 2), size, np.int32)
        masks = images.mask * images.labelled[:, None, None]
        with seal(root / "data" / f"{name}.h5", "data") as file:
            write_data(file, DataSet(images.ids, images.image, masks, images.labelled, marks, native, []))
    with seal(root / "data" / "train_truth.h5", "truth") as file:
        write_truth(file, inputs.train.ids, inputs.train.mask, inputs.train.known)
    for log in inputs.training:
        kind = "sam" if log.stage.endswith("sam") else "segmenter"
        names = list(log.columns)
        rows = [dict(zip(names, map(float, row), strict=True)) for row in zip(*log.columns.values(), strict=True)]
        with seal(root / "stops" / log.round / f"{kind}.h5", kind) as file:
            write_log(file, rows)
    for view in inputs.rounds:
        with seal(root / "stops" / view.name / "evaluation.h5", "evaluation") as file:
            write_scores(file, view.scores)
        for kind, labels in (("sam_labels", view.sam_labels), ("segmenter_labels", view.segmenter_labels)):
            for shard in range(2) if labels else ():
                chosen = labels.shard == shard
                stop = "init" if (view.name, kind) == ("warm_up", "sam_labels") else view.name
                with seal(root / "stops" / stop / kind / f"shard_{shard}.h5", kind) as file:
                    write_ids(file, [name for name, own in zip(labels.ids, chosen, strict=True) if own])
                    for name, stack in labels.maps.items():
                        write_images(file, name, stack[chosen])
                    write_columns(file, {name: column[chosen] for name, column in labels.columns.items()})
    shutil.copytree(root / "stops" / "warm_up" / "segmenter_labels", root / "stops" / "init" / "segmenter_labels")


def as_stored(inputs: ReportInputs) -> ReportInputs:
    """The same run with every image's metrics in single precision."""
    views = []
    for view in inputs.rounds:
        scores = {}
        for split, old in view.scores.items():
            single = {
                model: {name: column.astype(np.float32).astype(np.float64) for name, column in columns.items()}
                for model, columns in old.per_image.items()
            }
            scores[split] = dataclasses.replace(old, per_image=single)
        views.append(dataclasses.replace(view, scores=scores))
    return dataclasses.replace(inputs, rounds=views)


def test_a_run_is_read_back_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inputs: ReportInputs) -> None:
    params = load_params_of(rounds=2)
    params = params.model_copy(update={"report": params.report.model_copy(update={"images": 4})})
    monkeypatch.chdir(tmp_path)
    write_run(Path("results"), inputs)
    found = gathering.gather(Path("results"), params)
    assert [view.title for view in found.rounds] == [view.title for view in inputs.rounds]
    assert [(log.stage, log.round) for log in found.training] == [(log.stage, log.round) for log in inputs.training]
    assert found.artifacts[0].fingerprint == "f" * 64
    assert found.params["seed"] == 0
    same = dataclasses.replace(found, params=inputs.params, artifacts=inputs.artifacts)
    assert build_report(same) == build_report(as_stored(inputs))
    assert rounds_csv(same) == rounds_csv(inputs)
    assert training_csv(same) == training_csv(inputs)


def test_large_pictures_are_read_as_small_as_they_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = make_inputs(rounds=1, count=3, size=160)
    monkeypatch.chdir(tmp_path)
    write_run(Path("results"), inputs)
    params = load_params_of(rounds=1)
    found = gathering.gather(Path("results"), params)
    assert found.test.image.shape == (3, 128, 128, 3)
    assert found.rounds[0].scores["test"].prediction["sam"].shape == (3, 128, 128)
    assert found.train.mask.shape == (3, 160, 160)  # what is counted keeps its size
    for ours, theirs in zip(galleries(found), galleries(inputs), strict=True):
        assert [(c.photograph, c.truth, c.cells) for c in ours.cards] == [
            (c.photograph, c.truth, c.cells) for c in theirs.cards
        ]


def load_params_of(rounds: int) -> Params:
    """The committed parameters with so many rounds."""
    params = load_params(ROOT / "params.yaml")
    return params.model_copy(update={"rounds": wiring("paper", rounds), "shards": ["0", "1"]})


def test_labels_of_other_images_are_refused(tmp_path: Path, inputs: ReportInputs) -> None:
    write_run(tmp_path, inputs)
    path = tmp_path / "stops" / "round_1" / "sam_labels" / "shard_0.h5"
    path.unlink()
    stranger = inputs.rounds[-1].sam_labels
    assert stranger is not None
    with seal(path, "sam_labels") as file:
        write_ids(file, ["somebody", "else"])
        write_images(file, "probability", stranger.maps["probability"][:2])
        write_columns(file, {name: column[:2] for name, column in stranger.columns.items()})
    with pytest.raises(ScalerError, match="not those of"):
        gathering.gather(tmp_path, load_params_of(rounds=2))


def test_an_evaluation_without_predictions_has_no_test_pictures(inputs: ReportInputs) -> None:
    views = []
    for view in inputs.rounds:
        bare = dataclasses.replace(view.scores["test"], prediction={})
        views.append(dataclasses.replace(view, scores=view.scores | {"test": bare}))
    assert [gallery.key for gallery in galleries(dataclasses.replace(inputs, rounds=views))] == ["train"]


def test_evaluations_are_read_by_split(tmp_path: Path, inputs: ReportInputs) -> None:
    with h5py.File(tmp_path / "evaluation.h5", "w") as file:
        write_scores(file, inputs.rounds[0].scores)
    with h5py.File(tmp_path / "evaluation.h5") as file:
        assert list(gathering.read_evaluation(file)) == ["val", "test"]
