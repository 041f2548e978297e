"""SAM's image encoder, ViT-B at 1024 pixels, beside segment-anything as it is installed; no gradients.

python -m benchmarks encoder [--side 1024] [--model vit_b]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from benchmarks.harness import Case, compare
from scaler.models.sam_vit import SamViT, untrained
from scaler.training.device import find_compute


def cases(model: SamViT, image: Tensor) -> Iterator[Case]:
    """fp32 on both sides, bf16 on both sides, and bf16 beside fp32."""
    package: Callable[[Tensor], Tensor] = model.encoder()

    def run(encode: Callable[[Tensor], object], bf16: bool) -> None:
        with torch.no_grad(), torch.autocast(image.device.type, torch.bfloat16, enabled=bf16):
            encode(image)

    for name, ours, peer in (("fp32", False, False), ("bf16", True, True), ("bf16, peer fp32", True, False)):
        yield Case(
            name,
            ours=lambda bf16=ours: run(model.encode, bf16),
            peer=lambda bf16=peer: run(package, bf16),
            wall=image.device.type != "cpu",
        )


def main(arguments: list[str]) -> None:
    """Compare."""
    parser = argparse.ArgumentParser(prog="benchmarks encoder", description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--model", default="vit_b")
    options = parser.parse_args(arguments)
    device = find_compute().device
    model = untrained(options.model, options.side).to(device).eval()
    for name, parameter in model.named_parameters():
        if "rel_pos" in name:
            nn.init.normal_(parameter, std=0.02)  # the package begins with zeros
    image = torch.rand(1, 3, options.side, options.side, device=device)
    compare(cases(model, image), repeats=3, seconds=120)
