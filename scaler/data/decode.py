"""Decoding of image files: the one reader of images, by content, whatever the suffix says."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from scaler.data.samples import Decoded, Samples, turned
from scaler.data.tiff import NotOneImage, decode_tiff
from scaler.errors import Fault, ScalerError

FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "DIB", "GIF", "WEBP", "JPEG2000", "PPM", "AVIF")
SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".dib", ".gif", ".webp", ".jp2", ".j2k", ".jpx",
    ".ppm", ".pgm", ".pbm", ".pnm", ".avif",
)  # fmt: skip
UNREAD_SUFFIXES = (  # images of other formats: never passed over silently
    ".heic", ".heif", ".jxl", ".npy", ".mat", ".dcm", ".svg", ".psd", ".raw", ".dng", ".cr2", ".nef", ".arw", ".exr",
)  # fmt: skip
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv")
TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
PNG_MAGIC, PNG_BIT_DEPTH = b"\x89PNG", 24  # offset: signature, chunk head, width, height
END_OF_JPEG = b"\xff\xd9"
ORIENTATION = 0x0112  # EXIF 2.3
MAX_PIXELS = 178_956_970  # 512 MiB of RGB
MAX_PIXELS_VARIABLE = "SCALER_MAX_PIXELS"

Result = TypeVar("Result")

Image.MAX_IMAGE_PIXELS = None  # `_open` names the limit and how to raise it


def decode(path: Path) -> Decoded:
    """Read an image of 1 to 16 bits per sample and apply its EXIF (or TIFF) orientation.

    Colour profiles are not applied; CMYK, Lab and YCbCr become RGB.

    Raises:
        ScalerError: of kind "unreadable": missing, empty, truncated or damaged file, another format, too large,
            several pages, or samples of more than 16 bits.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise unreadable(path, f"not readable ({error.strerror})", "check the file and its permissions") from None
    if not data:
        raise unreadable(path, "the file is empty (0 bytes)", "copy it again from where it came")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata, which does no harm to the pixels
            decoded = _decoded(path, data)
    except NotOneImage as error:
        raise unreadable(path, *map(str, error.args)) from None
    if decoded.values.size == 0:
        raise unreadable(path, "the image has no pixels", "export it again")
    return decoded


def unreadable(path: Path, reason: str, remedy: str) -> ScalerError:
    """The error of a file that cannot be decoded."""
    return ScalerError(Fault("unreadable", (path,), reason, remedy))


def _decoded(path: Path, data: bytes) -> Decoded:
    image = _open(path, data)
    if data.startswith(TIFF_MAGIC):
        decoded = _attempt(path, lambda: decode_tiff(data))
        if decoded is not None:
            return decoded
    if image is None:
        raise _foreign(path, data)
    pages = 1 if image.format in ("MPO", "JPEG2000") else getattr(image, "n_frames", 1)
    if pages > 1:
        raise NotOneImage(f"holds {pages} pages or frames, expected one", "export each as a file of its own")
    if data.startswith(PNG_MAGIC) and data[PNG_BIT_DEPTH] == 16 and image.mode[:1] != "I":
        return _deep_png(path, data, image)  # Pillow would reduce it to 8 bits
    return _attempt(path, lambda: _of_pillow(_loaded(data, image), data))


def _attempt(path: Path, read: Callable[[], Result]) -> Result:
    """Decoders of damaged files raise whatever they like."""
    try:
        return read()
    except (NotOneImage, MemoryError):
        raise
    except Exception as error:
        raise unreadable(path, f"truncated or damaged ({error})", "copy it again from where it came") from None


def _open(path: Path, data: bytes) -> Image.Image | None:
    """The opened file, its pixels not yet read; None if Pillow cannot tell what it is."""
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Exception:
        return None
    limit = int(os.environ.get(MAX_PIXELS_VARIABLE, MAX_PIXELS))
    if image.width * image.height > limit:
        reason = f"{image.width} x {image.height} = {image.width * image.height:,} pixels, the limit is {limit:,}"
        remedy = f"cut it into tiles, or raise the limit by the environment variable {MAX_PIXELS_VARIABLE}"
        raise unreadable(path, reason, remedy)
    return image


