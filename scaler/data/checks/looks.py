"""One look at each file: what later checks need, so that no image is kept in memory or read a second time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scaler.data.checks.duplicates import Fingerprint, digest, fingerprint
from scaler.data.decode import ORIENTATION, decode
from scaler.data.folder import Sample
from scaler.data.images import NEAR, THRESHOLD, eight_bits, grey_values, image_of, mask_of
from scaler.data.points_files import is_points
from scaler.data.reading import read_marks_of
from scaler.data.samples import Decoded
from scaler.params import PrepareDataParams

U8 = NDArray[np.uint8]
PHOTOMETRIC = 262  # TIFF 6.0; 0: WhiteIsZero
SPECK = 4  # pixels: a component of at most so many is a speck


@dataclass(frozen=True)
class Stored:
    """How a file stores its image: Pillow's format and mode ("JPEG", "RGB"), and EXIF orientation (1 is upright).

    `white_is_zero`: a TIFF that says so, which exchanges black and white.
    """

    format: str
    mode: str
    turn: int
    white_is_zero: bool = False


@dataclass(frozen=True)
class ImageLook:
    """An image that could be read.

    Attributes:
        size: (width, height).
        stored: see `Stored`.
        top, greatest: the greatest value that a sample could have, and that one has.
        flat: one colour everywhere.
        black_and_white: nothing between these two, as in masks.
        see_through: its transparency is not the same everywhere.
        print: by which duplicates are found; None if they are not searched.
    """

    size: tuple[int, int]
    stored: Stored
    top: int
    greatest: int
    flat: bool
    black_and_white: bool
    see_through: bool
    print: Fingerprint | None


@dataclass(frozen=True)
class MaskLook:
    """A mask that could be read.

    Attributes:
        size: (width, height).
        stored, pixels: as for images; `pixels` is the digest of its 0 and 1.
        reading: how its values were understood.
        values: (2, 256) how many pixels of each 8-bit value (or palette index) became background and object.
        is_lossy: whether the compression changes values.
        between: share of the pixels that are neither nearly black nor nearly white.
        share: of the object; `border_share`: of the outermost pixels that are object.
        components, specks: connected parts of the object (8 neighbours), and those of at most `SPECK` pixels.
        width: of the object, pixels: that of a strip whose pixels are as far from the background, on average.
    """

    size: tuple[int, int]
    stored: Stored
    pixels: str
    reading: str
    values: NDArray[np.int64]
    is_lossy: bool
    between: float
    share: float
    border_share: float
    components: int
    specks: int
    width: float


@dataclass(frozen=True)
class MarksLook:
    """Marks that could be read: how many pixels are foreground and background, and how many contradict the mask."""

    size: tuple[int, int]
    reading: str
    foreground: int
    background: int
    foreground_on_background: int
    background_on_foreground: int


def look_at_image(path: Path, hashed: bool, white: int | None = None) -> ImageLook:
    """Raises ScalerError as `read_image`."""
    decoded = decode(path)
    pixels = image_of(decoded, white)
    alpha = decoded.alpha
    return ImageLook(
        size=(pixels.shape[1], pixels.shape[0]),
        stored=_stored(path),
        top=decoded.top if white is None else min(white, decoded.top),
        greatest=int(decoded.values.max()),
        flat=bool((pixels == pixels[0, 0]).all()),
        black_and_white=bool(((pixels == 0) | (pixels == 255)).all() and (pixels == pixels[..., :1]).all()),
        see_through=alpha is not None and bool(alpha.min() != alpha.max()),
        print=fingerprint(pixels) if hashed else None,
    )


def look_at_mask(path: Path, threshold: int = THRESHOLD) -> tuple[MaskLook, U8]:
    """The look, and the mask itself (H, W) {0, 1}; raises ScalerError as `read_mask`."""
    decoded = decode(path)
    mask = mask_of(decoded, path, threshold)
    values = _eight(decoded)
    count = np.bincount((values + np.int64(256) * mask).ravel(), minlength=512).reshape(2, 256)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    grey = grey_values(decoded)
    is_binary = grey is None or decoded.top == 1 or int(grey.max()) <= 1
    between = 0.0 if is_binary else float(((values > NEAR) & (values < 255 - NEAR)).mean())
    look = MaskLook(
        size=(mask.shape[1], mask.shape[0]),
        stored=_stored(path),
        pixels=digest(mask),
        reading=mask_reading(decoded),
        values=count,
        is_lossy=decoded.lossy,
        between=between,
        share=float(mask.mean()),
        border_share=float(border.mean()),
        components=len(areas),
        specks=int((areas <= SPECK).sum()),
        width=_width(mask),
    )
    return look, mask


def _width(mask: U8) -> float:
    if not mask.any():
        return 0.0
    framed = np.pad(mask, 1)  # a full mask has an edge, too
    return 4 * float(cv2.distanceTransform(framed, cv2.DIST_L2, 3)[framed > 0].mean()) - 2


def look_at_marks(
    sample: Sample, shape: tuple[int, int], params: PrepareDataParams, mask: U8 | None
) -> MarksLook | None:
    """None without marks; raises ScalerError as `read_marks_of`, whose arguments these are. `mask` (H, W) {0, 1} is
    compared where it has the marks' size.
    """
    marks = read_marks_of(sample, shape, params)
    if marks is None or sample.marks is None:
        return None
    comparable = mask is not None and mask.shape == marks.shape
    truth = mask if comparable and mask is not None else (marks == 1).astype(np.uint8)
    return MarksLook(
        size=(marks.shape[1], marks.shape[0]),
        reading=_marks_reading(sample.marks),
        foreground=int((marks == 1).sum()),
        background=int((marks == 2).sum()),
        foreground_on_background=int(((marks == 1) & (truth == 0)).sum()),
        background_on_foreground=int(((marks == 2) & (truth == 1)).sum()),
    )


def _marks_reading(path: Path) -> str:
    if is_points(path):
        return "points"
    stored = set(np.unique(decode(path).values).tolist())
    return "1 object, 0 background, 255 unknown" if 255 in stored else "1 object, 2 background, 0 unknown"


def mask_reading(decoded: Decoded) -> str:
    """How `read_mask` understands such values, in words."""
    grey = grey_values(decoded)
    if grey is None:
        return "colour or palette: black or index 0 is background"
    used = np.unique(grey)
    if used[-1] <= 1:
        return "0 and 1"
    return "black and white" if set(used.tolist()) <= {0, decoded.top} else "grey, cut at the threshold"


def _eight(decoded: Decoded) -> U8:
    values = decoded.values if decoded.values.ndim == 2 else decoded.values.max(axis=2)
    if int(values.max()) <= 1:
        return values.astype(np.uint8)
    return eight_bits(values, decoded.top)


def _stored(path: Path) -> Stored:
    """From the file's head; the readers report what is wrong with the pixels."""
    try:
        with Image.open(path) as head:
            turn = int(head.getexif().get(ORIENTATION, 1))
            white_is_zero = head.format == "TIFF" and head.getexif().get(PHOTOMETRIC) == 0
            return Stored(str(head.format), head.mode, turn if 1 <= turn <= 8 else 1, white_is_zero)
    except Exception:  # metadata may be damaged in ways that leave the pixels readable
        return Stored("unknown", "unknown", 1)
