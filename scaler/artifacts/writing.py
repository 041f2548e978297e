"""The one way in which a file is written: under a temporary name, synced to the disk, then given its own name."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path

from scaler.errors import Fault, ScalerError

NEUTRAL = True  # it decides about files, not about what is in them

Content = bytes | memoryview


def write_file(path: Path, *parts: Content, durable: bool = True) -> None:
    """Replace a file in one step: a reader sees the old file or the new one, never half of it.

    Args:
        path: the file; its folder is made. The caller is the only one who writes it.
        parts: its content, one after the other.
        durable: wait until the disk has it, so that it survives a power cut; False for many small files.

    Raises:
        ScalerError: the disk is full, or the folder cannot be written to. An older file at `path` is untouched.
    """
    temporary = path.with_name(f".{path.name}.tmp")  # always the same, so that nothing of a killed process piles up
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            for part in parts:
                file.write(part)
            if durable:
                file.flush()
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
