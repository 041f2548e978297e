"""Paths as people have them: spaces and shell characters in the data set's folder and in the weights' file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.engines.test_graphs import difference
from tests.engines.tree import made, make_tree

pytestmark = pytest.mark.slow
SOURCE = "data/my (own) set; it's & co"
WEIGHTS = "my weights/nano (1) & co.safetensors"
DATA = ["results/data/test.h5", "results/data/train.h5", "results/data/train_truth.h5", "results/data/val.h5"]


def test_spaces_and_shell_characters_work_in_both_engines(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    (tree.root / "data" / "laboratory").rename(tree.root / SOURCE)
    (tree.root / WEIGHTS).parent.mkdir()
    shutil.copy(tree.root / "scaler" / "laboratory" / "nano_sam.safetensors", tree.root / WEIGHTS)
    tree.set("prepare_data", "source", SOURCE)
    tree.set("sam", "weights", WEIGHTS)
    tree.set("initialize_sam", "epochs", 0)
    assert difference(tree) == set()
    sam = "results/stops/init/sam.h5"
    assert made(tree.snakemake(sam)) == sorted([*DATA, sam])
    assert tree.planned(sam) == []
    assert made(tree.dvc("repro", "initialize_sam")) == []
    for path in (*DATA, sam):
        (tree.root / path).unlink()
    assert made(tree.dvc("repro", "initialize_sam")) == sorted([*DATA, sam])
