"""One tree is built for all engine tests; each works on a copy."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from tests.engines.jobs import commands
from tests.engines.tree import Tree, make_tree

REPLACED = "replaced.json"  # artifacts that DVC put another file in the place of


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Built undisturbed, taken over by both engines, and committed; never changed by a test.

    Parallel workers build it once: the first one here, the others wait for it.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with FileLock(folder / "built.lock"):
        if not (folder / "built").exists():
            shutil.rmtree(folder / "building", ignore_errors=True)  # of a build that failed
            build(folder / "building").rename(folder / "built")
    return Tree(folder / "built")


def build(root: Path) -> Path:
    """A tree that both engines have taken over."""
    tree = make_tree(root)
    tree.run_lines(commands(tree))
    tree.snakemake()
    before = tree.inodes()
    (tree.root / "dvc.log").write_text(tree.dvc("repro"), encoding="utf-8")
    (tree.root / REPLACED).write_text(json.dumps(sorted(tree.inodes().items() ^ before.items())), encoding="utf-8")
    tree.git("add", "dvc.lock")
    tree.git("commit", "--quiet", "--message", "built")
    return root


@pytest.fixture
def tree(built: Tree, tmp_path: Path) -> Tree:
    """A copy of the built tree."""
    return built.copy(tmp_path / "tree")
