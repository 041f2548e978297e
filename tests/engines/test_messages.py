"""Point 10: wrong input fails at once, with a message that names it."""

from __future__ import annotations

import pytest

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
            "--round",
            "0",
            "--shard",
            "0",
            "--data",
            "results/data/train.h5",
        ],
        *["--segmenter", "results/rounds/0/segmenter.h5", "--out", "results/rounds/0/segmenter_labels/shard_0.h5"],
        check=False,
    )
    assert "--segmenter: results/rounds/0/segmenter.h5 is not what params.yaml and the code ask for now" in text
    assert "snakemake --cores all results/rounds/0/segmenter.h5" in text
    assert "Traceback" not in text


def test_the_report_of_snakemake_works_offline(tree: Tree) -> None:
    tree.snakemake(
        "--report", "snakemake_report.html", https_proxy="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9"
    )
    text = (tree.root / "snakemake_report.html").read_text(encoding="utf-8")
    assert "report.html" in text
    assert "what the two models taught each other" in text
