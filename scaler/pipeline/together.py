"""A stage on several devices: one process for each, started by `torchrun`.

`SCALER_DEVICES=4 python -m stages.train_sam ...` is the command of one device with a number in front; how many there
are is no part of a fingerprint. `torchrun --nproc-per-node 4 -m stages.train_sam ...` does the same, and goes over
several machines. The first process holds the artifact's lock, decides whether there is something to do, and writes.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from scaler.errors import ScalerError
from scaler.training import processes

STAGES = (
    "initialize_segmenter",
    "initialize_sam",
    "warm_up",
    "train_segmenter",
    "train_sam",
    "label_with_sam",
    "label_with_segmenter",
    "evaluate",
)
SECONDS_TO_LISTEN = 20.0


def start_on_devices(stage: str, arguments: Sequence[str]) -> None:
    """Become the `torchrun` of several processes, if the environment asks for them and there are not several yet."""
    wanted = _wanted()
    if wanted == 1 or processes.count() > 1 or stage not in STAGES:
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # what torchrun would set, with a warning
    command = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={wanted}", "-m", f"stages.{stage}"]
    os.execv(sys.executable, [sys.executable, *command, *arguments])


def _wanted() -> int:
    text = os.environ.get(processes.DEVICES, "1")
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ScalerError(f"{processes.DEVICES}: expected a number of devices from 1 on, got {text!r}.")
    return int(text)


def refuse_alone(stage: str) -> None:
    """Stop several processes that would do one and the same thing.

    Raises:
        ScalerError: the stage is one for a single process.
    """
    if processes.count() > 1 and stage not in STAGES:
        raise ScalerError(f"{stage} runs in one process: start it by `python -m stages.{stage}`.")


@contextmanager
def one_voice() -> Iterator[None]:
    """An error that all processes have is reported by the first alone.

    When that one ends, torchrun ends the others; one that lives on has an error of its own.
    """
    try:
        yield
    except ScalerError:
        if not processes.leads():
            time.sleep(SECONDS_TO_LISTEN)
        raise
