"""The real stages of a whole miniature run, one after another in this process."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from scaler.pipeline.job import run_stage
from tests.engines.tree import Tree, make_tree, round_maps

WEIGHTS = "weights/foundation.pth"


def small_tree(root: Path) -> Tree:
    """Two rounds on 8 images of 64 pixels (4, half of them with masks, for training), one step a stage."""
    tree = make_tree(root)
    recipe_file = root / "data" / "laboratory" / "recipe.yaml"
    recipe = YAML(typ="safe").load(recipe_file)
    YAML().dump(recipe | {"size": 64, "train": 4, "val": 2, "test": 2}, recipe_file)
    values = tree.params()
    values["prepare_data"] |= {"size": 64, "labelled_fraction": 0.5}
    values["initialize_segmenter"]["epochs"] = 1
    values |= round_maps("paper", 2)
    values["sam"]["weights"] = WEIGHTS
    tree.write_params(values)
    return tree


def run_all(tree: Tree, lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the commands in the tree."""
    monkeypatch.chdir(tree.root)
    for line in lines:
        _, _, module, *arguments = line.split()
        stage = module.removeprefix("stages.")
        run_stage(stage, importlib.import_module(module).main, arguments)
