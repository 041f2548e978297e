"""Every foundation model with every adaptation, and both large segmenters, through the real stages."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from scaler.models.foundation import build_foundation
from scaler.models.names import FOUNDATIONS
from scaler.params import load_params
from tests.engines.tree import Tree
from tests.models.official import write_official
from tests.models.pipeline import WEIGHTS, commands, run_all, small_tree

pytestmark = pytest.mark.slow
ADAPTATIONS = ("adapter", "lora", "decoder")
SIDE = {"nano": 64} | dict.fromkeys(FOUNDATIONS.keys() - {"nano"}, 64)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A tree with prepared data and an initialized segmenter, which no foundation model has a part in."""
    return small_tree(tmp_path_factory.mktemp("models") / "tree")


@pytest.fixture(scope="module")
def lines(tree: Tree) -> list[str]:
    return commands(tree)


@pytest.fixture(scope="module", params=list(FOUNDATIONS))
def foundation(request: pytest.FixtureRequest, tree: Tree) -> str:
    """A model whose random weights lie where the parameters say, under the official keys."""
    name: str = request.param
    path = tree.root / WEIGHTS
    path.parent.mkdir(exist_ok=True)
    write_official(name, path)
    return name


@pytest.mark.parametrize("adaptation", ADAPTATIONS)
def test_two_rounds(
    tree: Tree, lines: list[str], foundation: str, adaptation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = tree.params()
    values["sam"] |= {"model": foundation, "size": SIDE[foundation], "adaptation": adaptation, "micro_batch": 2}
    values["sam"]["recompute"] = adaptation == "lora"
    tree.write_params(values)
    run_all(tree, lines, monkeypatch)

    summary = json.loads((tree.root / "results" / "metrics.json").read_text())
    assert "sam" in json.dumps(summary)
    model = build_foundation(load_params(tree.root / "params.yaml").sam)
    trained = model.trainable_names()
    with (
        h5py.File(tree.root / "results/rounds/0/sam.h5") as first,
        h5py.File(tree.root / "results/rounds/2/sam.h5") as last,
    ):
        assert set(_names(last["trained"])) == set(trained)
        assert any(not np.array_equal(first["trained"][name], last["trained"][name]) for name in trained)


def _names(group: h5py.Group) -> list[str]:
    found: list[str] = []
    group.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found
