"""One image of an artifact in the terminal: its numbers, and its maps as small pictures of block characters."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

from scaler.errors import ScalerError

BLOCKS = " ░▒▓█"
LETTERS = " .:-=+*#%@"  # where the terminal knows no blocks
WIDTH = 48  # characters of a picture
BRANCHES = {0: "normal", 1: "difficult", 2: "simple"}
MARKS = " +-"  # unknown, foreground, background


def image_lines(path: Path, file: h5py.File, image: str, *, ascii_only: bool = False) -> Iterator[str]:
    """One image's values in every data set that has a row per image, with a small picture of each map.

    Raises:
        ScalerError: the artifact holds no such image.
    """
    groups = {"": file} | {f"{name}/": item for name, item in file.items() if isinstance(item, h5py.Group)}
    known: list[str] = []
    found = False
    for prefix, group in groups.items():
        if "id" not in group:
            continue
        ids = list(group["id"].asstr()[()])
        known += ids
        if image in ids:
            found = True
            yield f"{path}: {prefix}{image!r}, number {ids.index(image)} of {len(ids)} (counted from 0)"
            yield from _values(group, prefix, ids.index(image), len(ids), ascii_only)
    if not found:
        near = get_close_matches(image, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        what = f"it holds {len(known)} images, such as {known[0]!r}." if known else "it holds no images."
        raise ScalerError(f"--image: {path} has no image {image!r}; {what}{hint}")


def data_sets(item: Any, name: str) -> Iterator[tuple[str, h5py.Dataset]]:
    """(path, data set) of everything in a group, or the data set itself."""
    if isinstance(item, h5py.Dataset):
        yield name, item
        return
    for key, child in item.items():
        yield from data_sets(child, f"{name}/{key}" if name else key)


def picture(values: NDArray[np.uint8], top: int = 255, *, ascii_only: bool = False) -> list[str]:
    """A map (H, W) or an image (H, W, 3) of 0 to `top` as lines of characters."""
    shades = LETTERS if ascii_only else BLOCKS
    grey = values if values.ndim == 2 else cv2.cvtColor(values, cv2.COLOR_RGB2GRAY)
    height, width = _fitted(grey)
    small = cv2.resize(grey.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    levels = np.clip(np.rint(small / top * (len(shades) - 1)), 0, len(shades) - 1).astype(int)
    return ["".join(shades[level] for level in row) for row in levels]


def marks_picture(marks: NDArray[np.uint8]) -> list[str]:
    """Marks (H, W) {0 unknown, 1 foreground, 2 background} as blank, + and -; shrinking loses none."""
    height, width = _fitted(marks)
    lines = [[" "] * width for _ in range(height)]
    for value in (2, 1):  # foreground wins where both fall on one character
        for row, column in np.argwhere(marks == value):
            lines[row * height // marks.shape[0]][column * width // marks.shape[1]] = MARKS[value]
    return ["".join(line) for line in lines]


def _fitted(values: NDArray[Any]) -> tuple[int, int]:
    """Lines and characters of a picture: a character is twice as high as it is wide."""
    width = min(WIDTH, values.shape[1])
    return max(1, round(values.shape[0] / values.shape[1] * width / 2)), width


def _values(group: h5py.Group, prefix: str, index: int, count: int, ascii_only: bool) -> Iterator[str]:
    for name, data in data_sets(group, ""):
        if name == "id" or name.startswith("native_mask/") or "curve/" in name or data.shape[:1] != (count,):
            continue
        value = data.asstr()[index] if data.dtype.kind == "O" else data[index]
        if data.ndim < 3:
            yield f"  {prefix}{name} = {_text(name, value)}"
            continue
        is_label = value.ndim == 2 and name not in ("mask", "marks")
        share = f", {(value >= 128).mean():.1%} at p >= 0.5" if is_label else ""
        yield f"  {prefix}{name}  {'x'.join(map(str, value.shape))}, {value.min()} to {value.max()}{share}"
        top = 1 if name == "mask" else 255
        drawn = marks_picture(value) if name == "marks" else picture(value, top, ascii_only=ascii_only)
        yield from (f"    |{line}|" for line in drawn)


def _text(name: str, value: Any) -> str:
    if name == "branch":
        return BRANCHES.get(int(value), str(value))
    if isinstance(value, str):
        return repr(value)
    return f"{value:.4f}" if isinstance(value, np.floating) else str(value)
