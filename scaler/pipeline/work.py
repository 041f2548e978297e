"""The folder `.scaler`: locks, logs, states and step checkpoints, outside the results, where engines leave it alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scaler.artifacts.locking import file_lock
from scaler.errors import Fault, ScalerError

WORK = Path(".scaler")
LONGEST_NAME = 200  # bytes; most file systems allow 255


def working_file(folder: str, out: Path, suffix: str) -> Path:
    """The lock, log or state of an artifact, named after it."""
    name = out.as_posix().replace("/", "__")
    if len(name.encode()) > LONGEST_NAME:
        name = f"{hashlib.sha256(name.encode()).hexdigest()[:16]}__{out.name[-40:]}"
    return WORK / folder / (name + suffix)


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the lock of an artifact; wait while another process makes it.

    Raises:
        ScalerError: the folder of locks cannot be used.
    """
    path = working_file("locks", out, ".lock")
    with ExitStack() as stack:
        try:
            stack.enter_context(file_lock(path, f"another process is making {out.as_posix()}"))
        except OSError as error:
            remedy = "check the permissions and the file system of the project's folder"
            raise ScalerError(Fault("lock", (path,), f"cannot be locked ({error.strerror})", remedy)) from None
        yield
