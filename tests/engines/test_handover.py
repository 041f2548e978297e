"""Points 1-3: what one engine made, the other recognises, whatever the modification times say."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.engines.conftest import REPLACED
from tests.engines.tree import Tree, made

pytestmark = pytest.mark.slow


def test_dvc_takes_over_what_snakemake_built_and_both_rest(built: Tree) -> None:
    log = (built.root / "dvc.log").read_text()
    assert made(log) == []
    assert log.count("current: ") == 16
    assert built.planned() == []
    assert "up to date" in built.dvc("repro")


def test_dvc_leaves_every_artifact_in_its_place(built: Tree) -> None:
    """A file that DVC deletes and copies back is missing for a moment, in which the other engine's stages fail."""
    assert json.loads((built.root / REPLACED).read_text()) == []


def test_snakemake_ignores_modification_times(tree: Tree) -> None:
    for number, path in enumerate(sorted((tree.root / "results").rglob("*.h5"))):
        os.utime(path, (2_000_000_000 - number, 2_000_000_000 - number))
    assert tree.planned() == []


def test_artifacts_of_other_parameters_are_noticed_by_either_engine(tree: Tree) -> None:
    before = tree.artifacts()
    other = tree.params()["report"]["images"] + 1
    original = tree.params()["report"]["images"]
    tree.set("report", "images", other)
    assert made(tree.dvc("repro")) == ["results/report.html"]
    tree.set("report", "images", original)
    assert tree.planned() == ["report"]
    assert made(tree.snakemake()) == ["results/report.html"]
    assert tree.artifacts() == before
    tree.set("report", "images", other)
    assert made(tree.snakemake()) == ["results/report.html"]
    tree.set("report", "images", original)
    assert made(tree.dvc("repro")) == ["results/report.html"]
    assert tree.artifacts() == before


def test_checkout_of_an_older_state_needs_no_training(tree: Tree) -> None:
    tree.set("evaluate", "stretch", "per_image")
    assert len(made(tree.dvc("repro"))) == 5  # three evaluations, the report and the inspection page
    tree.git("commit", "--all", "--quiet", "--message", "stretched")
    tree.git("checkout", "--quiet", "HEAD~1")
    tree.dvc("checkout")
    assert tree.planned() == []
    assert "up to date" in tree.dvc("repro")


def test_a_fresh_clone_that_pulls_needs_no_training(tree: Tree, tmp_path: Path) -> None:
    assert any(len(value) > 1_000_000 for value in tree.artifacts().values())
    tree.dvc("remote", "add", "--default", "local", (tmp_path / "remote").as_posix())
    tree.dvc("push")
    tree.git("commit", "--all", "--quiet", "--message", "remote")
    tree.git("clone", "--quiet", ".", (tmp_path / "clone").as_posix())
    clone = Tree(tmp_path / "clone")
    clone.dvc("pull")
    assert clone.artifacts() == tree.artifacts()
    assert clone.planned() == []
    assert made(clone.snakemake()) == []
