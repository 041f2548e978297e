"""Where to compute, found and never configured: a CUDA device, Apple's, or the CPU."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from scaler.plain import is_plain
from scaler.progress import log
from scaler.training import processes
from scaler.training.lease import Lease, fake_count, take_device_each
from scaler.training.memory import explained


@dataclass(frozen=True)
class Compute:
    """A device and how to use it well.

    Attributes:
        device: where tensors live.
        low_precision: bf16 autocast for forward passes; parameters, losses and optimizer stay float32.
        lease: the lock on the device, held as long as this object lives; None on the CPU.
    """

    device: torch.device
    low_precision: bool
    lease: Lease | None

    def autocast(self) -> AbstractContextManager[object]:
        """bf16 autocast where it pays, else nothing."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.low_precision else nullcontext()

    def place(self, model: nn.Module) -> nn.Module:
        """A model on the device, its convolutions channels-last."""
        size = sum(p.numel() * p.element_size() for p in model.parameters()) / 2**30
        with explained(f"a model of {size:.1f} GiB", "choose a smaller one, or a device with more memory", self.device):
            return model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def tensor(self, array: NDArray[np.generic]) -> Tensor:
        """An array on the device, dtype kept; through pinned memory and without waiting on CUDA."""
        tensor = torch.from_numpy(np.require(array, requirements=["C", "W"]))  # a tensor is never read-only
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)

    def images(self, array: NDArray[np.uint8]) -> Tensor:
        """(B, H, W, 3) uint8 RGB as (B, 3, H, W) float32 in [0, 1], channels-last."""
        return self.tensor(array).permute(0, 3, 1, 2).float().div_(255.0)

    def maps(self, array: NDArray[np.uint8]) -> Tensor:
        """(B, H, W) uint8 labels as (B, 1, H, W) float32 in [0, 1]: 255 is 1."""
        return self.tensor(array).unsqueeze(1).float().div_(255.0)


def find_compute() -> Compute:
    """Take the best device that is free, one for each process, and set torch up for it.

    Raises:
        ScalerError: more processes than this machine has devices.
    """
    torch.set_num_threads(max(1, _physical_cores() // processes.local()[1]))
    if fake_count():
        lease = take_device_each(fake_count())
        log.info(f"device: fake {lease.number}")
        return Compute(torch.device("cpu"), False, lease)
    if torch.cuda.is_available():
        lease = take_device_each(torch.cuda.device_count())
        torch.cuda.set_device(lease.number)
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
        device = torch.device("cuda", lease.number)
        low = not is_plain("bf16")
        kind = "bf16 autocast" if low else "float32"
        log.info(f"device: {torch.cuda.get_device_name(device)} (cuda:{lease.number}), {kind}")
        return Compute(device, low, lease)
    if torch.backends.mps.is_available():
        return Compute(torch.device("mps"), False, take_device_each(1))
    return Compute(torch.device("cpu"), not is_plain("bf16") and _cpu_multiplies_bf16(), None)


def _cpu_multiplies_bf16() -> bool:
    """Whether the CPU has instructions for bf16 products (AMX, AVX512-BF16); without them bf16 is the slower one."""
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


def _physical_cores() -> int:
    """Cores that this process may use; the same number under either engine, so that sums round alike."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))
