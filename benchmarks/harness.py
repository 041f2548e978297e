"""What all benchmarks share: two ways of doing one thing run in turns, and are reported as a ratio with its spread."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")
SECONDS = 60.0
REPEATS = 9
HEAD = "| case | peer ms | ours ms | peer / ours | spread | repeats |\n|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Case:
    """Two functions that do the same.

    Attributes:
        name: of the row.
        ours: what this repository does.
        peer: what it is compared with.
        wall: measure wall-clock time instead of the processor time of this process, on one core. The latter leaves
            out what other programs take; the former is for work on several cores or on an accelerator.
    """

    name: str
    ours: Callable[[], object]
    peer: Callable[[], object]
    wall: bool = False


def compare(cases: Iterable[Case], *, repeats: int = REPEATS, seconds: float = SECONDS) -> None:
    """Print a table: medians, the median of the ratios of each pair of runs, and their quartiles.

    Both functions run once to warm up, then in turns; a case ends after `repeats` turns or `seconds`, but not before
    its third turn.
    """
    if not torch.cuda.is_available():
        torch.set_num_threads(1)  # threads that wait for each other would count as work
    print(f"{machine()}\n\n{HEAD}", flush=True)
    for case in cases:
        clock = time.perf_counter if case.wall else time.process_time
        times: list[tuple[float, float]] = []
        end = time.monotonic() + seconds
        for turn in range(repeats + 1):
            if turn > 3 and time.monotonic() > end:
                break
            times.append((_seconds(case.peer, clock), _seconds(case.ours, clock)))
        print(_row(case.name, times[1:]), flush=True)


def print_table(rows: Iterable[Mapping[str, object]]) -> None:
    """Print rows as they come, as a Markdown table whose columns are those of the first row."""
    for number, row in enumerate(rows):
        if number == 0:
            print(f"{machine()}\n\n| {' | '.join(row)} |\n|{'---|' * len(row)}")
        print(f"| {' | '.join(map(str, row.values()))} |", flush=True)


def machine() -> str:
    """Processor, its instruction sets that matter here, cores, accelerator and torch, in a line."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    fields = dict(map(str.strip, line.split(":", 1)) for line in info.splitlines() if ":" in line)  # type: ignore[arg-type]
    flags = fields.get("flags", "").split()
    parts = [
        fields.get("model name") or platform.processor() or platform.machine(),
        f"family {fields.get('cpu family', '?')} model {fields.get('model', '?')}",
        " ".join(name for name in INSTRUCTIONS if name in flags) or "no vector extensions known here",
        f"{info.count('processor') or '?'} cores, {torch.get_num_threads()} threads",
        torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU",
        f"torch {torch.__version__}",
    ]
    return "; ".join(parts)


def _seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    _wait()
    begin = clock()
    work()
    _wait()
    return clock() - begin


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _row(name: str, times: list[tuple[float, float]]) -> str:
    peer, ours = (statistics.median(column) * 1e3 for column in zip(*times, strict=True))
    ratios = [a / b for a, b in times]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"| {name} | {peer:.1f} | {ours:.1f} | {middle:.2f} | {low:.2f} to {high:.2f} | {len(ratios)} |"
