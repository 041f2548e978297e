"""One digest of all that the user brought, so that a changed file is noticed; without numpy, for every start-up."""

from __future__ import annotations

from pathlib import Path

from scaler.artifacts.filehash import DigestMemory, tree_digest
from scaler.data.files import files


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
    value = tree_digest(folder, (folder / name for name in files(folder)), remembered)
    if memory is None:
        remembered.save()
    return value
