"""Small images, masks drawn as text, and the calls that tests make."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from scaler.data.images import read_marks, read_mask
from scaler.exchange.importing import import_annotations
from scaler.exchange.shapes import ImportOptions

U8 = NDArray[np.uint8]


def grid(text: str) -> U8:
    """A mask drawn with "." and "#" (marks: digits), a line per row."""
    rows = [[0 if letter == "." else 1 if letter == "#" else int(letter) for letter in row] for row in text.split()]
    return np.asarray(rows, np.uint8)


def picture(path: Path, width: int, height: int, orientation: int = 1) -> Path:
    """An image file of this stored size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(width * height).integers(0, 256, (height, width, 3), np.uint8)
    exif = Image.Exif()
    if orientation != 1:
        exif[0x0112] = orientation
    Image.fromarray(values).save(path, exif=exif)
    return path


def write(path: Path, content: Any) -> Path:
    """A text file; anything but text as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def mask_of(out: Path, name: str = "a") -> U8:
    return read_mask(out / "masks" / f"{name}.png")


def marks_of(out: Path, name: str = "a") -> U8:
    return read_marks(out / "marks" / f"{name}.png", "fg1_bg2")


Importer = Callable[..., Path]


@pytest.fixture
def bring(tmp_path: Path) -> Importer:
    """`bring(kind, source, **options)` imports into a new folder and returns it; the summary is `summary.txt` there."""

    def run(kind: str, source: Path, **values: Any) -> Path:
        out = tmp_path / "out"
        arguments = {key: values.pop(key) for key in ("link", "overwrite", "date") if key in values}
        lines = import_annotations(kind, source, out, ImportOptions(**values), **arguments)
        (tmp_path / "summary.txt").write_text("\n".join(lines), encoding="utf-8")
        return out

    return run


@pytest.fixture
def summary(tmp_path: Path) -> Callable[[], str]:
    """The summary of the last import."""
    return lambda: (tmp_path / "summary.txt").read_text(encoding="utf-8")
