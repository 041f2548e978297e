"""Points 4, 5 and 8: both engines have one and the same graph, and rebuild what depends on a change, nothing else."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path
from typing import get_args

import pytest
from ruamel.yaml import YAML

from scaler.params import Order
from tests.engines.jobs import Job, commands, dvc_jobs
from tests.engines.tree import Tree, made, make_tree, round_maps

pytestmark = pytest.mark.slow
PAGES = {"results/report.html", "results/inspection/index.html"}


def dvc_params(tree: Tree) -> dict[str, set[str]]:
    """Stage module -> blocks of params.yaml that its DVC stages declare."""
    text = YAML(typ="safe").load(tree.root / "dvc.yaml")
    found: dict[str, set[str]] = {}
    for definition in text["stages"].values():
        body = definition.get("do", definition)
        module = re.match(r"python -m (stages\.\w+)", body["cmd"])
        assert module is not None
        blocks = set(body["params"])
        assert found.setdefault(module[1], blocks) == blocks
    return found


def snakemake_jobs(tree: Tree) -> dict[str, Job]:
    """Every job of a forced dry run: its command, inputs and outputs."""
    text = tree.snakemake("-n", "--forceall")
    jobs = {}
    for block in re.split(r"\n(?=\[)", text):
        command = re.search(r"^Shell command: (python .*)$", block, re.M)
        if command is None:
            continue
        listed = {key: re.search(rf"^    {key}: (.*)$", block, re.M) for key in ("input", "output")}
        assert listed["input"] is not None
        assert listed["output"] is not None
        inputs = {name for name in listed["input"][1].split(", ") if not name.startswith(".scaler/")}
        outputs = {name.removesuffix(" (update)") for name in listed["output"][1].split(", ")}
        line = shlex.join(shlex.split(command[1]))
        jobs[line] = Job(line, frozenset(inputs), frozenset(outputs))
    return jobs


def difference(tree: Tree) -> set[Job]:
    """Jobs that only one of the two engines has; the two pages read whole folders under DVC."""
    ours, theirs = snakemake_jobs(tree), dvc_jobs(tree)
    for page in [line for line in ours if line.split()[2] in ("stages.report", "stages.inspection") and line in theirs]:
        assert ours[page].outputs == theirs[page].outputs
        assert ours[page].inputs <= theirs[page].inputs
        del ours[page], theirs[page]
    return set(ours.values()) ^ set(theirs.values())


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A tree without results, of three rounds and two shards."""
    tree = make_tree(tmp_path_factory.mktemp("larger") / "tree")
    values = tree.params()
    values |= round_maps("paper", 3) | {"shards": ["0", "1"]}
    tree.write_params(values)
    return tree


@pytest.mark.parametrize("order", get_args(Order))
def test_both_graphs_are_equal(larger: Tree, order: Order) -> None:
    larger.write_params(larger.params() | round_maps(order, 3))
    jobs = snakemake_jobs(larger)
    assert len(jobs) == 35
    assert difference(larger) == set()
    read = {job.command.split()[2]: job.inputs for job in jobs.values() if "--round round_2 " in job.command}
    first, second = ("round_1", "round_2") if order == "paper" else ("round_2", "round_1")
    assert f"results/stops/{first}/sam_labels/shard_0.h5" in read["stages.train_segmenter"]
    assert f"results/stops/{second}/segmenter_labels/shard_0.h5" in read["stages.train_sam"]


@pytest.mark.parametrize(
    "removed", ["        - results/stops/${item.phase_one.labels}/sam_labels\n", "--val results/data/val.h5\n"]
)
def test_a_missing_entry_is_noticed(larger: Tree, removed: str) -> None:
    path = larger.root / "dvc.yaml"
    good = path.read_text()
    try:
        start = good.index("  train_segmenter:")
        assert removed in good[start:]
        path.write_text(good[:start] + good[start:].replace(removed, "\n" if "--" in removed else "", 1))
        assert difference(larger) != set()
    finally:
        path.write_text(good)


