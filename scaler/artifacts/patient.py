"""A file on the disk that HDF5 writes to without ever seeing an error, since the library cannot recover from one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO, RawIOBase
from typing import Any

from scaler.artifacts.writing import write_all

NEUTRAL = True  # it decides about files, not about what is in them


class PatientFile(RawIOBase):
    """A file that HDF5 can write to without an error: the library cannot recover from a full disk, and may crash.

    The first error is kept in `error`; from then on nothing is written, and what was not written reads as zeros.
    """

    def __init__(self, file: FileIO) -> None:
        super().__init__()
        self._file = file
        self.error: OSError | None = None

    def write(self, content: Any, /) -> int:
        """Write all, or remember why not."""
        if self.error is None:
            try:
                write_all(self._file, content)
            except OSError as error:
                self.error = error
        return len(content)

    def truncate(self, size: int | None = None, /) -> int:
        """Change the size, or remember why not."""
        if self.error is None:
            try:
                self._file.truncate(size)
            except OSError as error:
                self.error = error
        return self.tell() if size is None else size

    def readinto(self, buffer: Any, /) -> int:
        """Read as much as `buffer` holds."""
        count = self._file.readinto(buffer) or 0
        buffer[count:] = bytes(len(buffer) - count)
        return len(buffer)

    def seek(self, position: int, whence: int = os.SEEK_SET, /) -> int:
        """Move."""
        return self._file.seek(position, whence)

    def tell(self) -> int:
        """The position."""
        return self._file.tell()

    def flush(self) -> None:
        """The file is not buffered."""


@contextmanager
def patient(file: FileIO) -> Iterator[PatientFile]:
    """A patient file; the error that it met is raised when HDF5 has done with it."""
    kept = PatientFile(file)
    try:
        yield kept
    except Exception as error:
        if kept.error is not None:
            raise kept.error from error  # whatever HDF5 said, this is why
        raise
    if kept.error is not None:
        raise kept.error
