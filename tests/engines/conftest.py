"""One tree is built for all engine tests; each works on a copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.tree import Tree, make_tree


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Built by Snakemake, undisturbed, then taken over by DVC and committed; never changed by a test."""
    tree = make_tree(tmp_path_factory.mktemp("built") / "tree")
    tree.snakemake()
    (tree.root / "dvc.log").write_text(tree.dvc("repro"), encoding="utf-8")
    tree.git("add", "dvc.lock")
    tree.git("commit", "--quiet", "--message", "built")
    return tree


@pytest.fixture
def tree(built: Tree, tmp_path: Path) -> Tree:
    """A copy of the built tree."""
    return built.copy(tmp_path / "tree")
