"""Decoding of image files to their stored sample values, before anyone decides what the values mean."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from scaler.errors import ScalerError

FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "GIF")  # by content, whatever the suffix says
LOSSY = ("JPEG", "MPO")  # phones write MPO, a JPEG with more pictures behind the first
SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".gif")
PNG_BIT_DEPTH = 24  # offset of the bit depth in a PNG file: signature, chunk head, width, height
TIFF_BITS_PER_SAMPLE = 258

Samples = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True)
class Decoded:
    """An image as stored, turned upright.

    Attributes:
        values: (H, W) or (H, W, 3) samples, uint8 or uint16, in [0, top]; with a palette, (H, W) indexes.
        top: the greatest value that a sample could have: 2^bits - 1.
        palette: (256, 3) uint8 RGB colours of the indexes, or None.
        alpha: (H, W) transparency, or None; no reader uses it as colour.
        lossy: whether the compression changes values (JPEG).
    """

    values: Samples
    top: int
    palette: NDArray[np.uint8] | None
    alpha: Samples | None
    lossy: bool

    def grey(self, tolerance: int = 0) -> Samples | None:
        """(H, W): the samples, or None for a palette, or colours whose channels differ by more than `tolerance`."""
        if self.palette is not None:
            return None
        if self.values.ndim == 2:
            return self.values
        spread = self.values.max(axis=2) - self.values.min(axis=2)
        return self.values[..., 1] if int(spread.max()) <= tolerance else None


def decode(path: Path) -> Decoded:
    """Read JPEG, PNG, TIFF, BMP or GIF of 1 to 16 bits per sample and apply its EXIF (or TIFF) orientation.

    Colour profiles are not applied; CMYK becomes RGB.

    Raises:
        ScalerError: missing, empty, truncated or damaged file, another format, several pages, or samples of
            32 bits or floating point.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ScalerError(f"{path}: not readable ({error.strerror}); check the file and its permissions.") from None
    if not data:
        raise ScalerError(f"{path}: the file is empty (0 bytes); copy it again from where it came.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata and of large images; neither harms the pixels
        image = _open(path, data)
        decoded = _samples(path, image, data)
    if decoded.values.size == 0:
        raise ScalerError(f"{path}: the image has no pixels; export it again.")
    return decoded


def _open(path: Path, data: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ScalerError(f"{path}: too large ({error}); store it at a smaller size.") from None
    except Exception:  # decoders of damaged files raise whatever they like
        raise ScalerError(
            f"{path}: no readable image. Expected JPEG, PNG, TIFF, BMP or GIF; "
            "copy the file again, or convert it to PNG."
        ) from None
    pages = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if pages > 1:
        raise ScalerError(f"{path}: holds {pages} pages or frames, expected one; export each as a file of its own.")
    try:
        image.load()
    except Exception as error:
        raise ScalerError(f"{path}: truncated or damaged ({error}); copy it again from where it came.") from None
    return image


def _samples(path: Path, image: Image.Image, data: bytes) -> Decoded:
    kind, bits = str(image.format), _bits(image, data)
    if image.mode in ("F", "I") or bits > 16:
        raise ScalerError(
            f"{path}: {bits}-bit {'floating point' if image.mode == 'F' else 'integer'} samples; "
            "expected at most 16 bits. Save it with 8 or 16 bits per channel."
        )
    deep_colour = bits == 16 and not image.mode.startswith("I;16")
    if deep_colour:  # Pillow would cut these to 8 bits
        values, alpha = _deep_colour(path, image, data)
        return Decoded(values, 65535, None, alpha, lossy=False)
    upright = ImageOps.exif_transpose(image)
    lossy = kind in LOSSY
    match upright.mode:
        case "1":
            return Decoded(np.asarray(upright).astype(np.uint8), 1, None, None, lossy)
        case "L":
            top = 2 ** min(bits, 8) - 1
            return Decoded(np.asarray(upright) // np.uint8(255 // top), top, None, None, lossy)
        case "P":
            return Decoded(np.asarray(upright), 255, _palette(upright), None, lossy)
        case mode if mode.startswith("I;16"):
            return Decoded(np.asarray(upright).astype(np.uint16), 65535, None, None, lossy)
        case "LA":
            pair = np.asarray(upright)
            return Decoded(pair[..., 0], 255, None, pair[..., 1], lossy)
        case "RGBA":
            colour = np.asarray(upright)
            return Decoded(colour[..., :3], 255, None, colour[..., 3], lossy)
    try:
        return Decoded(np.asarray(upright.convert("RGB")), 255, None, None, lossy)
    except (ValueError, OSError):
        raise ScalerError(f"{path}: colours stored as {upright.mode}; convert the file to RGB.") from None


def _bits(image: Image.Image, data: bytes) -> int:
    if image.format == "PNG":
        return data[PNG_BIT_DEPTH]
    if image.format == "TIFF":
        stored: Any = getattr(image, "tag_v2", {}).get(TIFF_BITS_PER_SAMPLE, (1,))
        return int(stored[0] if isinstance(stored, tuple) else stored)
    return 8


def _deep_colour(path: Path, image: Image.Image, data: bytes) -> tuple[Samples, Samples | None]:
    raw = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if raw is None or raw.dtype != np.uint16:
        raise ScalerError(f"{path}: this 16-bit {image.format} is not readable; save it as PNG.")
    turn = 1 if image.format == "TIFF" else image.getexif().get(0x0112, 1)  # OpenCV turns TIFF, and nothing else here
    upright = _turned(raw.astype(np.uint16), int(turn))
    if upright.ndim == 2:
        return upright, None
    return upright[..., 2::-1].copy(), upright[..., 3] if upright.shape[2] == 4 else None


def _turned(values: NDArray[np.uint16], orientation: int) -> NDArray[np.uint16]:
    """Undo an EXIF orientation, 1 to 8 (EXIF 2.3, tag 0x0112); other values mean upright."""
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return values


def _palette(image: Image.Image) -> NDArray[np.uint8]:
    colours = np.zeros((256, 3), np.uint8)
    stored = np.asarray(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    colours[: len(stored)] = stored
    return colours
