"""Opening artifacts: a file of another kind or version, a damaged one or a foreign one is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from scaler.artifacts.filehash import sha256
from scaler.artifacts.header import read_header
from scaler.artifacts.names import SCHEMA
from scaler.errors import ScalerError

NEUTRAL = True  # it decides about files, not about what is in them


@contextmanager
def open_artifact(path: Path, kind: str, *, verify: bool = True) -> Iterator[h5py.File]:
    """Open a sealed HDF5 for reading.

    Args:
        path: the artifact.
        kind: one of `names.SCHEMA`.
        verify: check the whole file's SHA-256 first (stages do: their harness has already compared fingerprints).

    Raises:
        ScalerError: not there, not an artifact, of another kind or schema version, truncated or altered.
    """
    remedy = f"Make it with `snakemake --cores all {path.as_posix()}` or `dvc repro`."
    if not path.is_file():
        raise ScalerError(f"{path}: expected an artifact of kind '{kind}', but there is no such file. {remedy}")
    header = read_header(path)
    if header is None:
        raise ScalerError(
            f"{path}: expected an artifact of kind '{kind}', but the file does not begin with SCALER's header "
            f"(truncated, damaged, or written by another program). {remedy}"
        )
    if header.kind != kind:
        raise ScalerError(f"{path}: expected an artifact of kind '{kind}', got kind '{header.kind}'.")
    if header.schema != SCHEMA[kind]:
        raise ScalerError(
            f"{path}: expected schema version {SCHEMA[kind]} of kind '{kind}', got {header.schema}. {remedy}"
        )
    if verify and sha256(path, header.payload_offset) != header.payload_sha256:
        raise ScalerError(f"{path}: its checksum does not fit its contents (truncated or altered). {remedy}")
    with h5py.File(path, "r") as file:
        yield file
