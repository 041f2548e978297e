"""segment-anything's attention blocks, as the package has them and through fused kernels, side by side.

    python -m benchmarks.attention [--repeat 9]

Interleaved runs on the device that is found, bf16 autocast; medians, and fused / package as a ratio (below 1: fused is
faster). `scaler.models.attention` takes the fused form on accelerators only, because of what this prints on CPUs.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from segment_anything.modeling.image_encoder import Block
from torch import Tensor, nn

from scaler.models.attention import run_fused_block
from scaler.training.device import find_compute

CASES = {  # name: channels, heads, tokens a side, window
    "nano, 12 x 12 tokens, batch 8": (96, 3, 12, 0, 8),
    "ViT-B window block, 352 px, batch 2": (768, 12, 22, 14, 2),
    "ViT-B global block, 352 px, batch 2": (768, 12, 22, 0, 2),
    "ViT-B window block, 1024 px, batch 1": (768, 12, 64, 14, 1),
    "ViT-B global block, 1024 px, batch 1": (768, 12, 64, 0, 1),
}


def seconds(function: Callable[[], object], device: torch.device) -> float:
    """Wall time of one call, the device's queue empty before and after."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    begin = time.perf_counter()
    function()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def infer(forward: Callable[[Tensor], Tensor], x: Tensor) -> None:
    with torch.no_grad(), torch.autocast(x.device.type, torch.bfloat16):
        forward(x)


def learn(forward: Callable[[Tensor], Tensor], x: Tensor) -> None:
    with torch.autocast(x.device.type, torch.bfloat16):
        out = forward(x.detach().requires_grad_())
    out.float().square().mean().backward()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=9)
    repeat = parser.parse_args().repeat
    device = find_compute().device
    print("| block | what | package ms | fused ms | fused / package |\n|---|---|---|---|---|")
    for name, (channels, heads, grid, window, batch) in CASES.items():
        table = window or grid
        norm = partial(nn.LayerNorm, eps=1e-6)
        block = Block(channels, heads, 4, True, norm, use_rel_pos=True, window_size=window, input_size=(table, table))
        block = block.to(device).requires_grad_(False)
        x = torch.randn(batch, grid, grid, channels, device=device)
        for what, run in (("inference", infer), ("training step", learn)):
            forms: list[Callable[[Tensor], Tensor]] = [block, partial(run_fused_block, block)]
            times: list[list[float]] = [[], []]
            for _ in range(repeat + 1):
                for form, kept in zip(forms, times, strict=True):
                    kept.append(seconds(partial(run, form, x), device))
            package, fused = (statistics.median(kept[1:]) * 1e3 for kept in times)  # the first run warms up
            print(f"| {name} | {what} | {package:.1f} | {fused:.1f} | {fused / package:.2f} |", flush=True)


if __name__ == "__main__":
    main()
