"""Small data sets on disk, as a user would bring them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scaler.params import PrepareDataParams

Params = Callable[..., PrepareDataParams]
Folder = Callable[..., Path]


@pytest.fixture
def params() -> Params:
    """The block `prepare_data` with some values changed."""

    def make(**changes: Any) -> PrepareDataParams:
        values: dict[str, Any] = {
            "source": "data/mine",
            "layout": "general",
            "table": "table.csv",
            "size": 32,
            "foundation_size": None,
            "supervision": "semi",
            "labelled_fraction": 0.25,
            "labelled_list": None,
            "train": "train_*",
            "val": "val_*",
            "val_fraction": None,
            "test": "test_*",
            "test_fraction": None,
            "groups": None,
            "paper_protocol": False,
            "images": "auto",
            "masks": "auto",
            "marks": "auto",
            "image_suffix": "auto",
            "mask_suffix": "auto",
            "marks_suffix": "auto",
            "mask_threshold": 128,
            "mask_size_tolerance": 0,
            "image_white": None,
            "skip_broken": False,
            "tiles": None,
            "marks_convention": "auto",
            "points_per_class": 1,
            "point_radius": 1,
            "scribble_width": 2,
        }
        return PrepareDataParams(**{**values, **changes})

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """`images/*.png` and `masks/*.png` of 8 training, 2 validation and 2 test samples, 40 wide and 30 high."""

    def make(masks: bool = True) -> Path:
        root = tmp_path / "mine"
        (root / "images").mkdir(parents=True)
        (root / "masks").mkdir()
        names = [f"train_{n}" for n in range(8)] + [f"{s}_{n}" for s in ("val", "test") for n in range(2)]
        rng = np.random.default_rng(0)
        for number, name in enumerate(names):
            Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).save(root / "images" / f"{name}.png")
            mask = np.zeros((30, 40), np.uint8)
            mask[5 : 10 + number, 8:30] = 255
            if masks or not name.startswith("train"):
                Image.fromarray(mask).save(root / "masks" / f"{name}.png")
        return root

    return make
