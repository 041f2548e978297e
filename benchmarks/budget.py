"""Where a training step's time goes: networks, and what is around them.

    python -m benchmarks budget [--repeats 10]

Steps of Phase I and II, of the laboratory's networks at 96 pixels and of the paper's at 352, on drawn images in memory;
processor time on one core. "Networks" are their forward passes and the whole backward pass, that of the losses too.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import nn

from benchmarks.harness import print_table
from benchmarks.training import PHASES, Setting, step_of
from scaler.training.device import find_compute

SETTINGS = {
    "laboratory": Setting(False, 96, 96, 8),
    "paper's networks": Setting(True, 352, 352, 2),
}
PARTS = {  # what is looked up when it is called -> name of its part
    "torch.nn.Module.__call__": "networks",
    "torch.Tensor.backward": "networks",
    "scaler.method.phase_one.weak_batch": "batch",
    "scaler.method.phase_two.weak_batch": "batch",
    "scaler.method.phase_one.label_batch": "batch",
    "scaler.method.phase_two.label_batch": "batch",
    "scaler.method.phase_one.strong_view": "strong view",
    "scaler.method.phase_two.strong_view": "strong view",
    "scaler.method.phase_one.prepare": "weights and losses",
    "scaler.method.phase_one.phase_one_loss": "weights and losses",
    "scaler.method.phase_two.invariance_loss": "weights and losses",
    "scaler.method.phase_two.resistance_loss": "weights and losses",
    "scaler.method.phase_two.phase_two_loss": "weights and losses",
    "torch.optim.Adam.step": "optimizer",
}
COLUMNS = ("networks", "batch", "strong view", "weights and losses", "optimizer")


@contextmanager
def stopwatch() -> Iterator[dict[str, float]]:
    """Seconds of each part; of parts within parts, the outermost counts."""
    taken: dict[str, float] = defaultdict(float)
    inside = [False]

    def timed(function: Callable[..., Any], part: str) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            if inside[0]:
                return function(*arguments, **options)
            inside[0], begin = True, time.process_time()
            try:
                return function(*arguments, **options)
            finally:
                inside[0] = False
                taken[part] += time.process_time() - begin

        return run

    owners = {"torch.nn.Module": nn.Module, "torch.Tensor": torch.Tensor, "torch.optim.Adam": torch.optim.Adam}
    with ExitStack() as stack:
        for name, part in PARTS.items():
            owner, _, attribute = name.rpartition(".")
            if owner in owners:
                found = getattr(owners[owner], attribute)
                stack.enter_context(patch.object(owners[owner], attribute, timed(found, part)))
            else:
                module = __import__(owner, fromlist=[attribute])
                stack.enter_context(patch(name, timed(getattr(module, attribute), part)))
        yield taken


def rows(repeats: int) -> Iterator[dict[str, object]]:
    """Milliseconds a step, and the share of each part."""
    compute = find_compute()
    torch.set_num_threads(1)
    for name, setting in SETTINGS.items():
        for phase in PHASES:
            step = step_of(phase, setting, compute)
            step()
            with stopwatch() as taken:
                begin = time.process_time()
                for _ in range(repeats if name == "laboratory" else 2):
                    step()
                whole = time.process_time() - begin
            count = repeats if name == "laboratory" else 2
            shares = {part: f"{taken[part] / whole:.1%}" for part in COLUMNS}
            rest = whole - sum(taken[part] for part in COLUMNS)
            yield {
                "step": f"{name}, {phase}, batch {setting.batch}",
                "ms": f"{whole / count * 1e3:,.0f}",
                **shares,
                "rest": f"{rest / whole:.1%}",
                "outside the networks": f"{1 - taken['networks'] / whole:.1%}",
            }


def main(arguments: list[str]) -> None:
    """Print a row for each step."""
    parser = argparse.ArgumentParser(prog="benchmarks budget", description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    print_table(rows(parser.parse_args(arguments).repeats))
