"""Point 6: kills in mid-stage and mid-write cost time and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.engines.kill_often import build_with_kills
from tests.engines.tree import Tree, make_tree

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=pytest.mark.exhaustive)])
def test_a_build_with_kills_gives_the_same_bytes(kills: int, built: Tree, tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    log = build_with_kills(tree, kills, seed=3, longest=9.0)
    assert tree.artifacts() == built.artifacts()
    resumed = [int(number) for number in re.findall(r"resuming at step (\d+) of", log)]
    assert any(number > 0 for number in resumed), "no training stage resumed from a step checkpoint"
    left_behind = [path.name for path in (tree.root / "results").rglob("*.tmp")]
    assert not [name for name in left_behind if ".h5." in name or ".html." in name]  # DVC may leave one of its own
