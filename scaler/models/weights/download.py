"""From the publisher into the store: one download at a time, and nothing in place before its checksum is right."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from scaler.errors import ScalerError
from scaler.models.weights.registry import Checkpoint
from scaler.models.weights.store import by_hand, check, expected_sha256, make_store, pin, stored
from scaler.models.weights.transfer import Part, Unreachable, transfer
from scaler.progress import log


def fetch(entry: Checkpoint, folder: Path) -> tuple[Path, str]:
    """The verified file in the store, downloaded if it is not there.

    A file that is there, by whatever way, is verified like a download. A second process waits for the first.

    Returns:
        Its path and its SHA-256 (hex).

    Raises:
        ScalerError: it cannot be got (with what to bring by hand), or it is not what it should be.
    """
    path = stored(entry, folder)
    if path.is_file():
        return path, check(path, entry, folder)
    make_store(folder)
    with _alone(folder, entry.file):
        if path.is_file():
            return path, check(path, entry, folder)
        return path, _download(entry, folder, path)


@contextmanager
def _alone(folder: Path, file: str) -> Iterator[None]:
    """Only one process at a time; the lock is the operating system's, so it ends with its process."""
    lock = FileLock(folder / f".{file}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info(f"waiting: another process is fetching {file}")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _download(entry: Checkpoint, folder: Path, path: Path) -> str:
    part = Part.of(path)
    try:
        size = transfer(entry.url, part, entry.size)
    except Unreachable as error:
        raise ScalerError(f"weights: {entry.name} cannot be fetched: {error}.\n{by_hand(entry, folder)}") from None
    try:
        digest = check(part.data, entry, folder)
    except ScalerError as error:
        part.remove()  # all of it came, and it is wrong: going on from it can never help
        raise ScalerError(f"{error}\nWhat came was removed.\n{by_hand(entry, folder)}") from None
    if expected_sha256(entry, folder)[0] is None:
        log.info(f"{entry.name}: no checksum was known; pinned as first downloaded: {digest}")
    with part.data.open("rb") as file:
        os.fsync(file.fileno())
    pin(entry, folder, digest, size)
    part.data.replace(path)
    part.remove()
    return digest
