"""The folder `.scaler`: locks, logs, states and step checkpoints, outside the results, where engines leave it alone."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WORK = Path(".scaler")
LONGEST_NAME = 200  # bytes; most file systems allow 255
NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)  # some NFS, FUSE and container mounts


def working_file(folder: str, out: Path, suffix: str) -> Path:
    """The lock, log or state of an artifact, named after it."""
    name = out.as_posix().replace("/", "__")
    if len(name.encode()) > LONGEST_NAME:
        name = f"{hashlib.sha256(name.encode()).hexdigest()[:16]}__{out.name[-40:]}"
    return WORK / folder / (name + suffix)


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the lock of an artifact; wait while another process makes it."""
    from filelock import FileLock, Timeout

    from scaler.progress import log

    path = working_file("locks", out, ".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info(f"waiting: another process is making {out.as_posix()}")
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            raise
        log.warning(
            f"warning: the file system of {path.parent} has no locks ({error}). Going on without: artifacts "
            "stay whole, but two engines at once would do the same work twice."
        )
    try:
        yield
    finally:
        lock.release()
