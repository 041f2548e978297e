"""Several processes that compute one stage together, one for each device, as `torchrun` starts them.

Every process holds the whole model and draws the randomness of the whole batch, then computes its own part of it. What
the parts give is summed, so that a step is the same, to within rounding, however many processes share it. Without
`torchrun` there is one process, and nothing here does anything, or imports what takes long.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

Answer = TypeVar("Answer")
Batch = TypeVar("Batch")
DEVICES = "SCALER_DEVICES"  # how many processes a stage starts, unless torchrun has started them already
PATIENCE = timedelta(days=7)  # the first process may wait for a lock, or write; torchrun ends all when one fails


def count() -> int:
    """The number of processes."""
    return int(os.environ.get("WORLD_SIZE", "1")) if "RANK" in os.environ else 1


def rank() -> int:
    """This process's number, from 0."""
    return int(os.environ["RANK"]) if count() > 1 else 0


def local() -> tuple[int, int]:
    """This process's number among those of its machine, and how many these are."""
    if count() == 1:
        return 0, 1
    return int(os.environ.get("LOCAL_RANK", rank())), int(os.environ.get("LOCAL_WORLD_SIZE", count()))


def leads() -> bool:
    """Whether this is the process that shows progress and writes files."""
    return rank() == 0


@contextmanager
def joined() -> Iterator[None]:
    """Meet the other processes: gloo between CPUs, NCCL between CUDA devices."""
    if count() == 1:
        yield
        return
    import torch
    import torch.distributed as dist

    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()


def own(total: int) -> slice:
    """This process's part of `total` things: neighbours, as many as the others have or one more."""
    each, more = divmod(total, count())
    begin = rank() * each + min(rank(), more)
    return slice(begin, begin + each + (rank() < more))


def most(total: int) -> int:
    """The size of the largest part of `total` things."""
    return -(-total // count())


def agreed(ask: Callable[[], Answer]) -> Answer:
    """The first process's answer, on all."""
    if count() == 1:
        return ask()
    import torch.distributed as dist

    box = [ask() if leads() else None]
    dist.broadcast_object_list(box, src=0)
    return box[0]  # type: ignore[return-value]


def gathered(part: NDArray[Any]) -> NDArray[Any]:
    """The parts of all processes, one after another."""
    if count() == 1:
        return part
    import numpy as np
    import torch.distributed as dist

    parts: list[NDArray[Any]] = [part] * count()
    dist.all_gather_object(parts, part)
    return np.concatenate(parts)


def turns(batches: Sequence[Batch]) -> Sequence[Batch]:
    """The batches that this process computes, where all take turns."""
    return batches[rank() :: count()]


def in_turns(batches: Sequence[Batch], compute: Callable[[Batch], Answer]) -> Iterator[Answer]:
    """What `compute` makes of each batch, in their order, on the first process; the others compute, and yield nothing.

    The first process may work on a result while the others compute the next ones.
    """
    if count() == 1:
        yield from map(compute, batches)
        return
    import torch.distributed as dist

    for first in range(0, len(batches), count()):
        together = batches[first : first + count()]
        own = compute(together[rank()]) if rank() < len(together) else None
        results: list[Any] | None = [None] * count() if leads() else None
        dist.gather_object(own, results)
        yield from (results or [])[: len(together)]


def summed(numbers: dict[str, float]) -> dict[str, float]:
    """The sum of each number over all processes, which must have the same names."""
    if count() == 1:
        return numbers
    return dict(zip(numbers, _sum_of(list(numbers.values())), strict=True))


def any_of(flag: bool) -> bool:
    """Whether a flag is set on any process."""
    return flag if count() == 1 else bool(_sum_of([float(flag)])[0])


def sum_gradients(parameters: Sequence[Tensor]) -> None:
    """Put the sum over all processes in place of each gradient; where no process has one, there is none.

    All go in one message. `DistributedDataParallel` would send them while the backward pass still runs, but it averages
    over processes whose parts must be equal, and each forward pass must go through it.
    """
    if count() == 1:
        return
    import torch
    import torch.distributed as dist

    given = torch.tensor([float(p.grad is not None) for p in parameters], device=parameters[0].device)
    values = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    message = torch.cat([given, *(value.reshape(-1) for value in values)])
    dist.all_reduce(message)
    sums = torch.split(message[len(given) :], [p.numel() for p in parameters])
    for parameter, found, total in zip(parameters, message[: len(given)].tolist(), sums, strict=True):
        if found:
            parameter.grad = torch.empty_like(parameter).copy_(total.view(parameter.shape))


def _sum_of(values: list[float]) -> list[float]:
    import torch
    import torch.distributed as dist

    total = torch.tensor(values, dtype=torch.float64)
    dist.all_reduce(total)
    return [float(value) for value in total]
