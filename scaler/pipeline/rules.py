"""Lets fingerprints, not modification times, decide which of Snakemake's rules run.

Modification times say nothing after `dvc checkout`, `git clone`, or a run of the other engine. So each stage's rule is
given one more input, `state`: a tiny file that is older than anything while the rule's artifacts are current, and new
when they are not (`scaler.pipeline.state`). Its other inputs are `ancient` while the artifacts are current; otherwise
they are ordinary ones, so that the jobs that make them come first.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from snakemake.io import ancient
from snakemake.utils import format as filled

from scaler.pipeline.state import is_current, state

# Snakemake's own types: a rule, wildcards, and an entry of its input: a pattern, or a function of the wildcards.
Rule = Any
Wildcards = Any
Entry = Any


def decide_by_fingerprint(rule: Rule, *, touch: bool) -> None:
    """Change a rule whose command is that of a stage.

    Args:
        rule: with all its inputs, outputs and parameters; all inputs have names.
        touch: whether state files may be touched: only in Snakemake's main process.
    """
    command = _command_of(rule)
    for name, entry in list(rule.input.items()):
        setattr(rule.input, name, _ancient_while_current(entry, command))  # where Snakemake looks named inputs up
    rule.set_input(state=lambda wildcards: state(command(wildcards), touch=touch))


def _command_of(rule: Rule) -> Callable[[Wildcards], str]:
    """The command of a rule's job, as Snakemake will run it."""
    inputs, outputs = dict(rule.input.items()), rule.output
    # What a parameter makes of a job's resources is no part of its command: it changes no result.
    resourceful = [name for name, value in rule.params.items() if callable(value) and _asks_for_resources(value)]
    params = {name: value for name, value in rule.params.items() if name not in resourceful}

    def command(wildcards: Wildcards) -> str:
        values = {name: value(wildcards) if callable(value) else value for name, value in params.items()}
        values |= dict.fromkeys(resourceful, "")
        return str(
            filled(
                rule.shellcmd,
                wildcards=wildcards,
                input=SimpleNamespace(**{name: _paths(entry, wildcards) for name, entry in inputs.items()}),
                output=_Outputs(outputs, wildcards),
                params=SimpleNamespace(**values),
            )
        )

    return command


def _asks_for_resources(function: Callable[..., Any]) -> bool:
    return "resources" in inspect.signature(function).parameters


class _Outputs(list[Any]):
    """The output paths of a job, those with names as attributes too, as Snakemake's own list of them has it."""

    def __init__(self, entries: Any, wildcards: Wildcards) -> None:
        super().__init__(_paths(entry, wildcards) for entry in entries)
        vars(self).update({name: _paths(entry, wildcards) for name, entry in entries.items()})


def _ancient_while_current(entry: Entry, command: Callable[[Wildcards], str]) -> Callable[[Wildcards], list[str]]:
    """The same input, whose modification time counts only while there is something to do."""

    def paths(wildcards: Wildcards) -> list[str]:
        found = _paths(entry, wildcards)
        listed = [found] if isinstance(found, str) else list(found)
        # plain text: a flag must not be set on the entry of the rule itself
        return [ancient(str(path)) for path in listed] if is_current(command(wildcards)) else listed

    return paths


def _paths(entry: Entry, wildcards: Wildcards) -> Any:
    """The path of an entry, or several."""
    if callable(entry):
        return entry(wildcards)
    if isinstance(entry, str):
        return entry.apply_wildcards(wildcards)  # type: ignore[attr-defined]  # Snakemake's own kind of str
    return [_paths(one, wildcards) for one in entry]
