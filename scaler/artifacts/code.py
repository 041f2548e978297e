"""The code version of a stage: a hash of all that it imports from this project and that can affect its result.

A package or module that carries values but computes none declares it where it stands, by a line

    NEUTRAL = True

at its top level; it holds for all below it, unless a module there says `NEUTRAL = False`. Neutral code does not count,
and what only it imports does not count either. A test keeps the list of names that counted code takes from neutral
code, so that none crosses over unseen.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from scaler.artifacts.canonical import canonical

NEUTRAL = True  # it decides about files, not about what is in them
ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("scaler", "stages")
DECLARATION = "NEUTRAL"
ASSETS = (".html", ".css", ".js")  # what a package's code reads beside it: the report's templates


def code_version(module: str, extra: tuple[str, ...] = ()) -> str:
    """Hash (hex, 64) over `module` and everything that it imports from the project; see `canonical` for what counts.

    Args:
        module: dotted name, such as "stages.train_sam".
        extra: further modules that it loads by name at run time (a user's own network).
    """
    whole = hashlib.sha256()
    for name in sorted(counted_modules((module, *extra))):
        whole.update(f"{name}\0{_module_hash(module_file(name))}\n".encode())
    return whole.hexdigest()


def counted_modules(start: Iterable[str]) -> set[str]:
    """The modules whose code counts: `start`, and what they import, directly or not, unless it is neutral."""
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name in found or module_file(name) is None or is_neutral(name):
            continue
        found.add(name)
        waiting.append(name.rpartition(".")[0])  # its package, with the assets that are there
        waiting.extend(imported_names(name))
    return found


@cache
def is_neutral(name: str) -> bool:
    """What the module, or else the nearest package around it, declares."""
    path = module_file(name)
    for node in _tree(path).body if path is not None else ():
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == DECLARATION for t in node.targets):
            return bool(ast.literal_eval(node.value))
    parent = name.rpartition(".")[0]
    return bool(parent) and is_neutral(parent)


@cache
def imported_names(name: str) -> tuple[str, ...]:
    """Dotted names that a module imports from the project, of modules and of what is in them; not those for types."""
    path = module_file(name)
    names: list[str] = []
    waiting: list[ast.AST] = [] if path is None else [_tree(path)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        waiting.extend(ast.iter_child_nodes(node))
    return tuple(name for name in names if name.split(".")[0] in PACKAGES)


@cache
def module_file(name: str) -> Path | None:
    """The file of a module or package of the project; None for anything else."""
    if not name:
        return None
    base = ROOT.joinpath(*name.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _module_hash(path: Path | None) -> str:
    if path is None:
        return ""
    digest = hashlib.sha256(canonical(path.read_text(encoding="utf-8")).encode())
    if path.name == "__init__.py":
        for asset in _assets(path.parent):
            digest.update(f"{asset.relative_to(path.parent).as_posix()}\0".encode())
            digest.update(asset.read_bytes())
    return digest.hexdigest()


def _assets(folder: Path) -> list[Path]:
    """Assets of a package, and of folders in it that are no packages themselves."""
    found = []
    for item in sorted(folder.iterdir()):
        if item.suffix in ASSETS:
            found.append(item)
        elif item.is_dir() and item.name.isidentifier() and not (item / "__init__.py").exists():
            found += _assets(item)
    return found
