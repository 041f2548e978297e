"""Labels corrected in an annotator: the next run makes again what depends on them, and nothing else."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from scaler.laboratory.dataset import laboratory_samples, load_recipe
from tests.engines.jobs import commands
from tests.engines.tree import Tree, made, make_tree

pytestmark = pytest.mark.slow
DATA = ["results/data/train.h5", "results/data/train_truth.h5", "results/data/val.h5", "results/data/test.h5"]
EVALUATION = "results/stops/init/evaluation.h5"
MODELS = ["results/stops/init/segmenter.h5", "results/stops/init/sam.h5"]
FIRST = r"stages\.(prepare_data|initialize_\w+) |results/stops/init/evaluation\.h5"  # commands up to it
SQUARE = [[4, 4], [20, 4], [20, 20], [4, 20]]


def folder_tree(root: Path) -> Tree:
    """The miniature project with its scenes as files, as a user would bring them."""
    tree = make_tree(root)
    recipe = load_recipe(root / "data" / "laboratory" / "recipe.yaml")
    for split in ("train", "val", "test"):
        for name, image, mask in laboratory_samples(recipe, split):
            for kind, pixels in (("images", image), ("masks", mask * np.uint8(255))):
                path = root / "data" / "mine" / kind / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
    tree.set("prepare_data", "source", "data/mine")
    tree.set("initialize_segmenter", "epochs", 1)
    return tree


def correct(tree: Path, name: str) -> None:
    """Bring back a square that somebody drew in Labelme."""
    shape = {"label": "object", "points": SQUARE, "shape_type": "polygon", "group_id": None, "flags": {}}
    page = {"version": "5.5.0", "flags": {}, "shapes": [shape], "imageData": None, "imageHeight": 32, "imageWidth": 32}
    folder = tree / "corrected"
    path = folder / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(page | {"imagePath": f"{Path(name).name}.png"}))


def test_a_correction_makes_again_what_depends_on_it(tmp_path: Path) -> None:
    tree = folder_tree(tmp_path / "tree")
    tree.run_lines([line for line in commands(tree) if re.search(FIRST, line)])
    with h5py.File(tree.root / DATA[0]) as file:
        ids, labelled = file["id"].asstr()[()], file["labelled"][()]
        assert file["file"].asstr()[0] == f"images/{ids[0]}.png"
    with h5py.File(tree.root / DATA[3]) as file:
        test_id = file["id"].asstr()[0]
    models = [(tree.root / path).read_bytes() for path in MODELS]

    correct(tree.root, test_id)
    options = ["--into", "data/mine", "--corrections", "--by", "Ann"]
    command = ["python", "-m", "scaler", "import", "labelme", "corrected", *options]
    assert "1 labels corrected" in tree.run(*command)
    assert made(tree.snakemake(EVALUATION)) == sorted([*DATA, EVALUATION])  # no model
    assert [(tree.root / path).read_bytes() for path in MODELS] == models
    assert tree.planned(EVALUATION) == []

    correct(tree.root, next(str(name) for name, known in zip(ids, labelled, strict=True) if known))
    assert "1 labels corrected, 0 added, 1 unchanged" in tree.run(*command)
    assert made(tree.snakemake(EVALUATION)) == sorted([*DATA, *MODELS, EVALUATION])
    with (tree.root / "data" / "mine" / "corrections.csv").open(newline="") as file:
        assert [(row["by"], row["label"], row["change"]) for row in csv.DictReader(file)] == [
            ("Ann", "masks", "corrected")
        ] * 2
    assert (tree.root / "data" / "mine" / "masks_before").is_dir()
