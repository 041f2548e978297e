"""A small sound data set, to which each test adds one fault; written with Pillow, not by the readers' own side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scaler.data.checks.examine import Examination, examine
from scaler.data.checks.guess import guess
from scaler.params import PrepareDataParams

SIZE = (64, 48)  # width, height
IDS = ("a", "b", "c")

U8 = NDArray[np.uint8]


def picture(seed: int, size: tuple[int, int] = SIZE) -> U8:
    """(H, W, 3) smooth colours that differ from seed to seed."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC))


def shape(seed: int, size: tuple[int, int] = SIZE, top: int = 255) -> U8:
    """(H, W) a rectangle of `top` on 0, elsewhere for each seed."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    mask[10 + seed : 30, 10 : 30 + seed] = top
    return mask


def write(path: Path, values: U8, **options: object) -> Path:
    """Write an array by Pillow; the format follows the suffix, or `format`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, **options)  # type: ignore[arg-type]
    return path


def sound(root: Path) -> Path:
    """Three pairs without any fault."""
    for seed, name in enumerate(IDS):
        write(root / "images" / f"{name}.png", picture(seed))
        write(root / "masks" / f"{name}.png", shape(seed))
    return root


def params(root: Path, **changes: object) -> PrepareDataParams:
    """Settings that fit `sound`: a trains, b validates, c tests."""
    plain = {"layout": "general", "images": "auto", "masks": "auto", "marks": "auto"}
    return guess(root).model_copy(update=plain | {"train": "a*", "val": "b*", "test": "c*", **changes})


def found_in(examination: Examination) -> list[tuple[str, str, tuple[str, ...]]]:
    """Severity, kind and files (relative to the source) of each finding."""
    source = examination.faults.source
    relative = [item.relative_to(source) for item in examination.faults.items]
    return [(item.severity, item.kind, tuple(map(str, item.files))) for item in relative]


def look(root: Path, rules: PrepareDataParams | None = None) -> Examination:
    """The examination."""
    return examine(root, rules)
