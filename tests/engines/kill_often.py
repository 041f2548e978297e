"""Kills the whole process group again and again while the engines take turns, then compares every byte.

    python -m tests.engines.kill_often --kills 30 --seed 1

builds a miniature tree twice, once undisturbed, once with kills, and exits with 1 if a byte differs.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.engines.tree import Tree, environment_of, make_tree

ENGINES = (["snakemake", "--cores", "2"], ["dvc", "repro"])


def build_with_kills(tree: Tree, kills: int, seed: int, longest: float) -> str:
    """Start an engine, kill its process group after a random time, start the other, ...; the last one runs through.

    Returns:
        The joined output of all runs.
    """
    draw = random.Random(seed)
    path = tree.root / "killed.log"
    done = 0
    with path.open("w") as log:
        while done < kills:
            if not _run_and_kill(tree, ENGINES[done % 2], draw.uniform(0.5, longest), log):
                raise AssertionError(f"the build ended after {done} of {kills} kills: make `longest` smaller")
            done += 1
            _mend_dvc_lock(tree)
        for engine in ENGINES:
            subprocess.run(engine, cwd=tree.root, env=_environment(), stdout=log, stderr=subprocess.STDOUT, check=True)
    return path.read_text()


def _run_and_kill(tree: Tree, command: list[str], seconds: float, log: object) -> bool:
    process = subprocess.Popen(
        command,
        cwd=tree.root,
        env=_environment(),
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # type: ignore[arg-type]
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def _environment() -> dict[str, str]:
    return environment_of(SCALER_CHECKPOINT_SECONDS="0")


def _mend_dvc_lock(tree: Tree) -> None:
    """What the documentation tells to do after a kill -9 of DVC in the moment of writing: drop an empty dvc.lock."""
    lock = tree.root / "dvc.lock"
    if lock.exists() and lock.stat().st_size == 0:
        lock.unlink()


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=10.0, help="seconds before a kill, at most")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        calm = make_tree(Path(folder) / "calm")
        calm.snakemake()
        disturbed = make_tree(Path(folder) / "disturbed")
        log = build_with_kills(disturbed, arguments.kills, arguments.seed, arguments.longest)
        for line in log.splitlines():
            if "going on from step" in line:
                print(line)
        theirs, ours = calm.artifacts(), disturbed.artifacts()
        differ = sorted(name for name in theirs | ours if theirs.get(name) != ours.get(name))
        print(f"{arguments.kills} kills, {len(ours)} files, {len(differ)} differ: {differ[:5]}")
        sys.exit(bool(differ))


if __name__ == "__main__":
    main()
