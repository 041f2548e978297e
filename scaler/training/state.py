"""A model's parameters and what a checkpoint keeps of its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from scaler.errors import ScalerError
from scaler.models.protocols import Foundation


def trained_parameters(model: nn.Module) -> list[nn.Parameter]:
    """The parameters that training changes: those that ask for gradients."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def kept_state(model: nn.Module) -> dict[str, Tensor]:
    """What a checkpoint keeps of a model: the trained part of a foundation model, all of a segmenter."""
    state: dict[str, Tensor] = model.state_dict()
    if isinstance(model, Foundation):
        return {name: state[name] for name in model.trainable_names()}
    return state


def load_kept_state(model: nn.Module, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Load what `kept_state` gave; nothing may be missing or left over.

    Raises:
        ScalerError: keys or shapes differ from the model's.
    """
    expected = kept_state(model)
    wrong = sorted(set(expected) ^ set(arrays))
    wrong += [k for k in expected if k in arrays and tuple(expected[k].shape) != arrays[k].shape]
    if wrong:
        raise ScalerError(
            "checkpoint: expected the tensors of the model that params.yaml names, but these are missing, unknown or "
            f"of another shape: {', '.join(wrong[:8])}. Name the model that the checkpoint was made from."
        )
    with torch.no_grad():
        for name, tensor in expected.items():
            tensor.copy_(torch.from_numpy(np.array(arrays[name])))  # state_dict's tensors share the model's memory
