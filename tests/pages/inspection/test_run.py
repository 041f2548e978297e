"""What a results folder lacks, or does not fit together in it, is named; nothing else is read in its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scaler.errors import ScalerError
from scaler.pages.inspection.content import Content
from scaler.pages.inspection.run import Run
from tests.pages.inspection.world import write_evaluation, write_labels


def test_a_round_without_evaluation_is_not_yet_there(copy: Path) -> None:
    (copy / "stops" / "round_2" / "evaluation.h5").unlink()
    assert [stop.name for stop in Run(copy).stops] == ["init", "warm_up", "round_1"]


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ("data/val.h5", "snakemake --cores all"),
        ("data/train.h5", "data/train.h5 is missing"),
        ("data/train_truth.h5", "no such file"),
        ("stops/init/evaluation.h5", "expected an artifact of kind 'evaluation'"),
        ("stops/round_1/sam_labels/shard_0.h5", "another shard is missing"),
        ("stops/round_1/segmenter_labels/shard_1.h5", "labels of 3 of 7 training images; shards are missing"),
    ],
)
def test_what_is_missing_is_named(copy: Path, gone: str, said: str) -> None:
    (copy / gone).unlink()
    with pytest.raises(ScalerError, match="dvc repro") as error:
        Run(copy)
    assert said in str(error.value)


def test_no_run_at_all(results: Path, tmp_path: Path) -> None:
    with pytest.raises(ScalerError, match="there is no such folder"):
        Run(tmp_path / "nowhere")
    with pytest.raises(ScalerError, match=r"take .*results"):
        Run(results.parent)


def test_artifacts_of_other_runs_are_refused(copy: Path) -> None:
    ids = {"val": ["a", "b", "c"], "test": ["d", "e", "f", "g"]}
    stack = np.zeros((4, 32, 32), np.uint8)
    models = ("segmenter", "teacher", "sam")
    write_evaluation(
        copy / "stops" / "round_1", ids, {s: dict.fromkeys(models, stack[: len(n)]) for s, n in ids.items()}
    )
    with pytest.raises(ScalerError, match="come from different runs"):
        Run(copy)


def test_labels_of_other_images_are_refused(copy: Path) -> None:
    names = [f"train/{i:04}" for i in (0, 1, 2, 3, 4, 6, 5)]
    write_labels(copy / "stops" / "round_2", "sam_labels", names, {"probability": np.zeros((7, 32, 32), np.uint8)})
    with pytest.raises(ScalerError, match="not those of the training images from number 3 on"):
        Run(copy)


def test_a_flipped_bit_is_found(copy: Path) -> None:
    path = copy / "stops" / "round_1" / "evaluation.h5"
    damaged = bytearray(path.read_bytes())
    damaged[-100] ^= 1
    path.write_bytes(bytes(damaged))
    with pytest.raises(ScalerError, match="checksum"):
        Run(copy)


def test_more_files_than_are_kept_open(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = Content(Run(results), 32).value("table/round_2")
    monkeypatch.setattr("scaler.pages.inspection.run.OPEN_FILES", 2)
    run = Run(results)
    assert Content(run, 32).value("table/round_2") == expected
    assert len(run._files) == 2
    run.close()
    assert not run._files
