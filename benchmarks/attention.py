"""segment-anything's attention blocks, as the package has them and as `scaler.models.attention` runs them.

    python -m benchmarks attention [--core fused]

bf16 autocast on the device that is found; inference, and a training step (forward and backward). `--core` compares one
of the ways that `run_block` chooses from instead of its choice.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial

import torch
from segment_anything.modeling.image_encoder import Block
from torch import Tensor, nn

from benchmarks.harness import Case, compare
from scaler.models.attention import run_block, run_block_by_parts, run_fused_block
from scaler.training.device import find_compute

CASES = {  # name: channels, heads, tokens a side, window
    "nano, 12 x 12 tokens, batch 8": (96, 3, 12, 0, 8),
    "ViT-B window block, 352 px, batch 2": (768, 12, 22, 14, 2),
    "ViT-B global block, 352 px, batch 2": (768, 12, 22, 0, 2),
    "ViT-B window block, 1024 px, batch 1": (768, 12, 64, 14, 1),
    "ViT-B global block, 1024 px, batch 1": (768, 12, 64, 0, 1),
}


CORES = {"chosen": run_block, "fused": run_fused_block, "parts": run_block_by_parts}


def infer(forward: Callable[[Tensor], Tensor], x: Tensor) -> None:
    with torch.no_grad(), torch.autocast(x.device.type, torch.bfloat16):
        forward(x)


def learn(forward: Callable[[Tensor], Tensor], x: Tensor) -> None:
    with torch.autocast(x.device.type, torch.bfloat16):
        out = forward(x.detach().requires_grad_())
    out.float().square().mean().backward()


def cases(core: Callable[[Block, Tensor], Tensor], device: torch.device) -> Iterator[Case]:
    """Each block, for inference and for training."""
    for name, (channels, heads, grid, window, batch) in CASES.items():
        table = window or grid
        norm = partial(nn.LayerNorm, eps=1e-6)
        block = Block(channels, heads, 4, True, norm, use_rel_pos=True, window_size=window, input_size=(table, table))
        block = block.to(device).requires_grad_(False)
        x = torch.randn(batch, grid, grid, channels, device=device)
        ours: Callable[[Tensor], Tensor] = partial(core, block)
        for what, run in (("inference", infer), ("training step", learn)):
            if what == "inference" or core is not run_block_by_parts:
                yield Case(f"{name}, {what}", partial(run, ours, x), partial(run, block, x), wall=device.type != "cpu")


def main(arguments: list[str]) -> None:
    """Compare."""
    parser = argparse.ArgumentParser(prog="benchmarks attention", description=__doc__.splitlines()[0])
    parser.add_argument("--core", choices=CORES, default="chosen")
    options = parser.parse_args(arguments)
    compare(cases(CORES[options.core], find_compute().device), seconds=30)
