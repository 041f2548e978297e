"""Predictions on disk: 8-bit PNG, each written whole or not at all, and the record of what made them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from scaler.artifacts.writing import write_file
from scaler.errors import ScalerError
from scaler.metrics.evaluation import to_native
from scaler.metrics.measures import stretched

RECORD = "predictions.json"
FORMAT = "scaler-predictions"
LOCK = ".predictions.lock"
COLOUR = (255, 64, 0)  # RGB; seen on green, brown and pink alike
TINT = 0.45
HALF = 128  # the least 8-bit value of p >= 0.5
PNG_BEGIN, PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"

U8 = NDArray[np.uint8]


def to_bytes(probability: NDArray[Any], shape: tuple[int, int], *, stretch: bool, threshold: float | None) -> U8:
    """A prediction as it is stored.

    Args:
        probability: (S, S) float in [0, 1], in the network's frame.
        shape: (H, W) of the image.
        stretch: min-max at native size, as the field's toolboxes do; a constant map stays as it is.
        threshold: None for round(255 p), else 255 where p >= threshold and 0 elsewhere, after stretching.

    Returns:
        (H, W) uint8.
    """
    p = to_native(probability, shape)
    p = stretched(p) if stretch else p
    if threshold is not None:
        return np.where(p >= threshold, np.uint8(255), np.uint8(0))
    return np.rint(p * 255).astype(np.uint8)


def overlay(image: U8, prediction: U8) -> U8:
    """The image with the prediction as a tint, as strong as its value, and a contour at one half.

    Args:
        image: (H, W, 3) uint8 RGB.
        prediction: (H, W) uint8.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    strength = TINT * prediction[..., None].astype(np.float32) / 255
    tinted = np.rint(image * (1 - strength) + np.asarray(COLOUR, np.float32) * strength).astype(np.uint8)
    contours, _ = cv2.findContours((prediction >= HALF).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    width = max(1, round(min(prediction.shape) / 200))
    return np.asarray(cv2.drawContours(np.ascontiguousarray(tinted), contours, -1, COLOUR, width), np.uint8)


def write_png(path: Path, image: U8) -> None:
    """Write (H, W) grey or (H, W, 3) RGB; an older file is replaced in one step.

    Raises:
        ScalerError: the disk is full or the folder cannot be written to.
    """
    _, data = cv2.imencode(".png", image[..., ::-1] if image.ndim == 3 else image)
    write_file(path, data.tobytes(), durable=False)


def is_whole_png(path: Path) -> bool:
    """Whether a file begins and ends as a PNG does."""
    try:
        with path.open("rb") as file:
            begin = file.read(len(PNG_BEGIN))
            file.seek(-len(PNG_END), os.SEEK_END)
            return begin == PNG_BEGIN and file.read() == PNG_END
    except OSError:
        return False


@contextmanager
def claimed(folder: Path, record: Mapping[str, Any], *, overwrite: bool) -> Iterator[None]:
    """Hold a folder for the predictions of one model under one set of options.

    Args:
        folder: new, empty, or with the record of earlier predictions.
        record: what the predictions depend on; JSON values.
        overwrite: where the folder's record differs, remove the predictions that it answers for (all PNG files in the
            sets that it names) and start anew.

    Raises:
        ScalerError: the folder holds other things, or predictions of another model or other options; or another
            process is writing to it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_foreign(folder)
        lock = FileLock(folder / LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise ScalerError(f"{folder}: another process is writing predictions there; wait for it.") from None
    except OSError as error:
        raise ScalerError(f"{folder}: cannot be used for predictions ({error.strerror}).") from None
    try:
        _claim(folder, record, overwrite)
        yield
    finally:
        lock.release()


def _claim(folder: Path, record: Mapping[str, Any], overwrite: bool) -> None:
    _refuse_foreign(folder)
    before = _read_record(folder)
    differs = [] if before is None else _differences(before, record)
    if differs and not overwrite:
        raise ScalerError(
            f"{folder}: holds predictions made otherwise ({'; '.join(differs)}). Give another folder, or --overwrite "
            "to remove them."
        )
    sets = set(record["sets"])
    if before is not None and overwrite:
        _remove(folder, before["sets"])
    elif before is not None:
        sets |= set(before["sets"])
    text = json.dumps({"format": FORMAT, **record, "sets": sorted(sets)}, indent=2, ensure_ascii=True) + "\n"
    write_file(folder / RECORD, text.encode())


def _refuse_foreign(folder: Path) -> None:
    if not (folder / RECORD).exists() and any(not item.name.startswith(".") for item in folder.iterdir()):
        raise ScalerError(f"{folder}: holds files, but no {RECORD} of earlier predictions; give a new or empty folder.")


def _read_record(folder: Path) -> dict[str, Any] | None:
    try:
        values = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, OSError):
        values = None
    shape = isinstance(values, dict) and values.get("format") == FORMAT and isinstance(values.get("sets"), list)
    if not shape or not all(isinstance(values.get(key), dict) for key in ("model", "options")):
        raise ScalerError(f"{folder / RECORD}: not a record of predictions; give another folder.")
    return dict(values)


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [
        f"{part}.{key}: {_short(before[part].get(key))} there, {_short(now[part].get(key))} now"
        for part in ("model", "options")
        for key in sorted({*before[part], *now[part]} - {"path"})  # a model that was moved is the same one
        if before[part].get(key) != now[part].get(key)
    ]


def _short(value: object) -> str:
    return value[:12] if isinstance(value, str) else str(value)


def _remove(folder: Path, sets: list[str]) -> None:
    for name in sets:
        root = folder / name
        if root.resolve().parent == folder.resolve() and not root.is_symlink():  # the record may have been edited
            for path in sorted(root.rglob("*.png")):
                path.unlink()
