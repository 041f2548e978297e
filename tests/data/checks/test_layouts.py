"""The check on the field's folders: guessed without params, searched, and reported with their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaler.data.checks.examine import examine
from scaler.data.checks.guess import guess
from tests.data import trees
from tests.data.checks.world import found_in, picture, shape, write


@pytest.mark.parametrize("name", ["cod", "pranet", "gdd", "drive", "sod"])
def test_layouts_are_guessed_and_have_no_errors(name: str, tmp_path: Path) -> None:
    root = getattr(trees, name)(tmp_path / "mine")
    findings = examine(root, None, quick=True)
    assert guess(root).layout == name
    assert findings.faults.of("error") == []
    assert set(findings.facts["splits"]) == {"train", "test"}
    assert all(row["masks"] == row["images"] for row in findings.facts["splits"].values())


def test_a_table_is_guessed(tmp_path: Path) -> None:
    for seed in range(3):
        write(tmp_path / "files" / f"i{seed}.png", picture(seed))
        write(tmp_path / "files" / f"m{seed}.png", shape(seed))
    rows = "".join(f"files/i{n}.png,files/m{n}.png,{s}\n" for n, s in enumerate(("train", "val", "test")))
    (tmp_path / "table.csv").write_text("image,mask,split\n" + rows)
    findings = examine(tmp_path, None)
    assert found_in(findings) == []
    assert {split: row["masks"] for split, row in findings.facts["splits"].items()} == dict.fromkeys(
        ("train", "val", "test"), 1
    )


def test_strangers_in_each_sets_folders_are_told(tmp_path: Path) -> None:
    root = trees.cod(tmp_path)
    (root / "TestDataset" / "CAMO" / "GT" / "notes.txt").write_text("mine")
    findings = examine(root, None, quick=True)
    assert [item[2] for item in found_in(findings) if item[1] == "stranger"] == [("TestDataset/CAMO/GT/notes.txt",)]


def test_a_validation_image_that_is_a_test_image_is_looked_at_once(tmp_path: Path) -> None:
    root = trees.cod(tmp_path)
    rules = guess(root).model_copy(update={"val": "TestDataset/CAMO/*", "paper_protocol": True})
    findings = examine(root, rules)
    assert findings.faults.of("error") == []
    assert [item.reason for item in findings.faults.items if item.kind == "val_is_test"] == [
        "1 validation images are test images (paper_protocol)"
    ]
    assert not any("between_splits" in item.kind or item.kind == "name_collision" for item in findings.faults.items)
    assert findings.facts["splits"]["test"]["images"] == 7


def test_a_group_that_is_cut_is_an_error(tmp_path: Path) -> None:
    for seed, name in enumerate(("train_p1", "val_p1", "test_p2")):
        write(tmp_path / "images" / f"{name}.png", picture(seed))
        write(tmp_path / "masks" / f"{name}.png", shape(seed))
    rules = guess(tmp_path).model_copy(update={"groups": "_(p.)"})
    (error,) = examine(tmp_path, rules).faults.of("error")
    assert "the group 'p1' is in several splits: train (train_p1), val (val_p1)" in error.reason
