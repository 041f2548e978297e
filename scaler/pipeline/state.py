"""Tells Snakemake whether an artifact must be made, in the only language that it speaks: modification times.

Snakemake compares mtimes, which `dvc checkout`, `git clone` and two engines in one tree make meaningless. So every
rule gets one more input, a tiny state file: as old as time itself when the artifact is current by its fingerprint,
brand new when it is not. All other inputs are marked `ancient`.
"""

from __future__ import annotations

import os
import shlex
from functools import cache

from scaler.artifacts.currency import Currency
from scaler.params import Params, load_params
from scaler.pipeline.command import parse_command
from scaler.pipeline.job import WORK

LONG_AGO = 1  # seconds since the epoch


def state(line: str, *, touch: bool = True) -> str:
    """Path of the state file of one command, its mtime set to say whether the command has anything to do.

    Args:
        line: the command as the rule runs it, `python -m stages.NAME --argument value ...`.
        touch: False leaves the file's mtime alone (in Snakemake's sub-processes, where the answer is known already).
    """
    words = shlex.split(line)
    stage, arguments = words[2].removeprefix("stages."), words[3:]
    currency = _currency()
    command = parse_command(stage, arguments, currency.params)
    file = WORK / "state" / (next(iter(command.outputs.values())).as_posix().replace("/", "__") + ".txt")
    if touch or not file.exists():
        current = all(currency.is_current(path, name, command.recipe) for name, path in command.outputs.items())
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{'current' if current else 'to be made'}: {line}\n", encoding="utf-8")
        if current:
            os.utime(file, (LONG_AGO, LONG_AGO))
        currency.memory.save()
    return file.as_posix()


@cache
def _currency() -> Currency:
    params: Params = load_params()
    return Currency(params)
