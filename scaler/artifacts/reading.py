"""Opening artifacts; a file that is damaged, foreign, or of another kind or version is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from scaler.artifacts.filehash import sha256
from scaler.artifacts.header import read_header
from scaler.artifacts.names import SCHEMA
from scaler.artifacts.opening import open_hdf5
from scaler.errors import Fault, ScalerError

NEUTRAL = True  # it decides about files, not about what is in them


@contextmanager
def open_artifact(path: Path, kind: str, *, verify: bool = True) -> Iterator[h5py.File]:
    """Open a sealed HDF5 for reading.

    Args:
        path: the artifact.
        kind: one of `names.SCHEMA`.
        verify: compare the whole file with its checksum first.

    Raises:
        ScalerError: not there, not an artifact, of another kind or schema version, truncated or altered.
    """
    fault = _fault(path, kind, verify)
    if fault is not None:
        raise ScalerError(fault)
    try:
        file = open_hdf5(path)
    except OSError as error:  # its contents are right, so it is the file system
        remedy = "check the file system, or copy the file to another one"
        raise ScalerError(Fault("artifact_unreadable", (path,), f"cannot be opened ({error})", remedy)) from None
    with file:
        yield file


def _fault(path: Path, kind: str, verify: bool) -> Fault | None:
    wanted = f"expected an artifact of kind '{kind}'"
    remedy = f"make it with `snakemake --cores all {path.as_posix()}` or `dvc repro`"
    if not path.is_file():
        return Fault("artifact_missing", (path,), f"{wanted}, but there is no such file", remedy)
    header = read_header(path)
    if header is None:
        reason = f"{wanted}, but the file does not begin with a whole header of SCALER"
        return Fault("artifact_foreign", (path,), reason, f"it is damaged, or of another program or version: {remedy}")
    if header.kind != kind:
        reason = f"{wanted}, got one of kind '{header.kind}'"
        return Fault("artifact_kind", (path,), reason, "give the path of the right one")
    if header.schema != SCHEMA[kind]:
        reason = f"expected schema version {SCHEMA[kind]} of kind '{kind}', got {header.schema}"
        return Fault("artifact_schema", (path,), reason, remedy)
    if verify and sha256(path, header.payload_offset) != header.payload_sha256:
        reason = "the contents do not match their checksum: the file was truncated or changed"
        return Fault("artifact_damaged", (path,), reason, remedy)
    return None
