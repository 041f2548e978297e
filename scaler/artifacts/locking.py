"""Locks between processes: held by the operating system, so they end with their process."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scaler.errors import ScalerError

NEUTRAL = True  # it decides about files, not about what is in them
NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)  # some NFS, FUSE and container mounts


@contextmanager
def file_lock(path: Path, busy: str, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock file at `path`, whose folder is made.

    On a file system without locks the block runs all the same, after a warning.

    Args:
        path: the lock file; it stays.
        busy: what another process is doing, as a sentence without full stop.
        wait: wait for the other process, after saying so; otherwise refuse.

    Raises:
        ScalerError: another process holds the lock, and `wait` is False.
        OSError: the folder cannot be made or written to.
    """
    from filelock import FileLock, Timeout  # here, as is the log: looking for what is current needs neither

    from scaler.progress import log

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if not wait:
            raise ScalerError(f"{busy}; wait until it has ended.") from None
        log.info(f"waiting: {busy}")
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            raise
        log.warning(
            f"warning: the file system of {path.parent} has no locks ({error}). Going on without: files stay whole, "
            "but two processes at once would do the same work twice."
        )
    try:
        yield
    finally:
        lock.release()
