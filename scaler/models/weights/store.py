"""The store: one folder per machine that holds each official file once."""

from __future__ import annotations

import os
from pathlib import Path

from scaler.artifacts.filehash import sha256
from scaler.errors import ScalerError
from scaler.models.weights.registry import Checkpoint

SETTING = "SCALER_WEIGHTS"
ELSEWHERE = f"Set {SETTING}=/path to a folder of yours for the weights."


def store_folder() -> Path:
    """The folder that `SCALER_WEIGHTS` names, or else `scaler/weights` in the user's cache; it need not exist yet.

    The user's cache is `XDG_CACHE_HOME` where that is an absolute path (as its specification demands), or `~/.cache`.
    """
    if setting := os.environ.get(SETTING):
        return Path(setting).expanduser().absolute()
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (cache if cache.is_absolute() else Path.home() / ".cache") / "scaler" / "weights"


def make_store(folder: Path) -> None:
    """Create the store's folder where there is none.

    Raises:
        ScalerError: it cannot be created or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ScalerError(f"weights: the folder {folder} cannot be made ({error}). {ELSEWHERE}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ScalerError(f"weights: {folder} cannot be written to. {ELSEWHERE}")


def stored(entry: Checkpoint, folder: Path) -> Path:
    """Where the store has this file, whether it is there or not."""
    return folder / entry.file


def check(path: Path, entry: Checkpoint) -> str:
    """Verify that the file at `path` is `entry`, by size and checksum.

    Returns:
        Its SHA-256, hex.

    Raises:
        ScalerError: it is another file.
    """
    remedy = (
        "It is another version, or was damaged on its way: delete it and run "
        f"`python -m scaler weights fetch {entry.name}`."
    )
    size = path.stat().st_size
    if entry.size not in (None, size):
        raise ScalerError(f"{path}: expected {entry.size} bytes for {entry.name}, got {size}. {remedy}")
    digest = sha256(path)
    if digest != entry.sha256:
        raise ScalerError(f"{path}: expected SHA-256 {entry.sha256} for {entry.name}, got {digest}. {remedy}")
    return digest


def by_hand(entry: Checkpoint, folder: Path) -> str:
    """What to do without a network: which file, where from, where to, and how it is verified."""
    size = "" if entry.size is None else f"\n  size     {entry.size} bytes"
    return (
        f"Without a network, get this file in another way:\n"
        f"  from     {entry.url}{size}\n  SHA-256  {entry.sha256}\n  to       {stored(entry, folder)}\n"
        f"or set {SETTING}=/path to a folder that holds {entry.file}. "
        f"Then `python -m scaler weights fetch {entry.name}` verifies it and links it into the project."
    )
