"""Point 10: wrong input fails at once, with a message that names it."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from zipfile import ZipFile

import pytest

from scaler.params import load_params
from scaler.pipeline.presets import apply_preset
from tests.conftest import ROOT
from tests.engines.tree import Tree, make_tree

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return make_tree(tmp_path_factory.mktemp("empty") / "tree")


def test_config_on_the_command_line_is_refused(empty: Tree) -> None:
    text = empty.snakemake("-n", "--config", "seed=3", check=False)
    assert "params.yaml" in text
    assert "seed" in text
    assert "rule prepare_data" not in text


def test_a_typo_is_named_by_a_dry_run(empty: Tree) -> None:
    path = empty.root / "params.yaml"
    good = path.read_text()
    try:
        path.write_text(good.replace("views:", "vews:"))
        text = empty.snakemake("-n", check=False)
    finally:
        path.write_text(good)
    assert "unknown key `label_with_sam.vews`" in text
    assert "Did you mean `views`" in text
    assert "Traceback" not in text


def test_a_stage_refuses_inputs_that_are_not_current(tree: Tree) -> None:
    tree.set("mean_teacher", "decay", 0.5)
    text = tree.run(
        *[
            "python",
            "-m",
            "stages.label_with_segmenter",
            "--shard",
            "0",
            "--data",
            "results/data/train.h5",
        ],
        *[
            "--segmenter",
            "results/stops/warm_up/segmenter.h5",
            "--out",
            "results/stops/warm_up/segmenter_labels/shard_0.h5",
        ],
        check=False,
    )
    assert "--segmenter: results/stops/warm_up/segmenter.h5 is not what params.yaml and the code ask for now" in text
    assert "snakemake --cores all results/stops/warm_up/segmenter.h5" in text
    assert "Traceback" not in text


def test_the_report_of_snakemake_works_offline(tree: Tree) -> None:
    tree.snakemake(
        "--report", "snakemake_report.html", https_proxy="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9"
    )
    text = (tree.root / "snakemake_report.html").read_text(encoding="utf-8")
    assert "report.html" in text
    assert "what the two models taught each other" in text


def test_a_zipped_report_of_snakemake_holds_the_inspection_page(tree: Tree) -> None:
    tree.snakemake("--report", "report.zip", https_proxy="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9")
    with ZipFile(tree.root / "report.zip") as archive:
        names = archive.namelist()
    assert any(name.endswith("data/a/run.js") for name in names)
    assert any(name.endswith("js/main.js") for name in names)


@pytest.mark.parametrize("name", ["paper-cod-1of16", "paper-pis-point"])
def test_the_papers_presets_plan_a_whole_run_or_say_what_is_missing(name: str, tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    shutil.copy(ROOT / "params.yaml", tree.root)
    apply_preset(name, tree.root / "params.yaml")
    params = load_params(tree.root / "params.yaml")
    text = tree.snakemake("-n", check=False)
    assert f"prepare_data.source: {params.prepare_data.source} is missing" in text
    assert "python -m scaler weights fetch sam_vit_b" in text
    assert "Traceback" not in text
    assert params.segmenter.weights is not None
    for path in (f"{params.prepare_data.source}/x", params.sam.weights, params.segmenter.weights):
        (tree.root / path).parent.mkdir(parents=True, exist_ok=True)
        (tree.root / path).touch()
    rules = Counter(tree.planned())
    shards, rounds = len(params.shards), len(params.rounds)
    assert rules["label_with_sam"] == (rounds + 1) * shards
    assert rules["label_with_segmenter"] == (rounds + 2) * shards
    assert rules["evaluate"] == rounds + 2
    assert rules["train_segmenter"] == rules["train_sam"] == rounds
    assert rules["report"] == 1
