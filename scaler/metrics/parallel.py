"""Scoring on all cores: threads, since decoding, OpenCV and numpy work without the interpreter's lock."""

from __future__ import annotations

import ctypes
import os
import platform
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from scaler.plain import is_plain

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
KEPT = 2**30  # bytes
Item = TypeVar("Item")
Result = TypeVar("Result")
AHEAD = 4  # items in flight for each core


@cache
def keep_freed_memory() -> None:
    """Let the process keep what it frees, for the next map: pages that are new each time cost a quarter of a score.

    Only glibc can be asked for it; elsewhere, and with `SCALER_PLAIN=memory`, nothing changes.
    """
    if is_plain("memory") or platform.libc_ver()[0] != "glibc":
        return
    library = ctypes.CDLL(None)
    for option in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
        library.mallopt(option, KEPT)


def map_in_order(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """`function(item)` of each item, in the order of the items, whichever is done first.

    Items are taken as results are asked for, only a few ahead, so that neither has to fit in memory as a whole. An
    exception of `function` is raised in its turn, and the rest is not begun.
    """
    keep_freed_memory()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(cores) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= AHEAD * cores:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
