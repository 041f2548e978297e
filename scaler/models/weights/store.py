"""The store: one folder per machine that holds each official file once, with the checksums of first downloads."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from filelock import FileLock

from scaler.artifacts.filehash import sha256
from scaler.artifacts.writing import write_file
from scaler.errors import ScalerError
from scaler.models.weights.registry import Checkpoint

SETTING = "SCALER_WEIGHTS"
PINS = "pins.json"


class Pin(TypedDict):
    """What the first verified download of a file was: `sha256` (hex), `size` (bytes), `date` (ISO 8601, UTC)."""

    sha256: str
    size: int
    date: str


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
        raise ScalerError(f"weights: no folder can be made at {folder} ({error}). {_elsewhere()}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ScalerError(f"weights: {folder} cannot be written to. {_elsewhere()}")


def stored(entry: Checkpoint, folder: Path) -> Path:
    """Where the store has this file, whether it is there or not."""
    return folder / entry.file


def read_pins(folder: Path) -> dict[str, Pin]:
    """Name -> pin; empty where nothing was downloaded yet.

    Raises:
        ScalerError: the file is damaged. It is never taken for empty: that would accept any file again.
    """
    path = folder / PINS
    try:
        pins = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ScalerError(f"{path}: not readable ({error}). Mend it, or delete it to forget all pins.") from None
    if isinstance(pins, dict) and all(isinstance(pin, dict) and "sha256" in pin for pin in pins.values()):
        return pins
    raise ScalerError(f"{path}: expected name -> {{sha256, size, date}}. Mend it, or delete it to forget all pins.")


def pin(entry: Checkpoint, folder: Path, digest: str, size: int) -> None:
    """Remember a verified download; the first one stays."""
    with FileLock(folder / f".{PINS}.lock"):
        pins = read_pins(folder)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        pins.setdefault(entry.name, Pin(sha256=digest, size=size, date=now))
        write_file(folder / PINS, json.dumps(pins, indent=2).encode())


def expected_sha256(entry: Checkpoint, folder: Path) -> tuple[str | None, str]:
    """The checksum that the file must have, and who says so ("registry", "pin"); (None, "unknown") if nobody does."""
    if entry.sha256 is not None:
        return entry.sha256, "registry"
    pinned = read_pins(folder).get(entry.name)
    return (pinned["sha256"], "pin") if pinned else (None, "unknown")


def check(path: Path, entry: Checkpoint, folder: Path) -> str:
    """Verify that the file at `path` is `entry`: size, checksum (or its prefix, or the pin), whatever is known.

    Returns:
        Its SHA-256, hex.

    Raises:
        ScalerError: it is another file.
    """
    size = path.stat().st_size
    if entry.size is not None and size != entry.size:
        raise ScalerError(f"{path}: expected {entry.size} bytes for {entry.name}, got {size}. {_unlike(entry)}")
    digest = sha256(path)
    expected, says = expected_sha256(entry, folder)
    if expected is None and entry.sha256_prefix is not None and not digest.startswith(entry.sha256_prefix):
        raise ScalerError(
            f"{path}: expected a SHA-256 that begins with {entry.sha256_prefix} for {entry.name}, got {digest}. "
            f"{_unlike(entry)}"
        )
    if expected is None or digest == expected:
        return digest
    if says == "pin":
        raise ScalerError(
            f"{path}: expected SHA-256 {expected} for {entry.name}, as first downloaded and pinned in {folder / PINS}, "
            f"got {digest}. If you know that the publisher has replaced the file, take its entry out of {PINS}."
        )
    raise ScalerError(f"{path}: expected SHA-256 {expected} for {entry.name}, got {digest}. {_unlike(entry)}")


def by_hand(entry: Checkpoint, folder: Path) -> str:
    """What to do without a network: which file, where from, where to, and how it is verified."""
    expected, says = expected_sha256(entry, folder)
    size = "" if entry.size is None else f"\n  size     {entry.size} bytes"
    digest = f"{expected} ({says})" if expected else f"begins with {entry.sha256_prefix or '?'}; the rest is unknown"
    return (
        f"Without a network, or where that fails, bring this file by hand:\n"
        f"  from     {entry.url}{size}\n  SHA-256  {digest}\n  to       {stored(entry, folder)}\n"
        f"or set {SETTING}=/path to a folder that holds {entry.file}. "
        f"Then `python -m scaler weights fetch {entry.name}` verifies it and links it into the project."
    )


def _elsewhere() -> str:
    return f"Set {SETTING}=/path to a folder of yours for the weights."


def _unlike(entry: Checkpoint) -> str:
    return (
        "The file is another version or was damaged on its way: delete it, and "
        f"`python -m scaler weights fetch {entry.name}` gets it anew."
    )
