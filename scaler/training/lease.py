"""One job per accelerator: a device is taken by a file lock, since Snakemake and DVC hand out no device numbers."""

from __future__ import annotations

import getpass
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from scaler.progress import log

FAKE = "SCALER_FAKE_DEVICES"
SECONDS_BETWEEN_TRIES = 0.2


@dataclass(frozen=True)
class Lease:
    """A device that this process holds until it ends.

    Attributes:
        number: index among the visible devices.
        lock: held as long as the object lives.
    """

    number: int
    lock: FileLock


def take_device(count: int, folder: Path | None = None) -> Lease:
    """Take one of `count` devices, waiting until one is free.

    The lock is of the operating system, so it is given back however the process ends.

    Args:
        count: number of devices of this machine.
        folder: where the lock files are kept; one per machine and user by default.
    """
    if folder is None:
        folder = Path(tempfile.gettempdir()) / f"scaler-devices-{getpass.getuser()}"
    folder.mkdir(parents=True, exist_ok=True)
    waited = False
    while True:
        for number in range(count):
            lock = FileLock(folder / f"{_physical(number)}.lock")
            try:
                lock.acquire(timeout=0)
                return Lease(number, lock)
            except Timeout:
                continue
        if not waited:
            log.info(f"waiting: all {count} devices are taken by other jobs")
            waited = True
        time.sleep(SECONDS_BETWEEN_TRIES)


def fake_count() -> int:
    """Number of pretended devices (tests of the scheduling on machines without accelerators); 0 normally."""
    return int(os.environ.get(FAKE, "0"))


def _physical(number: int) -> str:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = [name.strip() for name in visible.split(",") if name.strip()]
    return (names[number] if number < len(names) else str(number)).replace("/", "_")