def _foreign(path: Path, data: bytes) -> ScalerError:
    head = data[:512].lstrip().lower()
    what = "not an image in a format that is read"
    if head.startswith((b"<!doctype html", b"<html")):
        what = "a web page, not an image"
    elif head.startswith(b"version https://git-lfs"):
        what = "a Git LFS pointer, not the image itself; `git lfs pull` fetches it"
    elif head[4:8] == b"ftyp":
        what = "a HEIC image or a video"
    remedy = "copy the file again, or convert it to PNG"
    return unreadable(path, f"{what}; expected JPEG, PNG, TIFF, BMP, GIF, WebP, JPEG 2000, PPM or AVIF", remedy)


def _loaded(data: bytes, image: Image.Image) -> Image.Image:
    """The image with its pixels; a JPEG may lack its end marker if nothing else is missing."""
    try:
        image.load()
    except OSError:
        if image.format not in ("JPEG", "MPO"):
            raise
        # Bytes behind the last block are ignored; bytes in the place of missing blocks would change the image.
        first, second = (
            Image.open(io.BytesIO(data + filler + END_OF_JPEG), formats=("JPEG",)) for filler in (b"", b"\x5a" * 64)
        )
        if np.array_equal(np.asarray(first), np.asarray(second)):
            return first
        raise
    return image


def _of_pillow(image: Image.Image, data: bytes) -> Decoded:
    bits = data[PNG_BIT_DEPTH] if image.format == "PNG" else 8
    lossy = image.format in ("JPEG", "MPO", "AVIF", "JPEG2000") or (image.format == "WEBP" and b"VP8 " in data[:64])
    ImageOps.exif_transpose(image, in_place=True)  # without a copy of large images
    values = np.asarray(image)
    match image.mode:
        case "1":
            return Decoded(values.astype(np.uint8), 1, None, None, lossy)
        case "L":
            top = 2 ** min(bits, 8) - 1
            return Decoded(values // np.uint8(255 // top), top, None, None, lossy)
        case "P":
            return Decoded(values, 255, _palette(image), None, lossy)
        case "I" if image.format == "PPM":
            return Decoded(values.astype(np.uint16), 65535, None, None, lossy)
        case mode if mode.startswith("I;16"):
            return Decoded(values.astype(np.uint16), 65535, None, None, lossy)
        case "LA":
            return Decoded(values[..., 0], 255, None, values[..., 1], lossy)
        case "RGBA":
            return Decoded(values[..., :3], 255, None, values[..., 3], lossy)
        case "I" | "F" as mode:
            reason = f"32-bit {'floating point' if mode == 'F' else 'integer'} samples, expected at most 16 bits"
            raise NotOneImage(reason, "save it with 8 or 16 bits per channel")
    return Decoded(np.asarray(image.convert("RGB")), 255, None, None, lossy)


def _deep_png(path: Path, data: bytes, image: Image.Image) -> Decoded:
    """Colour or transparency of 16 bits."""
    _attempt(path, image.load)  # OpenCV fills what is missing with black
    raw = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if raw is None or raw.dtype != np.uint16:
        raise unreadable(path, "this 16-bit PNG cannot be decoded", "save it again, or with 8 bits")
    upright: Samples = turned(raw, int(image.getexif().get(ORIENTATION, 1)))
    if upright.ndim == 2:
        return Decoded(upright, 65535, None, None, lossy=False)
    alpha = upright[..., 3] if upright.shape[2] == 4 else None
    return Decoded(upright[..., 2::-1].copy(), 65535, None, alpha, lossy=False)


def _palette(image: Image.Image) -> NDArray[np.uint8]:
    colours = np.zeros((256, 3), np.uint8)
    stored = np.asarray(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    colours[: len(stored)] = stored
    return colours
