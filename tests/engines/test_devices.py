"""Point 11: one job per device, shown with pretended devices."""

from __future__ import annotations

import getpass
import re
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from scaler.artifacts.header import read_header
from scaler.training.lease import take_device
from tests.conftest import ROOT
from tests.engines.jobs import dvc_jobs
from tests.engines.tree import Tree, environment_of

HOLD = (
    "import sys, time; from pathlib import Path; from scaler.training.lease import take_device;"
    "lease = take_device(int(sys.argv[1]), Path(sys.argv[2]));"
    "print(lease.number, time.monotonic(), flush=True); time.sleep(0.6); print('end', time.monotonic(), flush=True)"
)


def hold(count: int, folder: Path, processes: int) -> list[tuple[int, float, float]]:
    """(device, begin, end) of several processes that each hold a device for a while."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", HOLD, str(count), str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(processes)
    ]
    spans = []
    for process in running:
        text, _ = process.communicate(timeout=60)
        words = [line.split() for line in text.splitlines() if not line.startswith("waiting")]
        spans.append((int(words[0][0]), float(words[0][1]), float(words[1][1])))
    return spans


def test_one_device_is_never_shared(tmp_path: Path) -> None:
    spans = sorted(hold(1, tmp_path, 3), key=lambda span: span[1])
    assert {number for number, _, _ in spans} == {0}
    assert all(first[2] <= second[1] for first, second in pairwise(spans))


def test_two_devices_serve_two_jobs_at_once(tmp_path: Path) -> None:
    spans = hold(2, tmp_path, 2)
    assert {number for number, _, _ in spans} == {0, 1}


@pytest.mark.slow
@pytest.mark.parametrize("gpus", [1, 2])
def test_snakemake_gives_jobs_different_devices(tree: Tree, tmp_path: Path, gpus: int) -> None:
    values = tree.params()
    tree.write_params(values | {"shards": ["0", "1", "2"]})
    for path in ("stops/warm_up/segmenter.h5", "stops/round_1"):
        target = tree.root / "results" / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    shards = [f"results/stops/init/sam_labels/shard_{k}.h5" for k in range(3)]
    own = tmp_path / "temporary"  # the locks of devices lie there
    own.mkdir()
    text = run_with_device_0_taken(
        tree,
        ["snakemake", *shards, "--cores", "4", "--resources", f"gpu={gpus}"],
        environment_of(SCALER_FAKE_DEVICES="2", TMPDIR=str(own)),
        own / f"scaler-devices-{getpass.getuser()}",
    )
    assert re.findall(r"device: fake (\d)", text)[0] == "1"
    assert set(re.findall(r"device: fake (\d)", text)) == {"0", "1"}
    begins = [match.start() for match in re.finditer(r"label_with_sam: making", text)]
    ends = [match.start() for match in re.finditer(r"label_with_sam: done", text)]
    assert len(begins) == len(ends) == 3
    overlapping = begins[1] < ends[0]
    assert overlapping is (gpus == 2)


def run_with_device_0_taken(tree: Tree, command: list[str], environment: dict[str, str], locks: Path) -> str:
    """The command's output; device 0 is held by someone else until a job has taken another one."""
    log = tree.root / "snakemake.log"
    stranger = take_device(1, locks)
    with (
        log.open("w") as file,
        subprocess.Popen(command, cwd=tree.root, env=environment, stdout=file, stderr=subprocess.STDOUT) as running,
    ):
        while "device: fake" not in log.read_text() and running.poll() is None:
            time.sleep(0.05)
        stranger.lock.release()
    assert running.returncode == 0, log.read_text()
    return log.read_text()


@pytest.mark.slow
def test_one_stage_on_two_devices(tree: Tree, tmp_path: Path) -> None:
    made = tree.root / "results" / "stops" / "warm_up" / "segmenter.h5"
    header = read_header(made)
    own = tmp_path / "temporary"
    own.mkdir()
    environment = {"SCALER_FAKE_DEVICES": "2", "TMPDIR": str(own), "OMP_NUM_THREADS": "1"}
    line = next(line for line in dvc_jobs(tree) if "stages.warm_up" in line)
    assert "current: results/stops/warm_up" in tree.run(*line.split(), SCALER_DEVICES="2", **environment)
    judged = made.with_name("per_image.csv")
    before = judged.read_text()
    made.unlink()
    made.with_name("evaluation.h5").unlink()
    on_two = ("--resources", "gpu=2", "--set-resources", "warm_up:gpu=2", "evaluate:gpu=2")
    text = tree.snakemake(judged.relative_to(tree.root).as_posix(), *on_two, **environment)
    assert "SCALER_DEVICES=2 python -m stages.warm_up" in text
    assert text.count("warm_up: done") == text.count("evaluate: done") == 1
    assert text.count("device: fake") == 2
    assert [line.split(",")[:4] for line in judged.read_text().splitlines()] == [
        line.split(",")[:4] for line in before.splitlines()
    ]
    assert read_header(made).fingerprint == header.fingerprint, "the number of devices is no part of it"
    assert f"current: {made.relative_to(tree.root).as_posix()}" in tree.run(*line.split())
    log = (tree.root / ".scaler" / "logs" / "results__stops__warm_up__segmenter.h5.log").read_text()
    assert log.count("warm_up: done") == 1, "one process writes the log"
