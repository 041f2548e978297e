"""Random weights of every foundation model, under the keys of the official files."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from scaler.models.foundation import untrained
from scaler.models.names import FOUNDATIONS, SAM2, SAM3, VIT
from scaler.models.sam import CONFIGS, empty_sam
from tests.models import mobile_oracle, sam2_oracle, sam3_tiny


def write_official(name: str, path: Path) -> None:
    """Write a file as its makers do: a plain state dict, or one under "model"."""
    if FOUNDATIONS[name] == SAM2:
        torch.save({"model": _filled(sam2_oracle.shapes(name))}, path)
    elif FOUNDATIONS[name] == VIT:
        torch.save(_filled(empty_sam(CONFIGS[name]).state_dict()), path)
    elif FOUNDATIONS[name] == SAM3:  # the tiny one: tests of the real one would need gigabytes
        torch.save(sam3_tiny.published(), path)
        sam3_tiny.write_vocabulary(path.parent)
    elif name == "lite":
        torch.save(_filled(untrained(name, None).state_dict()), path)
    else:
        torch.save(_filled(mobile_oracle.shapes()), path)


def _filled(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Noise; variances and the scales of normalisations stay near one, so that activations stay finite."""
    draw = torch.Generator().manual_seed(0)
    filled = {}
    for key, value in state.items():
        if not value.is_floating_point():
            filled[key] = value
            continue
        noise = torch.empty(value.shape).normal_(0.0, 0.02, generator=draw)
        is_scale = value.dim() == 1 and key.endswith(("weight", "running_var"))
        filled[key] = noise.abs_().add_(1.0) if is_scale else noise
    return filled
