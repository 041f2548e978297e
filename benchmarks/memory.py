"""Peak memory of one step of Phase II for every foundation model, computed without a GPU.

    python -m benchmarks memory

The step is run on fake tensors, which have shapes but no values, while every storage that comes to life is counted and
taken off when it dies: frozen and trained weights, what the backward pass keeps, gradients, Adam's moments. Not counted
are what the CUDA context, the caching allocator and the kernels take for themselves (reckon with 1 to 2 GiB). bf16
autocast, fused attention, both views of each image, as on a GPU.
"""

from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

import scaler.models.sam_vit
from benchmarks.harness import print_table
from scaler.models.adapted import AdaptedModel
from scaler.models.attention import run_fused_block
from scaler.models.foundation import add_adaptation, untrained
from scaler.models.sam3_build import PATCH

MODELS = (
    "vit_b", "vit_l", "vit_h", "mobile_sam",
    "sam2.1_tiny", "sam2.1_small", "sam2.1_base_plus", "sam2.1_large", "sam3", "sam3_tracker",
)  # fmt: skip
IMAGE = 352
LARGE = ("sam3", "sam3_tracker")  # built without content, at the next lower multiple of their patch
STEPS = ((1024, 1, False), (1024, 1, True), (1024, 12, True), (352, 12, False))  # side, images at a time, recompute
GIB = 2**30


class LiveMemory(TorchDispatchMode):
    """Counts the bytes of all storages that are alive, and remembers the most there were."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._seen = WeakIdKeyDictionary()

    def add(self, tensor: Tensor) -> None:
        """Count a tensor's storage, once."""
        storage = tensor.untyped_storage()
        if storage in self._seen:
            return
        size = storage.nbytes()
        self._seen[storage] = size
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._gone, size)

    def _gone(self, size: int) -> None:
        self.now -= size

    def __torch_dispatch__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        out = function(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor):
                self.add(leaf)
        return out


def make_fake(model: nn.Module, mode: FakeTensorMode) -> None:
    """Replace all tensors of a model by fake ones of their shapes, in place."""
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                module._parameters[name] = nn.Parameter(mode.from_tensor(parameter.detach()))
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = mode.from_tensor(buffer)


def step_memory(model: AdaptedModel, images: int) -> tuple[float, float]:
    """GiB of the weights alone, and at the peak of two steps on both views of `images` images."""
    live = LiveMemory()
    for tensor in (*model.parameters(), *model.buffers()):
        live.add(tensor)
    weights = live.now
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad])
    with live:
        image = torch.rand(2 * images, 3, IMAGE, IMAGE)
        for _ in range(2):  # the moments come with the first step
            with torch.autocast("cpu", torch.bfloat16):
                out = model(image)
            out.float().square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()
            del out
    return weights / GIB, live.peak / GIB


def rows() -> Iterator[dict[str, object]]:
    """GiB of each model: its weights, and the peak of a step in each setting."""
    for name in MODELS:
        row: dict[str, object] = {"model": name, "weights": ""}
        real = {side: untrained(name, side) for side in {side for side, _, _ in STEPS} if name not in LARGE}
        for side, images, recompute in STEPS:
            model = copy.deepcopy(real.get(side))
            with (
                FakeTensorMode(allow_non_fake_inputs=True) as mode,
                mock.patch.object(scaler.models.sam_vit, "run_block", run_fused_block),
            ):
                if model is None:
                    model = untrained(name, side - side % PATCH)
                else:
                    make_fake(model, mode)
                add_adaptation(model, "adapter", 4)
                model.recompute = recompute
                weights, peak = step_memory(model, images)
            row["weights"] = f"{weights:.2f}"
            row[f"{side} px, {images} at a time{', recompute' if recompute else ''}"] = f"{peak:.1f}"
            del model
            gc.collect()
        yield row


def main(arguments: list[str]) -> None:
    """Print a row for each model."""
    print_table(rows())
