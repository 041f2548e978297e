"""A folder of photographs and their segmentations, as a foundation model is pretrained from it.

    FOLDER/images/...                    photographs
    FOLDER/segments/... (or groundTruth) label maps, an integer for each segment; or BSDS500's .mat files
    FOLDER/masks/...                     or binary masks, in which 0 is no segment

A segmentation belongs to the photograph of the same path and stem; `_0`, `_1`, ... behind the stem tell apart several
of one photograph.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

from scaler.data.decode import SUFFIXES, decode
from scaler.data.images import read_image, read_mask
from scaler.errors import Fault, ScalerError

IMAGES, MASKS = "images", "masks"
LABEL_FOLDERS = ("segments", "groundTruth", MASKS)
MAT = ".mat"
NUMBERED = re.compile(r"_\d+$")

U8 = NDArray[np.uint8]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Photograph:
    """One photograph.

    Attributes:
        id: its path below `images`, without suffix.
        image: the file.
        segmentations: label maps, masks, or .mat files that hold several.
        binary: whether they are masks.
    """

    id: str
    image: Path
    segmentations: tuple[Path, ...]
    binary: bool

    def read(self, number: int) -> tuple[U8, Labels]:
        """The image (H, W, 3) RGB and one of its segmentations (H, W), counted round.

        Raises:
            ScalerError: a file is not readable, or image and segmentation are of different sizes.
        """
        image = np.require(read_image(self.image), requirements="W")  # torch warns of others
        maps = [
            label_map
            for path in self.segmentations[number % len(self.segmentations) :][:1]
            for label_map in self._maps(path)
        ]
        labels = maps[number // len(self.segmentations) % len(maps)]
        if labels.shape != image.shape[:2]:
            raise ScalerError(
                Fault(
                    "sizes_differ", (self.image, *self.segmentations),
                    f"the image has {image.shape[1]} x {image.shape[0]} pixels, its segmentation {labels.shape[1]} x "
                    f"{labels.shape[0]}",
                    "export both at one size",
                )
            )  # fmt: skip
        return image, labels

    def _maps(self, path: Path) -> list[Labels]:
        if self.binary:
            return [read_mask(path).astype(np.int64)]
        return read_mat(path) if path.suffix.lower() == MAT else [read_labels(path)]


def find_photographs(root: Path, only: str = "*") -> list[Photograph]:
    """The photographs of a folder whose id matches the pattern `only`, sorted by id; contents are not read.

    Raises:
        ScalerError: no such folders, no photograph that matches, or one without segmentation.
    """
    folder = next((root / name for name in LABEL_FOLDERS if (root / name).is_dir()), None)
    if folder is None or not (root / IMAGES).is_dir():
        raise ScalerError(
            f"{root}: expected a folder {IMAGES} and, beside it, one of {', '.join(LABEL_FOLDERS)} with a segmentation "
            "of each photograph."
        )
    segmentations = _by_stem(folder)
    found = [path for path in sorted((root / IMAGES).rglob("*")) if path.suffix.lower() in SUFFIXES]
    ids = {_id(path, root / IMAGES): path for path in found}
    chosen = {name: path for name, path in ids.items() if fnmatchcase(name, only)}
    if not chosen:
        raise ScalerError(f"{root}: no photograph in {root / IMAGES} matches {only!r} ({len(ids)} are there).")
    bare = [path for name, path in chosen.items() if name not in segmentations]
    if bare:
        raise ScalerError(
            Fault(
                "no_label", tuple(bare), f"no segmentation in {folder} has the name of the photograph",
                "name them like the photograph: a.jpg and a.png, or a_0.png, a_1.png, ...",
            )
        )  # fmt: skip
    return [
        Photograph(name, path, tuple(segmentations[name]), folder.name == MASKS)
        for name, path in sorted(chosen.items())
    ]


def read_labels(path: Path) -> Labels:
    """A label map from a lossless image file: (H, W), one integer for each segment; of colours, one for each colour.

    Raises:
        ScalerError: not readable, or JPEG, whose values are not those that were saved.
    """
    decoded = decode(path)
    if decoded.lossy:
        raise ScalerError(Fault("unreadable", (path,), "JPEG changes the numbers of a label map", "save it as PNG"))
    values = decoded.values.astype(np.int64)
    return values if values.ndim == 2 else values @ np.array([1, 1 << 16, 1 << 32])


def read_mat(path: Path) -> list[Labels]:
    """The segmentations of one of BSDS500's ground truths: a cell array `groundTruth` of structures `Segmentation`.

    Raises:
        ScalerError: not readable as such.
    """
    try:
        cells = loadmat(path)["groundTruth"].ravel()
        return [np.asarray(cell["Segmentation"][0, 0], dtype=np.int64) for cell in cells]
    except Exception as error:  # of a damaged file scipy raises nearly anything
        reason = f"not readable as a ground truth of BSDS500 ({type(error).__name__}: {error})"
        raise ScalerError(Fault("unreadable", (path,), reason, "fetch it again, or save label maps as PNG")) from None


def nearest(labels: Labels, height: int, width: int) -> Labels:
    """A label map of another size: each pixel takes the label at its centre."""
    rows = ((np.arange(height) + 0.5) * labels.shape[0] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * labels.shape[1] / width).astype(int)
    return labels[np.ix_(rows, columns)]


def _by_stem(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in (*SUFFIXES, MAT):
            name = _id(path, folder)
            found[name].append(path)
            if NUMBERED.search(name):
                found[NUMBERED.sub("", name)].append(path)
    return found


def _id(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()
