"""Has anything changed since a command was last found to have nothing to do? Asked without reading a file's content.

The full answer (`scaler.artifacts.currency`) needs the parameters, the syntax trees of the code, and every artifact
above the command's own. Where it was "current", the state of all files that it rests on is kept: size, time of change,
and inode. As long as all of these are the same, so is the answer. Only the standard library is imported here.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scaler.artifacts.visible import files

CODE = Path(__file__).resolve().parents[2]
KEPT = Path(".scaler/current")
OWN_CODE = ("scaler", "stages")
PARAMS = "params.yaml"

Mark = list[int]
"""Size in bytes, time of change in ns, inode."""


@dataclass(frozen=True)
class Before:
    """The state of parameters and code before a command is looked at, so that a change in between is noticed."""

    params: Mark
    code: str

    @staticmethod
    def now() -> Before:
        """As it is now."""
        return Before(mark_of(PARAMS), _state_of_code(OWN_CODE))


def mark_of(path: str | Path) -> Mark:
    """The mark of a file.

    Raises:
        OSError: it is not there.
    """
    stat = os.stat(path)  # noqa: PTH116  # faster than Path for thousands of files
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino]


def unchanged(line: str) -> list[str] | None:
    """The outputs of a command that had nothing to do when it was last looked at, and still has not; else None."""
    try:
        kept = json.loads(_file(line).read_text(encoding="utf-8"))
        same = (
            all(mark_of(path) == mark for path, mark in kept["files"].items())
            and all(_state_of_code([name]) == state for name, state in kept["code"].items())
            and all(_state_of_source(folder) == state for folder, state in kept["sources"].items())
        )
        return [str(path) for path in kept["outputs"]] if same else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@dataclass(frozen=True)
class Rest:
    """What an answer rests on beside single files.

    Attributes:
        sources: folders of the user; every visible file below them counts, new ones too.
        named_modules: modules that the parameters name.
    """

    sources: Iterable[str]
    named_modules: Iterable[str]


def keep(line: str, outputs: list[str], before: Before, seen: Mapping[str, Mark], rest: Rest) -> None:
    """Remember that a command has nothing to do.

    Args:
        line: the command.
        outputs: what it would write.
        before: taken before it was looked at.
        seen: marks of all files that were read for the answer, taken before they were read.
        rest: what else was read.
    """
    if before.code != _state_of_code(OWN_CODE):
        return
    packages = {name.split(".")[0] for name in rest.named_modules} | set(OWN_CODE)
    roots = {folder: f"{Path(folder).absolute()}/" for folder in rest.sources}
    kept = {
        "outputs": outputs,
        "files": {path: mark for path, mark in seen.items() if not path.startswith(tuple(roots.values()))}
        | {PARAMS: before.params},
        "code": {name: _state_of_code([name]) for name in sorted(packages)},
        "sources": {
            folder: _joined({path.removeprefix(root): mark for path, mark in seen.items() if path.startswith(root)})
            for folder, root in roots.items()
        },
    }
    path = _file(line)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(kept), encoding="utf-8")
        temporary.replace(path)


def _file(line: str) -> Path:
    return KEPT / f"{hashlib.sha256(line.encode()).hexdigest()[:32]}.json"


def _state_of_source(folder: str) -> str:
    root = f"{Path(folder).absolute()}/"
    return _joined({name: mark_of(root + name) for name in files(Path(folder))})


def _state_of_code(packages: Iterable[str]) -> str:
    """State of all files of some packages or modules beside this one."""
    marks = {}
    for name in packages:
        module = CODE / f"{name}.py"
        if module.is_file():
            marks[module.name] = mark_of(module)
        for folder, folders, names in os.walk(CODE / name):
            folders[:] = [inner for inner in folders if inner != "__pycache__"]
            marks |= {f"{folder}/{file}": mark_of(f"{folder}/{file}") for file in names}
    return _joined(marks)


def _joined(marks: Mapping[str, Mark]) -> str:
    text = "\n".join(f"{name}\0{marks[name]}" for name in sorted(marks))
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
