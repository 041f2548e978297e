"""Annotation files of other tools in a folder without masks, and the command that imports them."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from scaler.artifacts.visible import files
from scaler.errors import Fault

READ = 4_000_000  # bytes of a file that are looked at
TRIED = 20  # files of each suffix


def annotations_in(source: Path) -> list[Fault]:
    """A warning for each kind of annotation that is found, with the command that imports it."""
    found: dict[str, Path] = {}
    tried: dict[str, int] = {}
    for name in sorted(files(source)):
        path = source / name
        suffix = path.suffix.lower()
        tried[suffix] = tried.get(suffix, 0) + 1
        kind = _kind(path, suffix) if tried[suffix] <= TRIED else None
        if kind is not None:
            found.setdefault(kind, path)
    return [_fault(source, kind, path) for kind, path in found.items()]


def _fault(source: Path, kind: str, path: Path) -> Fault:
    if kind == "mat":
        remedy = "convert the matrices to PNG masks of 0 and 255"
        return Fault("annotations_found", (path,), "MATLAB files, which are not read", remedy, "warning")
    given = {"labelme": path.parent, "yolo": path if path.suffix == ".yaml" else path.parent.parent}.get(kind, path)
    out = source.with_name(f"{source.name}_imported")
    command = f"python -m scaler import {kind} {shlex.quote(str(given))} --out {shlex.quote(str(out))}"
    return Fault(
        "annotations_found", (path,), f"annotations of the kind {kind}", f"import them: `{command}`", "warning"
    )


def _kind(path: Path, suffix: str) -> str | None:
    try:
        with path.open("rb") as file:
            head = file.read(READ)
    except OSError:
        return None
    if suffix == ".json":
        return _kind_of_json(head)
    if suffix == ".xml":
        return "cvat" if b"<annotations>" in head[:400] else None
    if suffix == ".mat":
        return "mat"
    if suffix in (".yaml", ".yml"):
        return "yolo" if b"names:" in head and (b"train:" in head or b"nc:" in head) else None
    if suffix == ".txt" and path.parent.name == "labels":
        line = head.split(b"\n", 1)[0].split()
        return "yolo" if len(line) >= 5 and all(part.replace(b".", b"", 1).isdigit() for part in line) else None
    return None


def _kind_of_json(head: bytes) -> str | None:
    if b'"annotations"' in head and b'"images"' in head and b'"file_name"' in head:
        return "coco"
    try:
        value = json.loads(head)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict) and "shapes" in value and "imagePath" in value:
        return "labelme"
    if isinstance(value, list) and value and isinstance(value[0], dict) and "data" in value[0]:
        return "label-studio"
    return None
