"""Every foundation model with every adaptation, and both large segmenters, through the real stages."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from scaler import checkpoints
from scaler.models import foundation as foundation_module
from scaler.models.foundation import build_foundation
from scaler.models.names import FOUNDATIONS
from scaler.params import load_params
from tests.conftest import ROOT
from tests.engines.tree import Tree
from tests.models.official import write_official
from tests.models.pipeline import WEIGHTS, commands, run_all, small_tree

pytestmark = pytest.mark.slow
ADAPTATIONS = ("adapter", "lora", "decoder")
SIDE = {"nano": 64} | dict.fromkeys(FOUNDATIONS.keys() - {"nano"}, 64)


@pytest.fixture(autouse=True)
def _read_weights_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten stages read and hash the same gigabytes, here in one process: once is enough."""
    for module, name in ((foundation_module, "read_state_dict"), (checkpoints, "sha256")):
        monkeypatch.setattr(module, name, _once(getattr(module, name)))


def _once(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of a file, remembered until another is asked for or the file has changed."""
    latest: dict[object, Any] = {}

    def remembering(path: Path, *rest: object) -> Any:
        key = (path, path.stat().st_mtime_ns, rest)
        if key not in latest:
            latest.clear()
            latest[key] = function(path, *rest)
        return latest[key]

    return remembering


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


@pytest.mark.parametrize(
    "segmenter",
    [
        {"model": "ws_sam", "options": {"channels": 128}, "depth_weights": [0.0625, 0.125, 0.25, 0.5, 1.0]},
        {"model": "smp", "options": {"architecture": "unet", "encoder": "resnet18"}, "depth_weights": [1.0]},
    ],
    ids=["ws_sam", "smp"],
)
def test_two_rounds_of_a_large_segmenter(
    segmenter: dict[str, object], lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = small_tree(tmp_path / "tree")
    values = own.params()
    values["segmenter"] |= segmenter
    values["sam"]["weights"] = str(ROOT / "scaler" / "laboratory" / "nano_sam.safetensors")
    own.write_params(values)
    weights = f"--weights {values['sam']['weights']}"
    run_all(own, [line.replace(f"--weights {WEIGHTS}", weights) for line in lines], monkeypatch)
    with (
        h5py.File(own.root / "results/init/segmenter.h5") as first,
        h5py.File(own.root / "results/rounds/2/segmenter.h5") as last,
    ):
        assert last.attrs["input_size"] == 64
        names = _names(first["teacher"])
        assert names == _names(last["teacher"])
        assert any(not np.array_equal(first["teacher"][name], last["teacher"][name]) for name in names)


@pytest.mark.parametrize("prompts", ["marks_points", "marks_box", "teacher_points", "teacher_box", "teacher_mask"])
def test_two_rounds_with_prompts(
    prompts: str, lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = small_tree(tmp_path / "tree")
    values = own.params()
    if prompts.startswith("marks"):
        values["prepare_data"]["supervision"] = "scribbles"
    values["sam"] |= {"weights": str(ROOT / "scaler" / "laboratory" / "nano_sam.safetensors"), "prompts": prompts}
    own.write_params(values)
    weights = f"--weights {values['sam']['weights']}"
    run_all(own, [line.replace(f"--weights {WEIGHTS}", weights) for line in lines], monkeypatch)
    assert (own.root / "results/report.html").is_file()


def _names(group: h5py.Group) -> list[str]:
    found: list[str] = []
    group.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found
