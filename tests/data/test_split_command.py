"""`python -m scaler split`: lists on disk, equal to what a run would draw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from scaler.artifacts.header import Header
from scaler.artifacts.names import SCHEMA
from scaler.artifacts.sealing import sealed_hdf5
from scaler.errors import ScalerError
from tests.artifacts.writing import write_data
from tests.command import call
from tests.data.prepared import prepare

from . import trees
from .conftest import Params

Command = Callable[..., int]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    names = [f"train_{p}{n}" for p in "abcdefghij" for n in range(3)]
    trees.pairs(tmp_path / "set" / "images", tmp_path / "set" / "masks", [*names, "test_1", "val_1"])
    return tmp_path / "set"


@pytest.fixture
def split() -> Command:
    return lambda *words: call("split", *words)


def test_a_list_is_what_a_run_draws(root: Path, split: Command, params: Params) -> None:
    split(root, "--fraction", "1/5", "--seed", 7, "--out", root / "chosen.txt")
    train = prepare(root, params(labelled_fraction=0.2), 7).train
    drawn = [name for name, labelled in zip(train.ids, train.labelled, strict=True) if labelled]
    assert (root / "chosen.txt").read_text().split() == drawn
    assert len(drawn) == 6
    listed = prepare(root, params(labelled_list="chosen.txt"), 0).train
    assert listed.labelled.tolist() == train.labelled.tolist()


def test_validation_training_and_labelled_lists_fit_together(root: Path, split: Command, params: Params) -> None:
    split(root, "--fraction", "0.5", "--val-fraction", "1/5", "--groups", "train_(.)", "--out", root / "s.txt")
    train, val, labelled = (set((root / f"s{x}.txt").read_text().split()) for x in ("_train", "_val", ""))
    assert not train & val
    assert labelled < train
    assert len(train | val) == 30
    for chosen in (val, labelled):
        assert all(f"{name[:-1]}{n}" in chosen for name in chosen for n in range(3))
    rules = params(train="s_train.txt", val="s_val.txt", labelled_list="s.txt", groups="train_(.)")
    prepared = prepare(root, rules, 0)
    assert set(prepared.val.ids) == val
    assert prepared.train.labelled.sum() == len(labelled)


def test_params_are_followed(root: Path, split: Command, tmp_path: Path) -> None:
    text = Path("params.yaml").read_text()
    for old, new in (
        ('"train/*"', '"train_[ab]*"'),
        ('"val/*"', '"val_*"'),
        ('"test/*"', '"test_*"'),
        ("seed: 0", "seed: 3"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "params.yaml").write_text(text)
    split(root, "--params", tmp_path / "params.yaml", "--fraction", 1, "--out", tmp_path / "l.txt")
    assert (tmp_path / "l.txt").read_text().split() == [f"train_{p}{n}" for p in "ab" for n in range(3)]


def test_the_labelled_images_of_a_run(root: Path, split: Command, params: Params, tmp_path: Path) -> None:
    train = prepare(root, params(), 0).train
    header = Header(
        kind="data", schema=SCHEMA["data"], stage="prepare_data", output="train", arguments={}, inputs=[], params={},
        code="", versions={}, fingerprint="0" * 64,
    )  # fmt: skip
    with sealed_hdf5(tmp_path / "train.h5", header) as file:
        assert isinstance(file, h5py.File)
        write_data(file, train)
    split(tmp_path / "train.h5", "--out", tmp_path / "l.txt")
    assert (tmp_path / "l.txt").read_text().split() == [n for n, k in zip(train.ids, train.labelled, strict=True) if k]
    with pytest.raises(ScalerError, match="--fraction draws from a folder; a prepared split is only read"):
        split(tmp_path / "train.h5", "--fraction", "1/8", "--out", tmp_path / "m.txt")


def test_faults(root: Path, split: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "l.txt"
    with pytest.raises(ScalerError, match="say what to draw"):
        split(root, "--out", out)
    with pytest.raises(ScalerError, match="absent: no such folder"):
        split(root / "absent", "--fraction", "1/8", "--out", out)
    with pytest.raises(ScalerError, match="needs a part in parentheses"):
        split(root, "--fraction", "1/8", "--groups", "abc", "--out", out)
    with pytest.raises(ScalerError, match="built-in laboratory is generated"):
        split(Path("data/laboratory"), "--fraction", "1/8", "--out", out)
    for value in ("0", "9/8", "1/0", "x", "nan"):
        assert split(root, "--fraction", value, "--out", out) == 2
    assert "expected a number above 0 and at most 1" in capsys.readouterr().err
    (root / "masks" / "train_a0.png").write_bytes(b"no picture")
    with pytest.raises(ScalerError, match=r"train_a0\.png: not an image"):
        split(root, "--fraction", "1/8", "--out", out)
    (root / "masks" / "train_a0.png").unlink()
    split(root, "--fraction", "1/8", "--out", out)
    with pytest.raises(ScalerError, match=r"l\.txt: exists already"):
        split(root, "--fraction", "1/8", "--out", out)
