"""Names and places: what is in the folder but not a sample, and names that do not survive a copy."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from pathlib import Path, PurePosixPath

from scaler.artifacts.visible import CLUTTER, is_clutter
from scaler.data.decode import SUFFIXES, UNREAD_SUFFIXES, VIDEO_SUFFIXES
from scaler.data.folder import Sample
from scaler.data.layouts import folder_name, folders_of
from scaler.data.points_files import SUFFIXES as POINTS_SUFFIXES
from scaler.errors import Fault, Faults
from scaler.params import PrepareDataParams

RESERVED = '<>:"\\|?*'  # not allowed in names on Windows file systems


def check_folder(source: Path, params: PrepareDataParams, samples: list[Sample], faults: Faults) -> None:
    """System files, other files, empty folders, names that differ by case only, and marks that are not used."""
    for key, folder in folders_of(source, params):
        _walk(source, folder, key, params, faults)
    _check_names(samples, faults)
    marked = sum(sample.marks is not None for sample in samples)
    if marked and params.supervision not in ("points", "scribbles"):
        folder = source / folder_name(params, "marks") if params.layout == "general" else source
        reason = f"{marked} marks files, but prepare_data.supervision is {params.supervision}, which reads none"
        faults.add(Fault("marks_unused", (folder,), reason, "set it to points or scribbles to train on them", "note"))


def _walk(source: Path, folder: Path, key: str, params: PrepareDataParams, faults: Faults) -> None:
    try:
        listing = sorted(os.walk(folder))
    except OSError:
        return  # `survey` has reported it
    for place, folders, names in listing:
        below = Path(place).relative_to(folder)
        if any(is_clutter(part) for part in below.parts):
            continue
        if not folders and not names and below.parts:
            faults.add(Fault("folder_empty", (place,), "an empty folder", "remove it, or fill it", "note"))
        for name in sorted([*folders, *names]):
            path = Path(place) / name
            if path.relative_to(source).as_posix() not in (params.marks, params.table):  # these may be anywhere
                _check_entry(path, name in folders, key, faults)


def _check_entry(path: Path, is_folder: bool, key: str, faults: Faults) -> None:
    name, suffix = path.name, path.suffix.lower()
    known = (*SUFFIXES, *UNREAD_SUFFIXES, *VIDEO_SUFFIXES, *(POINTS_SUFFIXES if key == "marks" else ()))
    if name.startswith("._"):
        fault = "hidden", "a side file that macOS writes, not read", "remove it if you like"
    elif name.startswith("."):
        what = "folder" if is_folder else "file"
        fault = "hidden", f"a hidden {what}, not read", "rename it without the leading dot if it is data"
    elif name.lower() in CLUTTER:
        reason = "left by a file manager, an archive or a network drive; not read"
        fault = "system_file", reason, "remove it if you like"
    elif not is_folder and suffix not in known:
        fault = "stranger", f"not an image by its suffix, not read as {key}", "move it, or give it the right suffix"
    else:
        return
    faults.add(Fault(fault[0], (path,), fault[1], fault[2], "note"))


def _check_names(samples: list[Sample], faults: Faults) -> None:
    alike: dict[str, list[Sample]] = defaultdict(list)
    remedy = "rename it (and its mask): a copy to another system may fail or lose it"
    for sample in samples:
        alike[unicodedata.normalize("NFC", sample.id).casefold()].append(sample)
        stem, found = PurePosixPath(sample.id).name, None
        if stem != stem.strip():
            found = "name_spaces", "the name begins or ends with a space"
        elif any(letter in RESERVED for letter in stem):
            found = "name_reserved", "the name holds a character that Windows forbids"
        if found:
            faults.add(Fault(found[0], (sample.image,), found[1], remedy, "warning", (sample.id,)))
    for same in alike.values():
        if len(same) > 1:
            reason = "names that differ only by upper and lower case or by the Unicode form of accents"
            remedy = "rename one: on Windows and macOS one file would replace the other"
            files, ids = tuple(sample.image for sample in same), tuple(sample.id for sample in same)
            faults.add(Fault("name_collision", files, reason, remedy, "warning", ids))
