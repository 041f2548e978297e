"""Tells Snakemake whether an artifact must be made, in the only language that it speaks: modification times.

Snakemake compares mtimes, which `dvc checkout`, `git clone` and two engines in one tree make meaningless. So every
rule gets one more input, a tiny state file: as old as time itself when the artifact is current by its fingerprint,
brand new when it is not. The other inputs of a rule whose artifact is current are marked `ancient`.
"""

from __future__ import annotations

import os
import shlex
import time
from functools import cache

from scaler.artifacts.currency import Currency
from scaler.params import load_params
from scaler.pipeline import job
from scaler.pipeline.command import Command, parse_command
from scaler.pipeline.unchanged import unchanged
from scaler.pipeline.work import working_file

LONG_AGO = 1  # seconds since the epoch


def state(line: str, *, touch: bool = True) -> str:
    """Path of the state file of one command, its mtime set to say whether the command has anything to do.

    Args:
        line: the command as the rule runs it, `python -m stages.NAME --argument value ...`.
        touch: False leaves the file's mtime alone (in Snakemake's sub-processes, where the answer is known already).
    """
    command = _parsed(line)
    # A folder each: Snakemake lists a folder once, and holds whatever appears in it later to be missing.
    file = working_file("state", next(iter(command.outputs.values())), "") / "asked.txt"
    if touch or not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        # Snakemake forgives a newer file of the same contents as last time, so a stale one never has the same
        text = "current" if is_current(line) else f"to be made (asked at {time.time_ns()})"
        file.write_text(f"{text}: {line}\n", encoding="utf-8")
        if is_current(line):
            os.utime(file, (LONG_AGO, LONG_AGO))
    return file.as_posix()


@cache
def is_current(line: str) -> bool:
    """Whether all outputs of a command are what it would write now; answered once per process."""
    if unchanged(_plain(line)):
        return True
    return job.is_current(_parsed(line), _currency())


def _plain(line: str) -> str:
    return " ".join(shlex.split(line))


@cache
def _parsed(line: str) -> Command:
    words = shlex.split(line)
    return parse_command(words[2].removeprefix("stages."), words[3:], _currency().params)


@cache
def _currency() -> Currency:
    return job.currency_of(load_params())