def test_declared_parameters_are_those_that_the_stages_read(larger: Tree) -> None:
    for module, blocks in dvc_params(larger).items():
        assert set(importlib.import_module(module).PARAMS) == blocks, module


def downstream(jobs: dict[str, Job], changed: set[str]) -> set[str]:
    """Commands that read, directly or through others, an output of the changed ones."""
    stale = set(changed)
    while True:
        outputs = {out for line in stale for out in jobs[line].outputs}
        more = {line for line, job in jobs.items() if job.inputs & outputs} | stale
        if more == stale:
            return stale
        stale = more


@pytest.mark.parametrize(
    ("block", "key", "value"),
    [
        ("train_sam", "distance", "l1"),
        ("label_with_sam", "views", 3),
        ("evaluate", "batch_size", 3),
        ("warm_up", "learning_rate", 0.002),
    ],
)
def test_a_changed_parameter_rebuilds_what_depends_on_it(tree: Tree, block: str, key: str, value: object) -> None:
    """The set that Snakemake plans is the one that follows from DVC's declared parameters and dependencies."""
    jobs, declared = dvc_jobs(tree), dvc_params(tree)
    direct = {line for line in jobs if block in declared[line.split()[2]]}
    assert direct
    tree.set(block, key, value)
    expected = sorted(line.split()[2] for line in downstream(jobs, direct))
    text = tree.snakemake("-n")
    planned = sorted(line.split()[4] for line in text.splitlines() if line.startswith("Shell command: python -m"))
    assert planned == expected


def test_a_changed_comment_rebuilds_nothing_and_a_changed_formula_all_that_ran_it(tree: Tree) -> None:
    path = tree.root / "scaler" / "training" / "ema.py"
    before = tree.artifacts()
    path.write_text(path.read_text() + "\n# another comment\n")
    assert tree.planned() == []
    assert made(tree.dvc("repro")) == []
    assert tree.artifacts() == before
    path.write_text(path.read_text().replace("decay", "eta"))
    planned = tree.planned()
    assert "initialize_segmenter" in planned
    assert "train_sam" in planned, "it depends on the segmenter's labels"
    assert "prepare_data" not in planned
    assert (
        "initialize_sam" not in planned
        or "scaler.training.ema" in (tree.root / "scaler/method/initialization.py").read_text()
    )


def test_one_round_more(tree: Tree) -> None:
    tree.write_params(tree.params() | round_maps("paper", 2))
    names = made(tree.snakemake())
    assert all(name.startswith("results/stops/round_2/") for name in names if name not in PAGES), names
    assert len(names) == 7
    assert set(names) >= PAGES
    assert "Round 2" in (tree.root / "results" / "report.html").read_text()
    assert made(tree.dvc("repro")) == []


def test_one_round_less(tree: Tree) -> None:
    before = tree.artifacts()
    values = tree.params()
    tree.write_params(values | round_maps("paper", 2))
    tree.run_lines(commands(tree))
    tree.write_params(values)
    assert set(made(tree.dvc("repro"))) == PAGES
    after = tree.artifacts()
    assert {name: after[name] for name in before} == before
    assert not list((tree.root / "results" / "inspection").rglob("*round_2*"))
    assert tree.planned() == []


def test_broken_rounds_are_refused(larger: Tree, tmp_path: Path) -> None:
    broken = larger.copy(tmp_path / "tree")
    broken.write_params(broken.params() | {"rounds": round_maps("paper", 2)["rounds"]})
    message = "stops and sam_stops must hold the rounds"
    for command in (("snakemake", "-n", "--cores", "1"), ("python", "-m", "stages.prepare_data", "--help")):
        if command[0] == "snakemake":
            assert message in broken.run(*command, check=False)
    prepare = next(line for line in dvc_jobs(larger) if "prepare_data" in line)
    assert message in broken.run(*prepare.split(), check=False)
