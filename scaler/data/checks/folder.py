"""Names and places: what lies in the folder and is no sample, and names that will not survive a copy."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from pathlib import Path, PurePosixPath

from scaler.artifacts.visible import CLUTTER
from scaler.data.checks.findings import Findings
from scaler.data.checks.inventory import Item, relative
from scaler.data.decode import SUFFIXES
from scaler.data.folder import OTHER_PICTURES
from scaler.data.layouts import folder_name, folders_of
from scaler.data.points_files import SUFFIXES as POINTS_SUFFIXES
from scaler.params import PrepareDataParams

RESERVED = '<>:"\\|?*'  # not allowed in names on Windows file systems


def check_folder(source: Path, params: PrepareDataParams, items: list[Item], findings: Findings) -> None:
    """Clutter, strangers, empty folders, names that only differ by case, and marks that are not used."""
    for key, folder in folders_of(source, params):
        _walk(source, folder, key, params, findings)
    _check_names(source, items, findings)
    marked = [item for item in items if item.marks is not None]
    if marked and params.supervision not in ("points", "scribbles"):
        findings.add(
            "note",
            "marks_unused",
            [folder_name(params, "marks") if params.layout == "general" else "."],
            f"{len(marked)} marks files, but prepare_data.supervision is {params.supervision}, which reads none",
            "set it to points or scribbles if you want to train on them",
        )


def _walk(source: Path, folder: Path, key: str, params: PrepareDataParams, findings: Findings) -> None:
    try:
        listing = sorted(os.walk(folder))
    except OSError:
        return  # `survey` has told it
    for place, folders, names in listing:
        if any(part.startswith(".") for part in Path(relative(place, folder)).parts if part not in (".", "..")):
            continue
        if not folders and not names and place != str(folder):
            findings.add("note", "folder_empty", [relative(place, source)], "an empty folder", "remove it, or fill it")
        for name in sorted([*folders, *names]):
            is_folder = name in folders
            path = relative(Path(place) / name, source)
            if path != params.marks:  # the file with the points of all may lie anywhere in the source
                _check_entry(path, name, is_folder, key, findings)


def _check_entry(path: str, name: str, is_folder: bool, key: str, findings: Findings) -> None:
    suffix = PurePosixPath(name).suffix.lower()
    if name.startswith("._"):
        findings.add("note", "hidden", [path], "a side file that macOS writes, passed over", "remove it when you like")
    elif name.startswith("."):
        findings.add(
            "note", "hidden", [path], f"a hidden {'folder' if is_folder else 'file'}, passed over",
            "rename it without the leading dot if it is data",
        )  # fmt: skip
    elif name in CLUTTER:
        findings.add("note", "system_file", [path], "a file manager's own file, passed over", "remove it when you like")
    elif not is_folder and suffix not in (*SUFFIXES, *OTHER_PICTURES, *(POINTS_SUFFIXES if key == "marks" else ())):
        findings.add(
            "note", "stranger", [path], f"no picture by its suffix, passed over in {key}",
            "move it elsewhere, or give it the suffix that it should have",
        )  # fmt: skip


def _check_names(source: Path, items: list[Item], findings: Findings) -> None:
    alike: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        alike[unicodedata.normalize("NFC", item.id).casefold()].append(item)
        stem = PurePosixPath(item.id).name
        if stem != stem.strip():
            _warn_name(item, source, "name_spaces", "the name begins or ends with a space", findings)
        elif any(letter in RESERVED for letter in stem):
            _warn_name(item, source, "name_reserved", "the name holds a letter that Windows forbids", findings)
    for same in alike.values():
        if len(same) > 1:
            findings.add(
                "warning",
                "name_collision",
                [relative(item.image, source) for item in same],
                "names that differ by upper and lower case or by the coding of accents only",
                "rename one: on Windows and macOS one file would replace the other",
                [item.id for item in same],
            )


def _warn_name(item: Item, source: Path, kind: str, reason: str, findings: Findings) -> None:
    cure = "rename it (and its mask): a copy to another system may fail or lose it"
    findings.add("warning", kind, [relative(item.image, source)], reason, cure, [item.id])
