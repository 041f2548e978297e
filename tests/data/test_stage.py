"""The stage checks the data first: warnings go to the log, errors stop it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from scaler.artifacts.names import LEFT_OUT
from scaler.artifacts.splits import open_data
from scaler.errors import ScalerError
from scaler.pipeline.job import run_stage
from stages import prepare_data
from tests.data.checks.world import picture, shape, write
from tests.engines.tree import Tree, make_tree

OUT = ["--train", "d/train.h5", "--val", "d/val.h5", "--test", "d/test.h5", "--truth", "d/truth.h5"]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A project whose data are a user's: two images a split, of which a test image is a training image too."""
    tree = make_tree(tmp_path / "tree")
    values = tree.params()
    values["prepare_data"] |= {"source": "data/own", "train": "train_*", "val": "val_*", "test": "test_*", "size": 32}
    tree.write_params(values)
    for number, name in enumerate(("train_a", "train_b", "val_a", "val_b", "test_a")):
        write(tree.root / "data/own/images" / f"{name}.png", picture(number))
        write(tree.root / "data/own/masks" / f"{name}.png", shape(number))
    write(tree.root / "data/own/images/test_b.png", picture(0))
    write(tree.root / "data/own/masks/test_b.png", shape(0))
    monkeypatch.chdir(tree.root)
    return tree


def test_warnings_are_told_and_do_not_stop(own: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    run_stage("prepare_data", prepare_data.main, ["--source", "data/own", *OUT])
    told = capsys.readouterr().out
    assert "images/test_b.png, images/train_a.png: the same picture in two splits" in told
    assert "The data can be used" in told
    assert (own.root / "d" / "train.h5").is_file()


def test_what_skip_broken_leaves_out_is_listed(own: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    values = own.params()
    values["prepare_data"] |= {"skip_broken": True}
    own.write_params(values)
    (own.root / "data/own/masks/train_a.png").write_bytes(b"no picture")
    (own.root / "data/own/images/val_a.png").write_bytes(b"")
    write(own.root / "data/own/images/val_b.png", picture(9))
    write(own.root / "data/own/masks/val_b.png", shape(9))
    run_stage("prepare_data", prepare_data.main, ["--source", "data/own", *OUT])
    with (own.root / "d" / LEFT_OUT).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["entry"], row["images"]) for row in rows] == [
        ("masks/train_a.png", "train_a"),
        ("images/val_a.png", "val_a"),
    ]
    assert "skip_broken" in rows[0]["remedy"]
    assert "masks/train_a.png" in capsys.readouterr().out
    data = open_data(own.root / "d" / "train.h5")
    assert data.labelled[data.ids.index("train_a")] == 0


def test_errors_stop_before_anything_is_written(own: Tree) -> None:
    (own.root / "data/own/masks/val_a.png").write_bytes(b"no picture")
    with pytest.raises(ScalerError, match=r"masks/val_a\.png"):
        run_stage("prepare_data", prepare_data.main, ["--source", "data/own", *OUT])
    assert not (own.root / "d").exists()
