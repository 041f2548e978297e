"""Foundation models by name, with their frozen weights loaded."""

from __future__ import annotations

from pathlib import Path

from scaler.models.sam import CONFIGS, build_sam
from scaler.models.sam_adapter import AdaptedSam
from scaler.models.weights import load_strictly, read_state_dict
from scaler.params import SamParams


def build_foundation(params: SamParams) -> AdaptedSam:
    """SAM with its weights from `params.weights` and a fresh adapter, on the CPU.

    Raises:
        ScalerError: the weights are missing, damaged, or of another architecture than `params.model`.
    """
    path = Path(params.weights)
    state = read_state_dict(path, params.sha256)
    sam = build_sam(CONFIGS[params.model])
    load_strictly(sam, state, path)
    return AdaptedSam(sam)
