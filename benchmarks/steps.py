"""A step of Phase I (WS-SAM's network on ResNet50) and of Phase II (SAM-Adapter, ViT-B), beside the plain one.

    python -m benchmarks steps [--size 352] [--side 352] [--batch 2] [--compile]

Plain is float32, segment-anything's attention as it is installed, the memory format in which networks are built, and
optimizer and mean teacher tensor by tensor. The losses are the same on both sides. `--compile` puts the same networks
through torch.compile in place of the plain ones.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from unittest.mock import patch

import torch

from benchmarks.harness import Case, compare
from benchmarks.training import PHASES, PlainCompute, Setting, step_of
from scaler.plain import VARIABLE
from scaler.training.device import Compute, find_compute


class CompiledCompute(Compute):
    """Networks through torch.compile."""

    def place(self, model: torch.nn.Module) -> torch.nn.Module:
        """The model on the device, compiled in place."""
        placed = super().place(model)
        placed.compile()
        return placed


def cases(setting: Setting, compute: Compute, compiled: bool) -> Iterator[Case]:
    """One for each phase."""
    for phase in PHASES:
        ours = step_of(phase, setting, compute)
        if compiled:
            other = step_of(phase, setting, CompiledCompute(compute.device, compute.low_precision, None))
        else:
            other = _plainly(step_of(phase, setting, PlainCompute(compute.device, False, None), plain=True))
        name = f"{phase}, {setting.batch} images of {setting.size}" + f", SAM {setting.side}" * (phase == PHASES[1])
        yield Case(name, ours, other, wall=compute.device.type != "cpu")


def _plainly(step: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        with patch.dict(os.environ, {VARIABLE: "attention,optimizer"}):
            step()

    return run


def main(arguments: list[str]) -> None:
    """Compare."""
    parser = argparse.ArgumentParser(prog="benchmarks steps", description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=352)
    parser.add_argument("--side", type=int, default=352)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args(arguments)
    setting = Setting(True, options.size, options.side, options.batch)
    compare(cases(setting, find_compute(), options.compile), repeats=5, seconds=120)
