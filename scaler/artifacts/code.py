"""The code version of a stage: a hash of all that it imports from this project, comments and docstrings aside."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("scaler", "stages")
# What carries values but computes none: a new progress line must not train a model again.
NEUTRAL = (
    "scaler.pipeline",
    "scaler.errors",
    "scaler.params",
    "scaler.progress",
    "scaler.artifacts",
    "scaler.models.weights",
    "scaler.data.checks",  # it refuses and warns; what is prepared does not depend on it
)
COUNTED = tuple(
    f"scaler.artifacts.{name}" for name in ("names", "hdf5", "splits", "labels", "models", "evaluation", "paths", "run")
)
ASSETS = (".html", ".css", ".js")  # what a package's code reads beside it: the report's templates


def code_version(module: str, extra: tuple[str, ...] = ()) -> str:
    """Hash (hex, 64) over the syntax trees of `module` and of everything that it imports from the project.

    Args:
        module: dotted name, such as "stages.train_sam".
        extra: further modules that it loads by name at run time (a user's own network).
    """
    whole = hashlib.sha256()
    for name in sorted(_closure((module, *extra))):
        whole.update(f"{name}\0{_tree_hash(_file(name))}\n".encode())
    return whole.hexdigest()


def _closure(start: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name in found or _is_neutral(name) or _file(name) is None:
            continue
        found.add(name)
        waiting.append(name.rpartition(".")[0])  # its package, with the assets that lie there
        waiting.extend(_imports(_file(name)))
    return found


def _is_neutral(name: str) -> bool:
    if name in COUNTED:
        return False
    return any(name == prefix or name.startswith(prefix + ".") for prefix in NEUTRAL)


@cache
def _file(name: str) -> Path | None:
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
def _imports(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    names: list[str] = []
    waiting: list[ast.AST] = [_tree(path)]
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
def _tree_hash(path: Path | None) -> str:
    if path is None:
        return ""
    digest = hashlib.sha256(_canonical(_tree(path)).encode())
    if path.name == "__init__.py":
        for asset in _assets(path.parent):
            digest.update(f"{asset.relative_to(path.parent).as_posix()}\0".encode())
            digest.update(asset.read_bytes())
    return digest.hexdigest()


def _assets(folder: Path) -> list[Path]:
    """What code reads beside it: files of a package, and of folders in it that are no packages themselves."""
    found = []
    for item in sorted(folder.iterdir()):
        if item.suffix in ASSETS:
            found.append(item)
        elif item.is_dir() and item.name.isidentifier() and not (item / "__init__.py").exists():
            found += _assets(item)
    return found


def _canonical(node: object) -> str:
    """A syntax tree as text that is the same under every supported Python: empty fields and positions left out."""
    if isinstance(node, ast.AST):
        fields = {name: getattr(node, name, None) for name in node._fields}
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            fields["body"] = _without_docstring(node.body)
        inner = ",".join(f"{name}={_canonical(value)}" for name, value in fields.items() if value not in (None, []))
        return f"{type(node).__name__}({inner})"
    if isinstance(node, list):
        return "[" + ",".join(_canonical(item) for item in node) + "]"
    return repr(node)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return body[1:]
    return body
