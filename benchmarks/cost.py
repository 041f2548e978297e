"""What a run costs, counted without running it: floating-point operations of every stage of some presets.

    python -m benchmarks cost [--tflops 100] [--price 2] [PRESET ...]

One image is sent through each model on fake tensors (shapes, no values) while torch counts the operations of matrix
products, convolutions and attention, forward and backward; the rest is arithmetic on `params.yaml`. Hours are the count
divided by `--tflops`, the speed that a card sustains, which is for the reader to measure; reading images, augmentation
and the evaluation's metrics come on top.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.harness import print_table
from benchmarks.memory import make_fake
from scaler.models.foundation import add_adaptation, untrained
from scaler.models.segmenter import build_segmenter
from scaler.params import Params, load_params
from scaler.pipeline.presets import apply_preset, preset_names

ROOT = Path(__file__).resolve().parents[1]
TERA = 1e12
# images: METHOD's counts; GDD 2,980 and GSD 3,202
TRAIN = {"cod": 4040, "pis": 1450, "tod": 6182, "sod": 10553, "mtos": 20}
TEST = {"cod": 76 + 250 + 2026 + 4121, "pis": 380 + 196 + 100, "tod": 936 + 810, "sod": 16484, "mtos": 20}


@dataclass(frozen=True)
class Passes:
    """Operations of one image: `forward` alone, and forward with backward as one `step`."""

    forward: float
    step: float


def passes(model: nn.Module, size: int) -> Passes:
    """Count on fake tensors; the batch has two images, for the statistics of batch normalisation."""
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        make_fake(model, mode)
        image = torch.rand(2, 3, size, size)
        step = _count(lambda: _backward(model.train(), image))
        forward = _count(lambda: _forward(model.eval().requires_grad_(False), image))
    return Passes(forward / 2, step / 2)


def _count(work: Callable[[], None]) -> float:
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


def _forward(model: nn.Module, image: torch.Tensor) -> None:
    with torch.no_grad():
        model(image)


def _backward(model: nn.Module, image: torch.Tensor) -> None:
    out = model(image)
    last = out if isinstance(out, torch.Tensor) else sum(map(torch.Tensor.mean, out))
    last.mean().backward()


def stage_costs(params: Params, train: int, test: int, segmenter: Passes, sam: Passes) -> dict[str, float]:
    """Operations of each stage of the whole run, all rounds together; Phase I as if every image were simple (eq 11)."""
    semi = params.prepare_data.supervision == "semi"
    first = round(train * params.prepare_data.labelled_fraction) if semi else train
    rounds = len(params.rounds)
    phase_one = 2 * segmenter.step + segmenter.forward  # weak and strong view of the student, the teacher's label
    stops = rounds + 2
    return {
        "initialize segmenter": params.initialize_segmenter.epochs * first * segmenter.step,
        "initialize SAM": params.initialize_sam.epochs * first * sam.step,
        "label with SAM": (rounds + 1) * train * params.label_with_sam.views * sam.forward,
        "warm-up": params.warm_up.epochs * train * phase_one,
        "Phase I": rounds * params.train_segmenter.epochs * train * phase_one,
        "Phase II": rounds * params.train_sam.epochs * train * 2 * sam.step,
        "label with segmenter": (rounds + 1) * train * 2 * segmenter.forward,
        "evaluate": stops * test * (2 * segmenter.forward + sam.forward),
    }


def preset_params(name: str) -> Params:
    """The committed `params.yaml` with a preset laid over it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(ROOT / "params.yaml", folder))
        apply_preset(name, path)
        return load_params(path)


def rows(presets: Sequence[str], tflops: float, price: float) -> Iterator[dict[str, object]]:
    """10^15 operations of each stage of each preset, of the whole run, its hours, and what these cost."""
    known: dict[str, tuple[Passes, Passes]] = {}
    for name in presets:
        params = preset_params(name)
        key = f"{params.segmenter} {params.sam} {params.prepare_data.size}"
        if key not in known:
            sam = untrained(params.sam.model, params.sam.size)
            add_adaptation(sam, params.sam.adaptation, params.sam.lora_rank)
            network = build_segmenter(params.segmenter, params.prepare_data.size)
            known[key] = (passes(network, params.prepare_data.size), passes(sam, params.prepare_data.size))
        task = name.split("-")[1]
        costs = stage_costs(params, TRAIN[task], TEST[task], *known[key])
        total = sum(costs.values())
        yield {
            "preset": name,
            **{stage: f"{value / 1e15:,.0f}" for stage, value in costs.items()},
            "all, 10^15 operations": f"{total / 1e15:,.0f}",
            f"hours at {tflops:g} TFLOP/s": f"{total / TERA / tflops / 3600:.1f}",
            f"money at {price:g} an hour": f"{total / TERA / tflops / 3600 * price:.1f}",
        }


def main(arguments: list[str]) -> None:
    """Print a row for each preset."""
    parser = argparse.ArgumentParser(prog="benchmarks cost", description=__doc__.splitlines()[0])
    parser.add_argument("presets", nargs="*", metavar="PRESET", help="default: all of the paper's")
    parser.add_argument("--tflops", type=float, default=100.0, help="10^12 operations per second of the card")
    parser.add_argument("--price", type=float, default=2.0, help="of an hour of that card, in your currency")
    options = parser.parse_args(arguments)
    chosen = options.presets or [name for name in preset_names() if name.startswith("paper-")]
    print_table(rows(chosen, options.tflops, options.price))
