"""Weights from files, strictly: every key is used, or an error says which are not. Nothing is unpickled but tensors."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from scaler.artifacts.filehash import sha256
from scaler.errors import ScalerError
from scaler.models.weights.link import project_path
from scaler.models.weights.registry import find
from scaler.progress import log

LISTED = 6  # keys that an error message names before it only counts
HEAD = 256  # bytes that show what a file is
PREFIXES = ("module.", "_orig_mod.")  # of DataParallel, of torch.compile
CONTAINERS = ("model", "state_dict", "model_state_dict")  # where training checkpoints keep the model


def read_state_dict(path: Path, expected_sha256: str | None = None) -> dict[str, Tensor]:
    """The tensors of a safetensors file, or of a PyTorch file read with `weights_only=True`; the content decides which.

    A training checkpoint gives its model's state dict (`model`, `state_dict` or `model_state_dict`) if it holds one
    alone. The prefixes of DataParallel and of `torch.compile` on every key are taken off.

    Raises:
        ScalerError: not there, another checksum than expected, not readable, no state dict, or not finite.
    """
    if not path.is_file():
        raise ScalerError(f"weights: no file at {path}. {_how_to_get(path)}")
    if expected_sha256 is not None and (came := sha256(path)) != expected_sha256.lower():
        raise ScalerError(
            f"{path}: expected SHA-256 {expected_sha256}, got {came}. The file is another version or was damaged on "
            "its way: fetch it again, or correct the checksum in params.yaml."
        )
    state = _state_dict(path, _read(path))
    for prefix in PREFIXES:
        if state and all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    broken = [name for name, value in state.items() if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        raise ScalerError(
            f"{path}: {len(broken)} of {len(state)} tensors ({_first(broken)}) hold NaN or infinite values. The "
            "training that made the file diverged, or the file is damaged: use another checkpoint."
        )
    return state


def _state_dict(path: Path, content: object) -> dict[str, Tensor]:
    """The state dict that a file holds, or that a training checkpoint holds under a known name."""
    if not isinstance(content, Mapping):
        raise ScalerError(f"{path}: expected a state dict (name -> tensor), got a {type(content).__name__}.")
    if _is_state_dict(content):
        return dict(content)
    inside = [name for name, value in content.items() if _is_state_dict(value)]
    if len(inside) == 1 and inside[0] in CONTAINERS:
        log.info(f"{path}: a training checkpoint; its `{inside[0]}` is loaded")
        return dict(content[inside[0]])
    odd = next(name for name, value in content.items() if not isinstance(value, Tensor))
    several = f" It holds several state dicts ({', '.join(map(str, inside))})." if len(inside) > 1 else ""
    raise ScalerError(
        f"{path}: expected a state dict (name -> tensor), but `{odd}` holds a {type(content[odd]).__name__}."
        f"{several} If this is a training checkpoint, save its model's state dict alone."
    )


def _is_state_dict(value: object) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(isinstance(item, Tensor) for item in value.values())


def _how_to_get(path: Path) -> str:
    official = find(path.name)
    if official is None:
        return "Put the checkpoint there or correct the path in params.yaml."
    return (
        f"That is an official file: `python -m scaler weights fetch {official.name}` gets it and links it as "
        f"{project_path(official.file).as_posix()}. Or put it there by hand, or correct the path in params.yaml."
    )


def _read(path: Path) -> object:
    with path.open("rb") as file:
        head = file.read(HEAD)
    try:
        if head[8:9] == b"{":  # after the length of the header
            return safetensors.torch.load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # on a damaged file torch raises nearly anything: struct.error, IndexError, KeyError
        raise ScalerError(f"{path}: not readable as weights: {_what_it_is(head, path, error)}.") from None


def _what_it_is(head: bytes, path: Path, error: Exception) -> str:
    """What a file really is, and what to do."""
    if not head:
        return "the file is empty (0 bytes); fetch it again"
    if head.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer, not the file itself; run `git lfs pull` where it comes from"
    if head.lstrip()[:1] == b"<":
        return "it is a web page (HTML), saved instead of the file; download it again, signed in if need be"
    if head.isascii() and all(byte >= 32 or byte in b"\t\r\n" for byte in head):
        return f"it is a text file that begins with {head[:40].decode('ascii')!r}"
    if isinstance(error, pickle.UnpicklingError) and head.startswith((b"PK", b"\x80")):  # a whole archive, or a pickle
        return (
            "it holds Python objects beside its tensors, which are never loaded, since they can run code; save the "
            "model's state dict alone (torch.save(model.state_dict(), ...))"
        )
    size = path.stat().st_size
    return f"it is cut off or damaged ({size} bytes; {str(error).partition('. ')[0]}); fetch it again"


def load_strictly(model: nn.Module, state: Mapping[str, Tensor], path: Path, setting: str = "sam.model") -> None:
    """Copy `state` into `model`, dtype converted; a prefix common to all keys is taken off if they fit without it.

    Raises:
        ScalerError: a key is missing or unexpected, or a shape differs; all are counted, the first ones named.
    """
    own = model.state_dict()
    prefix = next(iter(state), "").partition(".")[0] + "."
    if own.keys() == {key.removeprefix(prefix) for key in state} and own.keys() != state.keys():
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    missing = [key for key in own if key not in state]
    unexpected = [key for key in state if key not in own]
    shapes = [
        f"{key} {tuple(state[key].shape)} instead of {tuple(own[key].shape)}"
        for key in own
        if key in state and own[key].shape != state[key].shape
    ]
    problems = [
        f"{len(keys)} {what}: {_first(keys)}"
        for what, keys in (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes))
        if keys
    ]
    if problems:
        raise ScalerError(f"{path}: does not fit the model. " + "; ".join(problems) + f". Is {setting} the right one?")
    model.load_state_dict(state)


def _first(names: list[str]) -> str:
    return ", ".join(names[:LISTED]) + (", ..." if len(names) > LISTED else "")
