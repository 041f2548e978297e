"""One digest of all that the user brought, so that a changed file is noticed; without numpy, for every start-up."""

from __future__ import annotations

import hashlib
from pathlib import Path

from scaler.artifacts.filehash import DigestMemory
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
    root, whole = folder.absolute(), hashlib.sha256()
    for name in sorted(files(folder)):  # names as strings: comparing thousands of paths takes longer than all the rest
        whole.update(f"{name}\0{remembered.digest(root / name)}\n".encode(errors="surrogateescape"))
    if memory is None:
        remembered.save()
    return whole.hexdigest()
