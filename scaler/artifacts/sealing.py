"""Writing artifacts so that a reader never sees half of one: temporary name, checksum, fsync, rename."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import h5py

from scaler.artifacts.filehash import sha256
from scaler.artifacts.header import DIGEST_LENGTH, Header, block_size, encode
from scaler.errors import ScalerError


@contextmanager
def sealed_hdf5(path: Path, header: Header, sidecars: dict[str, str] | None = None) -> Iterator[h5py.File]:
    """An HDF5 file to fill; when the block ends without an error it is sealed and takes the name `path`.

    Args:
        path: where it goes; an older artifact there is replaced in one step.
        header: provenance without checksums.
        sidecars: name -> text of small files (JSON, CSV) that are written beside it; the dictionary may be filled
            inside the block, but every name must be there from the start.

    Raises:
        ScalerError: the disk is full; nothing is left behind and an older artifact is untouched.
    """
    sidecars = sidecars if sidecars is not None else {}
    temporary = _temporary(path)
    planned = replace(header, sidecars=dict.fromkeys(sidecars, "0" * DIGEST_LENGTH))
    size = block_size(planned)
    with _cleared(temporary, path):
        with h5py.File(temporary, "w", userblock_size=size) as file:
            file.attrs["kind"] = header.kind
            file.attrs["schema"] = header.schema
            file.attrs["provenance"] = header.provenance()
            yield file
            file.attrs["fingerprint"] = header.fingerprint
        digests = {name: _write_text(path.with_name(name), text) for name, text in sidecars.items()}
        final = replace(planned, sidecars=digests, payload_sha256=sha256(temporary, size), payload_offset=size)
        with temporary.open("r+b") as raw:
            raw.write(encode(final, size))
        _settle(temporary, path)


def seal_html(path: Path, header: Header, page: str, sidecars: dict[str, str]) -> None:
    """Write a page whose first line is the header in a comment, and its sidecars; errors as `sealed_hdf5`."""
    temporary = _temporary(path)
    planned = replace(header, sidecars=dict.fromkeys(sidecars, "0" * DIGEST_LENGTH))
    size = block_size(planned, html=True)
    with _cleared(temporary, path):
        temporary.write_bytes(b" " * size + page.encode("utf-8"))
        digests = {name: _write_text(path.with_name(name), text) for name, text in sidecars.items()}
        final = replace(planned, sidecars=digests, payload_sha256=sha256(temporary, size), payload_offset=size)
        with temporary.open("r+b") as raw:
            raw.write(encode(final, size, html=True))
        _settle(temporary, path)


def _temporary(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    for stale in path.parent.glob(f".{path.name}.*.tmp"):  # of a process that was killed: the caller holds the lock
        stale.unlink(missing_ok=True)
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


@contextmanager
def _cleared(temporary: Path, path: Path) -> Iterator[None]:
    """Removes the temporary file on any error and says so plainly when the disk is full."""
    try:
        yield
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if _is_disk_full(error, path):
            free = shutil.disk_usage(path.parent).free // 2**20
            raise ScalerError(
                f"{path}: the disk is full ({free} MB free in {path.parent}). Nothing half-written was kept; "
                "make room and run the same command again: finished artifacts and training steps are not lost."
            ) from error
        raise


def _is_disk_full(error: BaseException, path: Path) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    # HDF5 reports a failed write or flush as RuntimeError or OSError without errno; the text names the cause
    return isinstance(error, OSError | RuntimeError | ValueError) and "No space left on device" in str(error)


def _write_text(path: Path, text: str) -> str:
    temporary = _temporary(path)
    try:
        temporary.write_text(text, encoding="utf-8")
        digest = sha256(temporary)
        _settle(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return digest


def _settle(temporary: Path, path: Path) -> None:
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def save_state(path: Path, numbers: dict[str, int | float | str], tensors: dict[str, object]) -> None:
    """A step checkpoint: an unsealed HDF5 with atomic replacement; `tensors` are numpy arrays."""
    temporary = _temporary(path)
    with _cleared(temporary, path):
        with h5py.File(temporary, "w") as file:
            for key, value in tensors.items():
                file.create_dataset(key, data=value, track_times=False)
            file.attrs["numbers"] = json.dumps(numbers)
        _settle(temporary, path)
