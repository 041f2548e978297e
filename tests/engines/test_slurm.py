"""A whole run on a real Slurm of one node: shards side by side; a killed job is submitted again and goes on."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.one_node_slurm import is_possible, running_slurm
from tests.engines.tree import engine, make_tree

pytestmark = [pytest.mark.slurm, pytest.mark.exhaustive, pytest.mark.slow, pytest.mark.timeout(3600)]
SECONDS_BETWEEN_LOOKS = 0.5


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[dict[str, str]]:
    if not is_possible():
        pytest.skip("needs root, and Debian's slurm-wlm and munge")
    pytest.importorskip("snakemake_executor_plugin_slurm")
    with running_slurm(tmp_path / "slurm") as environment:
        yield environment


def running(environment: dict[str, str]) -> dict[str, str]:
    """Slurm's number of each job that runs -> what it is: the plugin writes the rule into the comment."""
    command = ["squeue", "--noheader", "--states=RUNNING", "--format=%i %k"]
    found = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
    return dict(line.split(maxsplit=1) for line in found.stdout.splitlines())


def test_a_whole_run(cluster: dict[str, str], tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    tree.write_params(tree.params() | {"shards": ["0", "1"]})
    tree.set("warm_up", "epochs", 20)
    variables = cluster | {"SCALER_CHECKPOINT_SECONDS": "0.1", "OMP_NUM_THREADS": "1"}
    command = (
        *("snakemake", "--workflow-profile", "workflow/profiles/slurm", "--slurm-status-command", "squeue"),
        *("--slurm-init-seconds-before-status-checks", "2", "--seconds-between-status-checks", "2"),
        *("--latency-wait", "5", "--set-resources", "warm_up:mem_mb=1000"),
    )
    killed, at_once = "", 0
    log = tree.root / "snakemake.log"
    with log.open("w") as file, engine(command, tree.root, file, **variables) as process:
        while process.poll() is None:
            jobs = running(cluster)
            at_once = max(at_once, sum("label_with_sam" in comment for comment in jobs.values()))
            warm_up = [number for number, comment in jobs.items() if "warm_up" in comment and "label" not in comment]
            if warm_up and not killed and list((tree.root / ".scaler" / "steps").glob("*/step.h5")):
                (killed,) = warm_up
                subprocess.run(["scancel", "--full", "--signal=KILL", killed], env=os.environ | cluster, check=True)
            time.sleep(SECONDS_BETWEEN_LOOKS)
    text = log.read_text()
    assert process.returncode == 0, text[-8000:]
    assert (tree.root / "results" / "report.html").exists()
    assert at_once == 2, "both shards were labelled at the same time"
    assert killed, text
    own = (tree.root / ".scaler" / "logs" / "results__stops__warm_up__segmenter.h5.log").read_text()
    resumed = re.search(r"warm-up: resuming at step (\d+) of 60", own)
    assert resumed is not None, own
    assert int(resumed[1]) > 0
    assert tree.planned() == [], "nothing is left to do, without the cluster either"
