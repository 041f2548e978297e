"""Every SAM with every adaptation through the real stages."""

from __future__ import annotations

import pytest

from scaler.models.names import FOUNDATIONS
from tests.engines.tree import Tree
from tests.models.whole_runs import ADAPTATIONS, check_two_rounds, put_weights, read_weights_once

pytestmark = pytest.mark.slow
MODELS = [name for name in FOUNDATIONS if not name.startswith("sam2")]


@pytest.fixture(scope="module", params=MODELS)
def foundation(request: pytest.FixtureRequest, tree: Tree) -> str:
    """A model whose random weights lie where the parameters say."""
    name: str = request.param
    put_weights(tree, name)
    return name


@pytest.mark.parametrize("adaptation", ADAPTATIONS)
def test_two_rounds(
    tree: Tree, lines: list[str], foundation: str, adaptation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_weights_once(monkeypatch)
    check_two_rounds(tree, lines, foundation, adaptation, monkeypatch)
