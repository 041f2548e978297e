"""The mean teacher (eq 15), and the batch statistics that it gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import get_ema_multi_avg_fn


def mean_teacher(teacher: nn.Module, student: nn.Module, decay: float) -> Callable[[], None]:
    """Eq 15: theta_t <- decay theta_t + (1 - decay) theta_s, in place, as a function to call after each step.

    Buffers are copied, BatchNorm's running statistics and `num_batches_tracked` among them: a teacher whose weights
    follow the student's but whose statistics do not would normalise with those of another network.

    Args:
        teacher: changed in place.
        student: the same architecture, on the same device. The tensors of both are looked up here, once.
        decay: eta in [0, 1]; 0 copies the student, 1 keeps the teacher's parameters.

    Raises:
        ValueError: the two networks have different parameters or buffers, or `decay` is outside [0, 1].
    """
    followed, leading = dict(teacher.named_parameters()), dict(student.named_parameters())
    buffers, sources = dict(teacher.named_buffers()), dict(student.named_buffers())
    odd = sorted((followed.keys() ^ leading.keys()) | (buffers.keys() ^ sources.keys()))
    if odd:
        raise ValueError(f"mean teacher: teacher and student differ in {len(odd)} tensors, e.g. {odd[0]}")
    average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    parameters = list(followed.values()), [leading[name] for name in followed]
    copied = [(buffer, sources[name]) for name, buffer in buffers.items()]

    @torch.no_grad()
    def update() -> None:
        if parameters[0]:
            average(*parameters, 0)
        for buffer, source in copied:
            buffer.copy_(source)

    return update


@contextmanager
def frozen_running_statistics(model: nn.Module) -> Iterator[None]:
    """BatchNorm normalises with the batch as usual, but its running statistics do not change."""
    layers = [module for module in model.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
