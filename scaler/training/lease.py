"""One job per accelerator: a device is taken by a file lock, since Snakemake and DVC hand out no device numbers."""

from __future__ import annotations

import getpass
import os
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from scaler.artifacts.locking import file_lock
from scaler.errors import ScalerError
from scaler.progress import log
from scaler.training import processes

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
    folder = folder or _folder()
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


def take_device_each(count: int) -> Lease:
    """`take_device` by each process of a stage; no two stages wait for a device that the other one holds.

    Raises:
        ScalerError: there are more processes than devices.
    """
    number, total = processes.local()
    if total == 1:
        return take_device(count)
    if total > count:
        raise ScalerError(
            f"devices: expected one for each of {total} processes, but this machine shows {count}. Ask for fewer "
            f"({processes.DEVICES}, or gpu in the resources of the Snakemake rule)."
        )
    # Only one stage at a time is taking several devices, and a stage that has its only one does not wait for another.
    with file_lock(_folder() / "several.lock", "another job is taking devices") if number == 0 else nullcontext():
        processes.agreed(lambda: None)  # the lock is held
        lease = take_device(count)
        processes.any_of(False)  # each has one
    return lease


def fake_count() -> int:
    """Number of pretended devices (tests of the scheduling on machines without accelerators); 0 normally."""
    return int(os.environ.get(FAKE, "0"))


def _folder() -> Path:
    return Path(tempfile.gettempdir()) / f"scaler-devices-{getpass.getuser()}"


def _physical(number: int) -> str:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = [name.strip() for name in visible.split(",") if name.strip()]
    return (names[number] if number < len(names) else str(number)).replace("/", "_")
