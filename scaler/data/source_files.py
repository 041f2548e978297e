"""The files of a data set by image id, and what a listing of a folder turns up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from scaler.artifacts.visible import entries
from scaler.data.decode import SUFFIXES, UNREAD_SUFFIXES, VIDEO_SUFFIXES
from scaler.data.layouts import Split
from scaler.data.points import Points
from scaler.errors import Fault, Faults, ScalerError


@dataclass
class SourceFiles:
    """All images by id, and what names, folders or a table say about them.

    Attributes:
        images: the file of each image. An id is the path below the source without the sub-folder of the images and
            without suffix, verbatim, "/" between its parts.
        masks, marks: files of the images that have one.
        points: of images that are in a file of points for all images; `marks` then has that file.
        sets: name of the set, "" for a single one.
        roles: the split that folders, a table or the beginning of the name stand for.
        groups: the groups that a table names.
        mask_remedies: how to add a mask to an image, for messages.
    """

    images: dict[str, Path] = field(default_factory=dict)
    masks: dict[str, Path] = field(default_factory=dict)
    marks: dict[str, Path] = field(default_factory=dict)
    points: dict[str, Points] = field(default_factory=dict)
    sets: dict[str, str] = field(default_factory=dict)
    roles: dict[str, Split] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    mask_remedies: dict[str, str] = field(default_factory=dict)


def twins(one: Path, other: Path) -> Fault:
    """Two files that have the same id."""
    return Fault("name_twice", (one, other), "the same name twice", "keep one, or rename one")


def list_files(folder: Path, faults: Faults, suffixes: Sequence[str] = SUFFIXES) -> list[str]:
    """The paths below `folder` with one of these suffixes, "/" between their parts, sorted.

    `faults` gets errors for folders and dangling links that are named like a file, and for names that are not text.
    Pictures of formats that are not read, and videos, give warnings.

    Raises:
        ScalerError: the folder is not readable.
    """
    found: list[str] = []
    if not folder.is_dir():
        return found
    try:
        listing = sorted(entries(folder))
    except OSError as error:
        reason = f"not readable ({error.strerror})"
        raise ScalerError(Fault("folder_unreadable", (str(error.filename),), reason, "check its permissions")) from None
    for name, kind in listing:
        path, suffix = folder / name, PurePosixPath(name).suffix.lower()
        if suffix in UNREAD_SUFFIXES + VIDEO_SUFFIXES and kind == "file" and suffixes is SUFFIXES:
            reason = f"{suffix} files are not read: left out"
            faults.add(Fault("format_not_read", (path,), reason, "convert it to PNG, or a video to images", "warning"))
        if suffix not in suffixes:
            continue
        if kind == "folder":
            faults.add(Fault("not_a_file", (path,), "a folder named like an image", "rename or remove it"))
        elif kind != "file":
            reason = "a link that leads nowhere, or not a regular file"
            faults.add(Fault("not_a_file", (path,), reason, "rename or remove it"))
        elif any(letter < " " or "\ud800" <= letter <= "\udfff" for letter in name):  # control characters, not UTF-8
            faults.add(Fault("name_not_text", (path,), "the name contains unprintable characters", "rename it"))
        else:
            found.append(name)
    return found
