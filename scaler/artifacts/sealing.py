"""Artifacts are filled, given their header and checksums, and put in place in one step."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import FileIO
from pathlib import Path

import h5py

from scaler.artifacts.filehash import CHUNK
from scaler.artifacts.hdf5 import content_digest
from scaler.artifacts.header import DIGEST_LENGTH, Header, block_size, encode
from scaler.artifacts.names import KNOWN_BY_CONTENT
from scaler.artifacts.patient import patient
from scaler.artifacts.writing import replacing, write_all, write_file

NEUTRAL = True  # it decides about files, not about what is in them


@contextmanager
def sealed_hdf5(path: Path, header: Header, sidecars: dict[str, str] | None = None) -> Iterator[h5py.File]:
    """An HDF5 file to fill; when the block ends without an error it is sealed and takes the name `path`.

    It is filled on the disk, so that memory does not grow with what is written.

    Args:
        path: where it goes; an older artifact there is replaced in one step.
        header: provenance without checksums.
        sidecars: name -> text of small files (JSON, CSV) that are written beside it; the dictionary may be filled
            inside the block, but every name must be there from the start.

    Raises:
        ScalerError: the disk is full; nothing is left behind and an older artifact is untouched.
    """
    sidecars = sidecars if sidecars is not None else {}
    by_content = header.kind in KNOWN_BY_CONTENT
    blank = "0" * DIGEST_LENGTH
    planned = replace(header, sidecars=dict.fromkeys(sidecars, blank), content=blank if by_content else "")
    size = block_size(planned)
    with replacing(path) as disk:
        with patient(disk) as kept, h5py.File(kept, "w", userblock_size=size) as file:
            file.attrs["kind"] = header.kind
            file.attrs["schema"] = header.schema
            file.attrs["provenance"] = header.provenance()
            yield file
            file.attrs["fingerprint"] = header.fingerprint
            content = content_digest(file) if by_content else ""
        final = replace(
            planned,
            content=content,
            sidecars=_write_sidecars(path, sidecars.items()),
            payload_sha256=_digest(disk, size),
            payload_offset=size,
        )
        disk.seek(0)
        write_all(disk, encode(final, size))


def discarded_hdf5() -> h5py.File:
    """A file to fill in memory, and to forget: what the processes write that do not keep the artifact."""
    return h5py.File("discarded", "w", driver="core", backing_store=False)


def seal_html(path: Path, header: Header, page: str, sidecars: Iterable[tuple[str, str]]) -> None:
    """Write a page whose first line is the header in a comment, after its sidecars; errors as `sealed_hdf5`.

    Args:
        path: of the page.
        header: provenance without checksums.
        page: HTML.
        sidecars: (name, text) of files beside the page, or in folders beside it ("data/run.js"); made one at a time.
    """
    payload = page.encode("utf-8")
    filled = replace(header, sidecars=_write_sidecars(path, sidecars))
    size = block_size(filled, html=True)
    final = replace(filled, payload_sha256=hashlib.sha256(payload).hexdigest(), payload_offset=size)
    write_file(path, encode(final, size, html=True), payload)


def _write_sidecars(path: Path, sidecars: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Write them; name -> SHA-256."""
    digests = {}
    for name, text in sidecars:
        content = text.encode("utf-8")
        write_file(path.parent / name, content)
        digests[name] = hashlib.sha256(content).hexdigest()
    return digests


def _digest(file: FileIO, offset: int) -> str:
    digest = hashlib.sha256()
    file.seek(offset)
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
