"""A miniature project: the checkout's code and workflow with a tiny data set, for real runs of both engines."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ruamel.yaml import YAML

from scaler.params import Order, stop_maps, wiring
from tests.conftest import ROOT

COPIED = (
    "scaler",
    "stages",
    "workflow",
    ".dvc",
    "dvc.yaml",
    ".dvcignore",
    ".gitignore",
    "params.yaml",
    "environment.yml",
)
SCHEDULES = ("initialize_segmenter", "initialize_sam", "warm_up", "train_segmenter", "train_sam")
IGNORED = shutil.ignore_patterns("__pycache__", "tmp", "cache", "config.local")
GIT = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")


@dataclass(frozen=True)
class Tree:
    """A project folder and how to run commands in it."""

    root: Path

    def run(self, *command: str, check: bool = True, **environment: str) -> str:
        """Run a command in the tree; its stdout and stderr together."""
        with engine(command, self.root, subprocess.PIPE, **environment) as process:
            output, _ = process.communicate()
        if check and process.returncode != 0:
            raise AssertionError(f"{' '.join(command)} exited with {process.returncode}:\n{output[-6000:]}")
        return output

    def snakemake(self, *arguments: str, check: bool = True, **environment: str) -> str:
        """`snakemake --cores 2 ...`"""
        return self.run("snakemake", "--cores", "2", *arguments, check=check, **environment)

    def dvc(self, *arguments: str, check: bool = True, **environment: str) -> str:
        """`dvc ...`"""
        return self.run("dvc", *arguments, check=check, **environment)

    def git(self, *arguments: str) -> str:
        """`git ...`"""
        return self.run("git", *GIT, *arguments)

    def run_lines(self, lines: Sequence[str]) -> None:
        """Run stages one after another in one process, which saves their imports."""
        file = self.root / "lines.json"
        file.write_text(json.dumps(lines), encoding="utf-8")
        self.run("python", str(Path(__file__).with_name("run_stages.py")), file.name)
        file.unlink()

    def copy(self, target: Path) -> Tree:
        """The same tree, results and all, elsewhere (mtimes kept)."""
        shutil.copytree(self.root, target, symlinks=True)
        return Tree(target)

    def set(self, block: str, key: str, value: object) -> None:
        """Change one parameter."""
        values = self.params()
        values[block][key] = value
        self.write_params(values)

    def params(self) -> dict:
        """The parameters, plain."""
        return YAML(typ="safe").load(self.root / "params.yaml")

    def write_params(self, values: dict) -> None:
        """Replace the parameters."""
        YAML().dump(values, self.root / "params.yaml")

    def artifacts(self) -> dict[str, bytes]:
        """Every file of the results, by relative path; hidden ones are the engines' own."""
        results = self.root / "results"
        files = (path for path in results.rglob("*") if path.is_file() and not path.name.startswith("."))
        return {path.relative_to(results).as_posix(): path.read_bytes() for path in files}

    def inodes(self) -> dict[str, int]:
        """Which file on the disk each artifact is."""
        return {name: (self.root / "results" / name).stat().st_ino for name in self.artifacts()}

    def planned(self, *arguments: str) -> list[str]:
        """Rules that Snakemake would run, one entry per job."""
        text = self.snakemake(*arguments, "-n", "--quiet", "host")
        rules = [line.split()[1].rstrip(":") for line in text.splitlines() if line.startswith(("rule ", "localrule "))]
        return sorted(rule for rule in rules if rule != "all")


@contextmanager
def engine(
    command: Sequence[str], root: Path, log: int | TextIO, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """A running command, in a group of its own that ends with the block: an interrupted test leaves nothing running."""
    process = subprocess.Popen(
        command,
        cwd=root,
        env=environment_of(**environment),
        stdout=log,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def environment_of(**changes: str) -> dict[str, str]:
    """The tests' own environment with this Python's programs first, and no analytics."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return (
        os.environ
        | {"PATH": path, "DVC_NO_ANALYTICS": "1", "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "2"}
        | changes
    )


def make_tree(root: Path) -> Tree:
    """A tree without results: 12 images of 32 pixels, one round, one shard, one epoch a stage."""
    root.mkdir(parents=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=IGNORED)
        else:
            shutil.copy(source, root / name)
    shutil.copytree(ROOT / "data" / "laboratory", root / "data" / "laboratory")
    tree = Tree(root)
    recipe_file = root / "data" / "laboratory" / "recipe.yaml"
    recipe = YAML(typ="safe").load(recipe_file)
    YAML().dump(recipe | {"size": 32, "train": 12, "val": 4, "test": 4}, recipe_file)
    values = tree.params()
    for name in SCHEDULES:
        values[name] |= {"epochs": 1, "batch_size": 4}
    values["initialize_segmenter"]["epochs"] = 60
    values["prepare_data"] |= {"size": 32, "labelled_fraction": 0.34}
    values["segmenter"]["options"] = {"width": 8}  # models of more than a megabyte
    values["label_with_sam"]["views"] = 2
    values |= round_maps("paper", 1)
    values["shards"] = ["0"]
    values["cold_start"]["stop_share"] = 1.0
    tree.write_params(values)
    tree.git("init", "--quiet")
    tree.git("add", "--all")
    tree.git("commit", "--quiet", "--message", "start")
    return tree


def round_maps(order: Order, count: int) -> dict[str, dict]:
    """The maps of `params.yaml` that say which rounds there are."""
    rounds = wiring(order, count)
    maps = dict(zip(("rounds", "stops", "sam_stops"), (rounds, *stop_maps(rounds)), strict=True))
    return {name: {k: stop.model_dump(exclude_none=True) for k, stop in stops.items()} for name, stops in maps.items()}


def made(log: str) -> list[str]:
    """Artifacts that stages said they were making."""
    names = []
    for line in log.splitlines():
        if ": making " in line:
            names += line.split(": making ")[1].split(", ")
    return sorted(names)
