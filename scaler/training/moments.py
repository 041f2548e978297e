"""Adam's moments as arrays: in step checkpoints, and from stage to stage where they are carried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Array = NDArray[Any]


def moments_of(optimizer: torch.optim.Adam) -> dict[str, Array]:
    """The state of each parameter, by "NUMBER.QUANTITY", such as "0.exp_avg"."""
    states = optimizer.state_dict()["state"]
    return {f"{number}.{name}": v.cpu().numpy().copy() for number, own in states.items() for name, v in own.items()}


def load_moments(optimizer: torch.optim.Adam, trained: Sequence[nn.Parameter], arrays: Mapping[str, Array]) -> None:
    """Put back what `moments_of` gave; `trained` are the optimizer's parameters, in its order."""
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in arrays.items():
        number, quantity = name.split(".")
        moments.setdefault(int(number), {})[quantity] = _moment(trained[int(number)], value)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})


def _moment(parameter: Tensor, value: Array) -> Tensor:
    """A moment in its parameter's memory order: the fused optimizer walks both by address."""
    tensor = torch.from_numpy(np.array(value))
    return torch.empty_like(parameter).copy_(tensor) if tensor.shape == parameter.shape else tensor
