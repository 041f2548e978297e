"""SHA-256 of files and folders, remembered by (size, mtime, inode) so that asking again costs nothing."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

from scaler.artifacts.visible import files

NEUTRAL = True  # it decides about files, not about what is in them

MEMORY = Path(".scaler/digests.json")
CHUNK = 1 << 20


def sha256(path: Path, offset: int = 0) -> str:
    """SHA-256 (hex) of the bytes of `path` from `offset` on, always read from the disk."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


class Seen(NamedTuple):
    """A file that was looked at.

    Attributes:
        mark: size in bytes, time of change in ns, inode; taken before the file was read.
        offset: where the bytes begin that the digest is of.
        digest: SHA-256 (hex).
    """

    mark: list[int]
    offset: int
    digest: str


class DigestMemory:
    """Digests of files that have not changed since they were last read.

    The memory is a cache: losing it, or a race between two writers, costs a second reading and nothing else.
    """

    def __init__(self, store: Path = MEMORY) -> None:
        self._store = store
        self._known: dict[str, list[str | int]] = _load(store)
        self.seen: dict[str, Seen] = {}  # path -> as it was when it was first looked at
        self._changed = False

    def digest(self, path: Path, offset: int = 0) -> str:
        """SHA-256 of `path` from `offset` on, from memory where size, mtime and inode are as remembered."""
        stat = path.stat()
        key = f"{path.absolute()}@{offset}"
        mark = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
        known = self._known.get(key)
        if known is None or known[1:] != mark:
            known = self._known[key] = [sha256(path, offset), *mark]
            self._changed = True
        value = str(known[0])
        self.seen.setdefault(os.fspath(path), Seen(mark, offset, value))
        return value

    def save(self) -> None:
        """Keep what was learned; does nothing when nothing was."""
        if not self._changed:
            return
        self._store.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._store.parent, suffix=".tmp")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(self._known, file)
        Path(name).replace(self._store)
        self._changed = False


def source_digest(folder: Path, memory: DigestMemory | None = None) -> str:
    """SHA-256 (hex) over names and contents of all visible files below `folder`; links are followed.

    Args:
        folder: the source; its own name and place take no part.
        memory: digests of files that have not changed since, by size, mtime and inode; the caller saves it.
            None: the project's own memory, saved here.

    Raises:
        OSError: the folder or a file in it is not readable.
    """
    remembered = memory or DigestMemory()
    root, whole = folder.absolute(), hashlib.sha256()
    for name in sorted(files(folder)):  # names as strings: comparing thousands of paths takes longer than all the rest
        whole.update(f"{name}\0{remembered.digest(root / name)}\n".encode(errors="surrogateescape"))
    if memory is None:
        remembered.save()
    return whole.hexdigest()


def _load(store: Path) -> dict[str, list[str | int]]:
    try:
        values = json.loads(store.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
