"""One look at each file: what later checks compare, so that no picture is held in memory or read a second time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scaler.data.checks.duplicates import Fingerprint, digest, fingerprint
from scaler.data.decode import Decoded, decode
from scaler.data.folder import Sample
from scaler.data.images import read_image, read_mask
from scaler.data.points_files import is_points
from scaler.data.reading import read_marks_of
from scaler.params import PrepareDataParams

U8 = NDArray[np.uint8]
SPECK = 4  # pixels: a component of at most so many is a speck
ORIENTATION = 0x0112  # EXIF 2.3


@dataclass(frozen=True)
class Stored:
    """How a file stores its picture: Pillow's format and mode ("JPEG", "RGB"), bits, EXIF turn (1 is upright)."""

    format: str
    mode: str
    bits: int
    turn: int


@dataclass(frozen=True)
class ImageLook:
    """An image that could be read; `flat`: one colour all over; `see_through`: its alpha is not the same all over."""

    size: tuple[int, int]
    stored: Stored
    flat: bool
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
        share: of the object; `border_share`: of the outermost pixels that are object.
        components, specks: connected parts of the object (8 neighbours), and those of at most `SPECK` pixels.
    """

    size: tuple[int, int]
    stored: Stored
    pixels: str
    reading: str
    values: NDArray[np.int64]
    share: float
    border_share: float
    components: int
    specks: int


@dataclass(frozen=True)
class MarksLook:
    """Marks that could be read: how many pixels are foreground and background, and how many contradict the mask."""

    size: tuple[int, int]
    reading: str
    foreground: int
    background: int
    foreground_on_background: int
    background_on_foreground: int


def look_at_image(path: Path, hashed: bool) -> ImageLook:
    """Raises ScalerError as `read_image`."""
    stored, alpha = _stored(path), False
    pixels = read_image(path)
    if stored.mode in ("LA", "RGBA", "PA"):
        alpha_channel = decode(path).alpha
        alpha = alpha_channel is not None and bool(alpha_channel.min() != alpha_channel.max())
    size = (pixels.shape[1], pixels.shape[0])
    flat = bool((pixels == pixels[0, 0]).all())
    return ImageLook(size, stored, flat, alpha, fingerprint(pixels) if hashed else None)


def look_at_mask(path: Path) -> tuple[MaskLook, U8]:
    """The look, and the mask itself (H, W) {0, 1}; raises ScalerError as `read_mask`."""
    mask = read_mask(path)
    decoded = decode(path)
    values = _eight(decoded)
    count = np.bincount((values + np.int64(256) * mask).ravel(), minlength=512).reshape(2, 256)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    look = MaskLook(
        size=(mask.shape[1], mask.shape[0]),
        stored=_stored(path),
        pixels=digest(mask),
        reading=mask_reading(decoded),
        values=count,
        share=float(mask.mean()),
        border_share=float(border.mean()),
        components=len(areas),
        specks=int((areas <= SPECK).sum()),
    )
    return look, mask


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
    if decoded.palette is not None:
        return "palette: index 0 or black is background"
    if decoded.grey(16 if decoded.lossy else 0) is None:
        return "colour: black is background"
    if decoded.lossy:
        return "JPEG: cut at 128"
    used = np.unique(decoded.values)
    if used[-1] <= 1:
        return "0 and 1"
    return "black and white" if set(used.tolist()) <= {0, decoded.top} else "nearly black and white: cut in the middle"


def _eight(decoded: Decoded) -> U8:
    values = decoded.values if decoded.values.ndim == 2 else decoded.values.max(axis=2)
    return (values // 257 if decoded.top == 65535 else values).astype(np.uint8)


def _stored(path: Path) -> Stored:
    """From the file's head; what is odd about the pixels the readers tell."""
    try:
        with Image.open(path) as head:
            turn = int(head.getexif().get(ORIENTATION, 1))
            bits = 16 if head.mode.startswith("I") or _is_deep_png(path, head) else 8
            return Stored(str(head.format), head.mode, bits, turn if 1 <= turn <= 8 else 1)
    except Exception:  # metadata may be damaged in ways that leave the pixels readable
        return Stored("unknown", "unknown", 8, 1)


def _is_deep_png(path: Path, head: Image.Image) -> bool:
    if head.format != "PNG":
        return False
    with path.open("rb") as file:
        return file.read(25)[24:] == b"\x10"
