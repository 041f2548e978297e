from __future__ import annotations

import pytest

from tests.engines.jobs import commands
from tests.engines.tree import Tree
from tests.models.pipeline import small_tree


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A tree with prepared data and an initialized segmenter, which no foundation model has a part in."""
    return small_tree(tmp_path_factory.mktemp("models") / "tree")


@pytest.fixture(scope="module")
def lines(tree: Tree) -> list[str]:
    """Every command of the pipeline, in an order that works."""
    return commands(tree)
