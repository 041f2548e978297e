"""The field's folders in small: the true names and formats, written with Pillow."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE = (24, 18)  # width, height

U8 = NDArray[np.uint8]


def picture(path: Path) -> None:
    """A picture that differs from name to name; the format follows the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(path.as_posix().encode())
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (SIZE[1], SIZE[0], 3)).astype(np.uint8)).save(path)


def shape(number: int) -> U8:
    """(H, W) {0, 1}: a rectangle whose size grows with the number."""
    mask = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    mask[2 : 5 + number % 10, 3:20] = 1
    return mask


def label(path: Path, mask: U8, top: int = 255) -> None:
    """A mask; GIF as a palette of grey, as DRIVE's annotators saved it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((mask * top).astype(np.uint8)).save(path)


def pairs(images: Path, masks: Path, names: Iterable[str], image_suffix: str = ".jpg") -> None:
    """Pictures and PNG masks of the same names."""
    for number, name in enumerate(names):
        picture(images / f"{name}{image_suffix}")
        label(masks / f"{name}.png", shape(number))


def cod(root: Path) -> Path:
    """SINet's folders: COD10K's and CAMO's names side by side in training, scribbles as S-COD has them."""
    train = root / "TrainDataset"
    names = ["camourflage_00002", "COD10K-CAM-1-Aquatic-1-BatFish-2", "camourflage_00003", "camourflage_00004"]
    pairs(train / "Imgs", train / "GT", names)
    for name in names:
        marks = np.zeros((SIZE[1], SIZE[0]), np.uint8)
        marks[3, 5:9], marks[15, 2:9] = 1, 2
        label(train / "Scribble" / f"{name}.png", marks, top=1)
    tests = {"CHAMELEON": ["animal-1", "animal-2"], "CAMO": ["camourflage_00012"], "NC4K": ["1", "2", "3"]}
    for name, ids in tests.items():
        pairs(root / "TestDataset" / name / "Imgs", root / "TestDataset" / name / "GT", ids)
    cod10k = root / "TestDataset" / "COD10K"
    pairs(cod10k / "Image", cod10k / "GT_Object", ["COD10K-CAM-1-Aquatic-1-BatFish-4"])
    return root


def pranet(root: Path) -> Path:
    """PraNet's folders: PNG pictures, numbers as names, the same numbers in several sets."""
    pairs(root / "TrainDataset" / "images", root / "TrainDataset" / "masks", ["1", "2", "cju0qkwl35piu"], ".png")
    for name in ("CVC-300", "CVC-ClinicDB", "CVC-ColonDB", "ETIS-LaribPolypDB", "Kvasir"):
        pairs(root / "TestDataset" / name / "images", root / "TestDataset" / name / "masks", ["1", "149"], ".png")
    return root


def gdd(root: Path) -> Path:
    """GDD's folders."""
    for split, names in (("train", ["1", "2", "7"]), ("test", ["2614", "2615"])):
        pairs(root / split / "image", root / split / "mask", names)
    return root


def drive(root: Path) -> Path:
    """DRIVE's folders: TIFF pictures, GIF annotations, GIF masks of the field of view, two annotators for test."""
    for split, suffix, numbers in (("training", "training", (21, 22, 23)), ("test", "test", (1, 2))):
        for number in numbers:
            picture(root / split / "images" / f"{number:02d}_{suffix}.tif")
            label(root / split / "1st_manual" / f"{number:02d}_manual1.gif", shape(number))
            label(root / split / "mask" / f"{number:02d}_{suffix}_mask.gif", np.ones((SIZE[1], SIZE[0]), np.uint8))
            if split == "test":
                label(root / split / "2nd_manual" / f"{number:02d}_manual2.gif", shape(number + 1))
    return root


def sod(root: Path) -> Path:
    """DUTS as it is released, and two test sets as toolboxes keep them."""
    for name, ids in (("DUTS-TR", ["ILSVRC2012_test_00000004", "sun_a"]), ("DUTS-TE", ["ILSVRC2012_test_00000003"])):
        pairs(root / name / f"{name}-Image", root / name / f"{name}-Mask", ids)
    pairs(root / "ECSSD" / "images", root / "ECSSD" / "masks", ["0001", "0002"])
    pairs(root / "HKU-IS" / "Imgs", root / "HKU-IS" / "GT", ["0004"])
    return root
