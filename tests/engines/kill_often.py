"""Kills the whole process group again and again while the engines take turns, then compares every byte.

    python -m tests.engines.kill_often --kills 30 --seed 1

builds a miniature tree twice, once undisturbed, once with kills, and exits with 1 if a byte differs. A kill comes at a
random time, or a random moment after training has kept a step (mid-stage), or while a file is written (mid-write).
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from tests.engines.tree import Tree, engine, make_tree

ENGINES = (["snakemake", "--cores", "2"], ["dvc", "repro"])
MOMENTS = ("any time", "step", "write")
LONGEST_WAIT = 60.0  # seconds for a step to be kept or a file to be written


def build_with_kills(tree: Tree, kills: int, seed: int, longest: float) -> str:
    """Start an engine, kill its process group, start the other, ...; the last ones run through.

    Args:
        tree: without results.
        kills: how many.
        seed: of the random moments.
        longest: seconds before a kill, at most.

    Returns:
        The joined output of all runs.
    """
    draw = random.Random(seed)
    path = tree.root / "killed.log"
    with path.open("w") as log:
        for number in range(kills):
            _run_and_kill(tree, ENGINES[number % 2], MOMENTS[number % 3], draw.uniform(0.5, longest), log)
            _drop_empty_lock(tree)
        for command in ENGINES:
            log.write(tree.run(*command, SCALER_CHECKPOINT_SECONDS="0"))
            log.flush()
    return path.read_text()


def _run_and_kill(tree: Tree, command: list[str], moment: str, seconds: float, log: TextIO) -> None:
    with engine(command, tree.root, log, SCALER_CHECKPOINT_SECONDS="0") as process:  # its end kills the group
        begin = time.monotonic()
        kept = _steps(tree)
        longest = seconds if moment == "any time" else LONGEST_WAIT
        while process.poll() is None and time.monotonic() - begin < longest:
            if moment == "step" and _steps(tree) - kept:
                time.sleep(seconds / 20)
                break
            if moment == "write" and any((tree.root / "results").rglob("*.tmp")):
                break
            time.sleep(0.002)
        if process.poll() is not None:
            raise AssertionError(f"{command[0]} ended before it could be killed ({moment}): the tree is built too fast")


def _steps(tree: Tree) -> set[tuple[str, int]]:
    """Every step checkpoint as it is now."""
    found = set()
    for path in (tree.root / ".scaler" / "steps").glob("*/step.h5"):
        with suppress(FileNotFoundError):
            found.add((path.parent.name, path.stat().st_mtime_ns))
    return found


def _drop_empty_lock(tree: Tree) -> None:
    """As the documentation says after a kill -9 of DVC in the moment of writing: drop an empty dvc.lock."""
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
            if "resuming at step" in line:
                print(line)
        theirs, ours = calm.artifacts(), disturbed.artifacts()
        differ = sorted(name for name in theirs | ours if theirs.get(name) != ours.get(name))
        print(f"{arguments.kills} kills, {len(ours)} files, {len(differ)} differ: {differ[:5]}")
        sys.exit(bool(differ))


if __name__ == "__main__":
    main()
