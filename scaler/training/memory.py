"""When memory runs out: what counts as that, how a batch is cut smaller, and what the user is told to set."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from scaler.errors import Fault, ScalerError

MicroBatch = int | Literal["auto"] | None
GIB = 2**30
_SIGNS = ("out of memory", "can't allocate memory", "not enough memory")  # CUDA and Apple's, the CPU's, Windows' CPU


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on whatever device; torch has a class of its own for accelerators alone."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


def halved(size: int | None, count: int) -> int | None:
    """The next smaller number of images at a time for a batch of `count`; None if it is one already."""
    now = min(size or count, count)
    return (now + 1) // 2 if now > 1 else None


def release() -> None:
    """Give back what a failed attempt has left, so that the next one finds the memory in one piece."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def explained(what: str, remedy: str, device: torch.device) -> Iterator[None]:
    """A block in which a failed allocation becomes a fault.

    Args:
        what: what did not fit, with its sizes.
        remedy: what to set.
        device: where.

    Raises:
        ScalerError: of kind "out_of_memory", in place of torch's own error.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        first = next(iter(str(error).splitlines()), "").rstrip(".")
        reason = f"{what} does not fit into the memory of {_described(device)} ({first})"
        raise ScalerError(Fault("out_of_memory", (), reason, remedy)) from error


def _described(device: torch.device) -> str:
    if device.type != "cuda":
        return str(device)
    free, total = torch.cuda.mem_get_info(device)
    return f"{device}, {total / GIB:.1f} GiB of which {free / GIB:.1f} GiB are free"
