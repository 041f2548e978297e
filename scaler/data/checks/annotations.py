"""Annotation files of other tools in a folder without masks, and the command that imports them."""

from __future__ import annotations

import json
import os
import re
import shlex
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

from scaler.artifacts.visible import files
from scaler.errors import Fault

READ = 4_000_000  # bytes of a file that are looked at
TRIED = 20  # files of each suffix
FILE_NAME = re.compile(rb'"file_name"\s*:\s*"((?:[^"\\]|\\.)*)"')


def annotations_in(source: Path) -> list[Fault]:
    """An error for each kind of annotation that is found, with the command that imports it."""
    names = sorted(files(source)) if source.is_dir() else []
    found: dict[str, list[Path]] = {}
    tried = Counter[str]()
    for name in names:
        path = source / name
        suffix = path.suffix.lower()
        tried[suffix] += 1
        kind = _kind(path, suffix) if tried[suffix] <= TRIED else None
        if kind is not None:
            found.setdefault(kind, []).append(path)
    return [_fault(source, names, kind, paths) for kind, paths in found.items()]


def _fault(source: Path, names: list[str], kind: str, paths: list[Path]) -> Fault:
    files_ = tuple(paths)
    if kind == "mat":
        remedy = "convert the matrices to PNG masks of 0 and 255"
        return Fault("annotations_found", files_, "MATLAB files, which are not read", remedy)
    if kind == "csv":
        reason = "run lengths in a table (EncodedPixels), which are not read"
        return Fault("annotations_found", files_, reason, "convert them to PNG masks, or to COCO")
    if kind == "zip":
        return Fault("annotations_found", files_, "an archive, which is not read", "unpack it, and check the folder")
    given, images = _given(source, kind, paths), _images(source, names, kind, paths[0])
    out = source.with_name(f"{source.name}_imported")
    words = ["python", "-m", "scaler", "import", kind, str(given), *images, "--out", str(out)]
    remedy = f"import them: `{shlex.join(words)}`"
    return Fault("annotations_found", files_, f"annotations of the kind {kind}, not masks", remedy)


def _given(source: Path, kind: str, paths: list[Path]) -> Path:
    """What the import is to be given: a file, or the folder of several."""
    first = paths[0]
    if first.suffix == ".zip":
        return first
    if kind == "labelme":
        return Path(os.path.commonpath([path.parent for path in paths]))
    if kind == "cvat" and len(paths) > 1:
        return source
    if kind == "yolo" and first.suffix not in (".yaml", ".yml"):
        return first.parent.parent
    return first


def _images(source: Path, names: list[str], kind: str, path: Path) -> list[str]:
    """`--images` and the folder, where a file does not lie with its images."""
    stated = _stated(path) if kind == "coco" else None
    if stated is None:
        return []
    tail = PurePosixPath(stated.replace("\\", "/")).name
    found = [source / name for name in names if PurePosixPath(name).name == tail]
    if not found or any((folder / stated).is_file() for folder in (path.parent, path.parent / "images")):
        return []
    whole = found[0].as_posix()
    folder = Path(whole.removesuffix(f"/{stated}")) if whole.endswith(f"/{stated}") else found[0].parent
    return ["--images", str(folder)]


def _stated(path: Path) -> str | None:
    match = FILE_NAME.search(_head(path) or b"")
    return None if match is None else str(json.loads(b'"' + match[1] + b'"'))


def _head(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(READ)
    except OSError:
        return None


def _kind(path: Path, suffix: str) -> str | None:
    if suffix == ".mat":
        return "mat"
    if suffix == ".zip":
        return _kind_of_zip(path)
    if suffix == ".csv":
        return "csv" if b"encodedpixels" in (_head(path) or b"")[:1000].lower() else None
    head = _head(path) if suffix in (".json", ".xml", ".yaml", ".yml", ".txt") else None
    if head is None:
        return None
    if suffix == ".json":
        return _kind_of_json(head)
    if suffix == ".xml":
        return "cvat" if b"<annotations>" in head[:400] else None
    if suffix in (".yaml", ".yml"):
        return "yolo" if b"names:" in head and (b"train:" in head or b"nc:" in head) else None
    if path.parent.name == "labels":
        line = head.split(b"\n", 1)[0].split()
        return "yolo" if len(line) >= 5 and all(part.replace(b".", b"", 1).isdigit() for part in line) else None
    return None


def _kind_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            inside = {PurePosixPath(name).name.lower() for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile):
        return "zip"
    return "cvat" if "annotations.xml" in inside else "yolo" if inside & {"data.yaml", "obj.names"} else "zip"


def _kind_of_json(head: bytes) -> str | None:
    if b'"annotations"' in head and b'"images"' in head and b'"file_name"' in head:
        return "coco"
    try:
        value: Any = json.loads(head)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict) and "shapes" in value and "imagePath" in value:
        return "labelme"
    if isinstance(value, list) and value and isinstance(value[0], dict) and "data" in value[0]:
        return "label-studio"
    return None
