"""A whole miniature run of one foundation model with one adaptation, and what must hold after it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from scaler.models import foundation as foundation_module
from scaler.models.foundation import build_foundation
from scaler.params import load_params
from scaler.training import checkpoints
from tests.engines.tree import Tree
from tests.models import sam3_tiny
from tests.models.official import write_official
from tests.models.pipeline import WEIGHTS, run_all

ADAPTATIONS = ("adapter", "lora", "decoder")
SIDE = 64


def read_weights_once(monkeypatch: pytest.MonkeyPatch) -> None:
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


def put_weights(tree: Tree, name: str) -> None:
    """Random weights under the official keys, where the parameters say."""
    path = tree.root / WEIGHTS
    path.parent.mkdir(exist_ok=True)
    write_official(name, path)


def check_two_rounds(tree: Tree, lines: list[str], name: str, adaptation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every stage runs, and Phase II changes what is trained and nothing else is stored."""
    values = tree.params()
    sam3 = {"size": sam3_tiny.TINY.side, "text": "polyp" if name == "sam3" else None}
    values["sam"] |= {"model": name, "size": SIDE, "adaptation": adaptation, "micro_batch": 2}
    values["sam"] |= sam3 if name.startswith("sam3") else {}
    values["sam"]["recompute"] = adaptation == "lora"
    tree.write_params(values)
    run_all(tree, lines, monkeypatch)

    summary = json.loads((tree.root / "results" / "metrics.json").read_text())
    assert "sam" in json.dumps(summary)
    model = build_foundation(load_params(tree.root / "params.yaml").sam)
    trained = model.trainable_names()
    with (
        h5py.File(tree.root / "results/stops/init/sam.h5") as first,
        h5py.File(tree.root / "results/stops/round_2/sam.h5") as last,
    ):
        assert set(data_sets(last["trained"])) == set(trained)
        assert any(not np.array_equal(first["trained"][key], last["trained"][key]) for key in trained)


def data_sets(group: h5py.Group) -> list[str]:
    """Names of all data sets below a group."""
    found: list[str] = []
    group.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found
