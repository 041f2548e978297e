"""The jobs of a tree as DVC expands them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from dvc.repo import Repo

from tests.engines.tree import Tree

CODE = re.compile(r"^(scaler$|stages/)")


@dataclass(frozen=True)
class Job:
    """One command with all that it reads and writes."""

    command: str
    inputs: frozenset[str]
    outputs: frozenset[str]


def dvc_jobs(tree: Tree) -> dict[str, Job]:
    """Every stage of dvc.yaml, expanded by DVC itself; a folder among the inputs stands for the artifacts below it."""
    with Repo(tree.root.as_posix()) as repo:
        stages = [stage for stage in repo.index.stages if getattr(stage, "cmd", None)]
        outputs = {out.def_path for stage in stages for out in stage.outs}
        jobs = {}
        for stage in stages:
            inputs: set[str] = set()
            for dependency in stage.deps:
                path = dependency.def_path
                if path is None or CODE.match(path) or type(dependency).__name__ == "ParamsDependency":
                    continue
                below = {out for out in outputs if out.startswith(path + "/")}
                inputs |= below or {path}
            command = shlex.join(shlex.split(stage.cmd))
            jobs[command] = Job(command, frozenset(inputs), frozenset(out.def_path for out in stage.outs))
        return jobs


def commands(tree: Tree) -> list[str]:
    """Every command of the pipeline, each after those that make its inputs."""
    waiting = list(dvc_jobs(tree).values())
    made: set[str] = set()
    everything = {path for job in waiting for path in job.outputs}
    ordered: list[str] = []
    while waiting:
        ready = [job for job in waiting if job.inputs & everything <= made or "stages.report" in job.command]
        ready = [job for job in ready if "stages.report" not in job.command or len(waiting) == 1]
        ordered += [job.command for job in ready]
        made |= {path for job in ready for path in job.outputs}
        waiting = [job for job in waiting if job not in ready]
    return ordered
