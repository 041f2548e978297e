"""The one way in which a file is written: under a temporary name, synced to the disk, then given its own name."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from scaler.errors import Fault, ScalerError

NEUTRAL = True  # it decides about files, not about what is in them
Content = bytes | memoryview
LONGEST_NAME = 255  # bytes, on all usual file systems


def write_file(path: Path, *parts: Content, durable: bool = True) -> None:
    """Replace a file in one step; see `replacing`.

    Args:
        path: the file.
        parts: its content, one after the other.
        durable: see `replacing`.
    """
    with replacing(path, durable=durable) as file:
        for part in parts:
            write_all(file, part)


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[FileIO]:
    """A file to fill; when the block ends without an error it takes the place of the one at `path`.

    So a reader sees the old file or the new one, never half of it.

    Args:
        path: the file; its folder is made. The caller is the only one who writes it.
        durable: wait until the disk has it, so that it survives a power cut; False for many small files.

    Raises:
        ScalerError: the disk is full, or the folder cannot be written to. An older file at `path` is untouched.
    """
    temporary = path.with_name(temporary_name(path.name))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w+b", buffering=0) as file:  # unbuffered: an error comes where it happens
            yield file
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
        if durable:
            _sync_folder(path.parent)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise ScalerError(_fault(path, error)) from error
        raise


def temporary_name(name: str) -> str:
    """The hidden name of a file while it is written.

    Always the same, so that nothing of a killed process piles up, and never too long for a file system.
    """
    plain = f".{name}.tmp"
    if len(os.fsencode(plain)) <= LONGEST_NAME:
        return plain
    return f".{hashlib.sha256(os.fsencode(name)).hexdigest()[:32]}.tmp"


def write_all(file: FileIO, content: Content) -> None:
    """Write all of `content`; a disk that fills up takes a part first, and raises OSError when asked for the rest."""
    rest = memoryview(content).cast("B")
    while len(rest):
        rest = rest[file.write(rest) :]


def _fault(path: Path, error: OSError) -> Fault:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        there = next(folder for folder in path.absolute().parents if folder.exists())
        free = shutil.disk_usage(there).free // 2**20
        reason = f"the disk is full ({free} MB free in {there})"
        remedy = "free some space and run the same command again; what was finished before is kept"
        return Fault("disk_full", (path,), reason, remedy)
    reason = f"the file cannot be written ({error.strerror})"
    return Fault("not_writable", (path,), reason, f"check the folder {path.parent} and its permissions")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
