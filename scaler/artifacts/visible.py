"""What counts as a file of the user's data: one answer for reading and for noticing changes. Standard library only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

CLUTTER = (  # in lower case: what file managers, archives and network drives leave behind; none of it is data
    "thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "#recycle", "$recycle.bin",
    "system volume information", "lost+found",
)  # fmt: skip

Kind = Literal["file", "folder", "other"]


def entries(root: Path) -> Iterator[tuple[str, Kind]]:
    """Everything below `root`, in no certain order, links followed (but no folder inside itself).

    Hidden names (a leading dot) and the clutter of file managers are left out.

    Yields:
        Path relative to `root` with "/" between its parts, and its kind; "other" is a dangling link or a device.
    """
    yield from _below(os.fspath(root), "", frozenset())


def is_clutter(name: str) -> bool:
    """Whether a file or folder of this name is never data."""
    return name.startswith(".") or name.lower() in CLUTTER


def files(root: Path) -> Iterator[str]:
    """The files among `entries`."""
    return (name for name, kind in entries(root) if kind == "file")


def _below(folder: str, prefix: str, above: frozenset[tuple[int, int]]) -> Iterator[tuple[str, Kind]]:
    stat = Path(folder).stat()
    here = (stat.st_dev, stat.st_ino)
    if here in above:
        return
    with os.scandir(folder) as found:
        for entry in found:
            if is_clutter(entry.name):
                continue
            name = prefix + entry.name
            if entry.is_dir():
                yield name, "folder"
                yield from _below(entry.path, name + "/", above | {here})
            else:
                yield name, "file" if entry.is_file() else "other"
