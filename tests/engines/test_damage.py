"""Points 7 and 9: damaged artifacts are made again, a full disk says so, and two engines do not do the work twice."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.engines.tree import Tree, engine, made

pytestmark = pytest.mark.slow
LABELS = "results/stops/round_1/segmenter_labels/shard_0.h5"


@pytest.mark.parametrize(("damage", "by"), [("truncated", "snakemake"), ("flipped", "dvc")])
def test_a_damaged_artifact_is_made_again(tree: Tree, damage: str, by: str) -> None:
    before = tree.artifacts()
    path = tree.root / LABELS
    good = path.read_bytes()
    middle = len(good) * 2 // 3
    path.write_bytes(
        good[:middle] if damage == "truncated" else good[:middle] + bytes([good[middle] ^ 4]) + good[middle + 1 :]
    )
    log = tree.snakemake() if by == "snakemake" else tree.dvc("repro")
    assert made(log) == [LABELS]
    assert tree.artifacts() == before


def test_both_engines_at_once_build_each_artifact_once(tree: Tree) -> None:
    before = tree.artifacts()
    shutil.rmtree(tree.root / "results" / "stops" / "round_1")
    commands = (["snakemake", "--cores", "2"], ["dvc", "repro"])
    with ExitStack() as logs:
        files = [logs.enter_context((tree.root / f"{command[0]}.log").open("w")) for command in commands]
        running = [
            logs.enter_context(engine(command, tree.root, file)) for command, file in zip(commands, files, strict=True)
        ]
        codes = [process.wait() for process in running]
    log = "".join((tree.root / f"{command[0]}.log").read_text() for command in commands)
    assert codes == [0, 0], log
    names = made(log)
    assert len(names) == len(set(names)) == 5
    assert tree.artifacts() == before
    assert tree.planned() == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_no_half_file(tree: Tree, small_disk: Path) -> None:
    out = small_disk / "segmenter_labels.h5"
    checkpoint = small_disk / "filling"
    checkpoint.write_bytes(b"x" * 60_000)
    text = tree.run(
        *f"python -m stages.label_with_segmenter --shard 0 --data results/data/train.h5 --segmenter "
        f"results/stops/round_1/segmenter.h5 --out {out}".split(),
        check=False,
    )
    assert "the disk is full" in text
    assert str(out) in text
    assert "Traceback" not in text
    assert [path.name for path in small_disk.iterdir()] == ["filling"]
