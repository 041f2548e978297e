"""Weights from files, strictly: every key is used, or an error says which are not. Nothing is unpickled but tensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from scaler.artifacts.filehash import sha256
from scaler.errors import ScalerError
from scaler.models.weights.link import project_path
from scaler.models.weights.registry import find

LISTED = 6  # keys that an error message names before it only counts


def read_state_dict(path: Path, expected_sha256: str | None = None) -> dict[str, Tensor]:
    """The tensors of a `.safetensors` file, or of a `.pth` / `.pt` file read with `weights_only=True`.

    A `module.` prefix on every key (of a model saved under DataParallel) is taken off, and so is a dict around it all
    with the single key `model` (of SAM2's official files).

    Raises:
        ScalerError: not there, another checksum than expected, not readable, or no state dict.
    """
    if not path.is_file():
        raise ScalerError(f"weights: no file at {path}. {_how_to_get(path)}")
    if expected_sha256 is not None and (came := sha256(path)) != expected_sha256.lower():
        raise ScalerError(
            f"{path}: expected SHA-256 {expected_sha256}, got {came}. The file is another version or was damaged on "
            "its way: fetch it again, or correct the checksum in params.yaml."
        )
    state = _read(path)
    if isinstance(state, Mapping) and list(state) == ["model"] and isinstance(state["model"], Mapping):
        state = state["model"]  # how Meta saves SAM2; beside an epoch or an optimizer it would be a checkpoint
    if not isinstance(state, Mapping):
        raise ScalerError(f"{path}: expected a state dict (name -> tensor), got a {type(state).__name__}.")
    for key, value in state.items():
        if not isinstance(value, Tensor):
            raise ScalerError(
                f"{path}: expected a state dict (name -> tensor), but `{key}` holds a {type(value).__name__}. "
                "If this is a training checkpoint, save its model's state dict alone."
            )
    prefix = "module."
    if all(key.startswith(prefix) for key in state):
        return {key.removeprefix(prefix): value for key, value in state.items()}
    return dict(state)


def _how_to_get(path: Path) -> str:
    official = find(path.name)
    if official is None:
        return "Put the checkpoint there or correct the path in params.yaml."
    return (
        f"That is an official file: `python -m scaler weights fetch {official.name}` gets it and links it as "
        f"{project_path(official.file).as_posix()}. Or put it there by hand, or correct the path in params.yaml."
    )


def _read(path: Path) -> object:
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # on a damaged file torch raises nearly anything: struct.error, IndexError, KeyError
        raise ScalerError(
            f"{path}: not readable as weights ({type(error).__name__}: {error}). Expected a .safetensors file, or a "
            ".pth file that holds nothing but tensors; fetch it again if it should be one."
        ) from None


def load_strictly(model: nn.Module, state: Mapping[str, Tensor], path: Path, setting: str = "sam.model") -> None:
    """Copy `state` into `model`, dtype converted.

    Raises:
        ScalerError: a key is missing or unexpected, or a shape differs; all are counted, the first ones named.
    """
    own = model.state_dict()
    missing = [key for key in own if key not in state]
    unexpected = [key for key in state if key not in own]
    shapes = [
        f"{key} {tuple(state[key].shape)} instead of {tuple(own[key].shape)}"
        for key in own
        if key in state and own[key].shape != state[key].shape
    ]
    problems = [
        f"{len(keys)} {what}: {', '.join(keys[:LISTED])}{', ...' if len(keys) > LISTED else ''}"
        for what, keys in (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes))
        if keys
    ]
    if problems:
        raise ScalerError(f"{path}: does not fit the model. " + "; ".join(problems) + f". Is {setting} the right one?")
    model.load_state_dict(state)
