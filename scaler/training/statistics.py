"""Batch normalisation over the images of all processes: the statistics of the whole batch, not of a part of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from scaler.training.processes import count


def joint_statistics() -> AbstractContextManager[object]:
    """A block in which every kind of batch normalisation takes its statistics from all processes.

    torch's own SyncBatchNorm needs an accelerator, and knows none of the classes that packages derive from BatchNorm;
    all of these call `torch.nn.functional.batch_norm`.
    """
    return _JointStatistics() if count() > 1 else nullcontext()


class _JointStatistics(TorchFunctionMode):
    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        ours = _batch_norm if func is nn.functional.batch_norm else func
        return ours(*args, **(kwargs or {}))


class _Sum(torch.autograd.Function):
    """The sum over all processes; the loss is a sum over them too, and so is its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return _reduced(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _reduced(gradient)


def _reduced(x: Tensor) -> Tensor:
    total = x.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total


def _batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    if not training:
        return nn.functional.batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)
    values = x.float()
    axes, shape = [axis for axis in range(x.ndim) if axis != 1], [1, -1, *(1 for _ in x.shape[2:])]
    pixels = values.new_tensor([x.numel() // x.shape[1]])
    sums = _Sum.apply(torch.cat([values.sum(axes), pixels]))
    size, mean = sums[-1].detach(), sums[:-1] / sums[-1].detach()
    centred = values - mean.view(shape)
    variance = _Sum.apply(centred.square().sum(axes)) / size
    if running_mean is not None and running_var is not None:
        with torch.no_grad():
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(variance * (size / (size - 1)), momentum)
    result: Tensor = centred * torch.rsqrt(variance + eps).view(shape)
    if weight is not None:
        result = result * weight.view(shape)
    if bias is not None:
        result = result + bias.view(shape)
    return result.to(x.dtype)
