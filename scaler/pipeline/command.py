"""The command line of a stage, read off the signature of its `main`.

Every stage imports this module; what takes long to import is imported where it is used.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NewType, get_type_hints

if TYPE_CHECKING:
    from scaler.artifacts.currency import Recipe
    from scaler.params import Params

Artifact = NewType("Artifact", Path)
"""An artifact that the stage reads."""
Labels = NewType("Labels", Path)
"""A folder of label shards, one per entry of `shards`."""
Results = NewType("Results", Path)
"""The folder of all results of the rounds that `params.yaml` names."""
Raw = NewType("Raw", Path)
"""A file or folder that the user brought."""
Output = NewType("Output", Path)
"""An artifact that the stage writes."""

_PATHS = (Artifact, Labels, Results, Raw, Output)


@dataclass(frozen=True)
class Command:
    """One call of one stage.

    Attributes:
        recipe: what it makes its outputs from.
        outputs: argument name -> path of each artifact that it writes.
        values: all arguments of `main`, converted.
        line: the command as one pastes it.
    """

    recipe: Recipe
    outputs: dict[str, Path]
    values: dict[str, Any]
    line: str


def parse_command(stage: str, arguments: Sequence[str], params: Params) -> Command:
    """Read the arguments of `python -m stages.<stage>`; argparse reports a wrong one and exits."""
    import argparse
    import importlib

    from scaler.artifacts.currency import Recipe

    module = importlib.import_module(f"stages.{stage}")
    kinds = _kinds(module.main)
    parser = argparse.ArgumentParser(prog=f"python -m stages.{stage}", description=module.__doc__)
    for name, kind in kinds.items():
        flag = "--" + name.replace("_", "-")
        converted = Path if kind in _PATHS else kind
        parser.add_argument(flag, dest=name, required=True, type=converted, help=_help(kind))
    values = vars(parser.parse_args(list(arguments)))
    scalars = {name: values[name] for name, kind in kinds.items() if kind not in _PATHS}
    inputs = [item for name, kind in kinds.items() for item in _inputs(name, kind, values[name], params)]
    outputs = {name: values[name] for name, kind in kinds.items() if kind is Output}
    line = " ".join(["python", "-m", f"stages.{stage}", *arguments])
    return Command(Recipe(stage, scalars, tuple(inputs)), outputs, values, line)


def _kinds(main: Callable[..., None]) -> dict[str, Any]:
    """The type of each argument."""
    hints = get_type_hints(main)
    parameters = inspect.signature(main).parameters.items()
    return {name: hints[name] for name, item in parameters if item.kind is inspect.Parameter.KEYWORD_ONLY}


def _inputs(name: str, kind: Any, value: Any, params: Params) -> list[tuple[str, str, bool]]:
    from scaler.artifacts.names import shard_files
    from scaler.artifacts.paths import result_files

    if kind is Artifact or kind is Raw:
        return [(name, value.as_posix(), kind is Raw)]
    if kind is Labels:
        return [(name, path.as_posix(), False) for path in shard_files(value, params.shards)]
    if kind is Results:
        return [(name, path.as_posix(), False) for path in result_files(value, params)]
    return []


def _help(kind: Any) -> str:
    texts = {
        Artifact: "artifact to read",
        Labels: "folder of label shards to read",
        Results: "folder of all results to read",
        Raw: "file or folder that you brought",
        Output: "artifact to write",
    }
    return texts.get(kind, str(kind.__name__))
