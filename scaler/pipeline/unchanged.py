"""Has anything changed since a command was last found to have nothing to do? Asked without reading a file's content.

The full answer (`scaler.artifacts.currency`) needs the parameters, the syntax trees of the code, and every artifact
above the command's own. Where it was "current", the state of all files that it rests on is kept: size, time of change,
and inode. As long as all of these are the same, so is the answer; an artifact whose mark has changed but whose content
has not is the same. Only the standard library is imported here.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaler.artifacts.visible import files

if TYPE_CHECKING:
    from scaler.artifacts.filehash import Seen

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
            all(_is_same(path, entry) for path, entry in kept["files"].items())
            and all(_state_of_code([name]) == state for name, state in kept["code"].items())
            and all(_state_of_source(folder) == state for folder, state in kept["sources"].items())
        )
        if same and any(mark_of(path) != entry[0] for path, entry in kept["files"].items()):
            _write(line, kept | {"files": {path: [mark_of(path), *entry[1:]] for path, entry in kept["files"].items()}})
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


def keep(line: str, outputs: list[str], before: Before, seen: Mapping[str, Seen], rest: Rest) -> None:
    """Remember that a command has nothing to do.

    Args:
        line: the command.
        outputs: what it would write.
        before: taken before it was looked at.
        seen: all files that were read for the answer.
        rest: what else was read.
    """
    if before.code != _state_of_code(OWN_CODE):
        return
    packages = {name.split(".")[0] for name in rest.named_modules} | set(OWN_CODE)
    roots = {folder: f"{Path(folder).absolute()}/" for folder in rest.sources}
    single = {path: file for path, file in seen.items() if not path.startswith(tuple(roots.values()))}
    heads = {path: _head(path, file.offset) for path, file in single.items()}
    if any(mark_of(path) != file.mark for path, file in single.items()):
        return  # changed since it was read
    kept = {
        "outputs": outputs,
        "files": {PARAMS: [before.params]} | {path: [*file, heads[path]] for path, file in single.items()},
        "code": {name: _state_of_code([name]) for name in sorted(packages)},
        "sources": {
            folder: _joined({path.removeprefix(root): f.mark for path, f in seen.items() if path.startswith(root)})
            for folder, root in roots.items()
        },
    }
    _write(line, kept)


def _is_same(path: str, entry: list[Any]) -> bool:
    """Whether a file is as it was: by its mark, else (DVC copies what it has taken over) by its content."""
    mark = mark_of(path)
    if mark == entry[0]:
        return True
    if len(entry) == 1 or mark[0] != entry[0][0]:
        return False
    from scaler.artifacts.filehash import DigestMemory

    memory = DigestMemory()
    same = bool(memory.digest(Path(path), entry[1]) == entry[2] and _head(path, entry[1]) == entry[3])
    memory.save()
    return same


def _head(path: str, size: int) -> str:
    """SHA-256 (hex) of the first bytes of a file."""
    with Path(path).open("rb") as file:
        return hashlib.sha256(file.read(size)).hexdigest()


def _write(line: str, kept: dict[str, Any]) -> None:
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
