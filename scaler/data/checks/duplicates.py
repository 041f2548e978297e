"""Images that are there twice: the same pixels, or nearly, by a perceptual hash that a second look confirms."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

U8 = NDArray[np.uint8]
THUMB = 64  # pixels a side, for the second look
HASHED = 32  # pixels a side, what the hash looks at
NEAR = 6  # of the hash's 64 bits
ALIKE = 0.87  # correlation of local contrast: JPEG copies have 0.98 and more; two eyes of DRIVE at most 0.85
LOCAL = 3.0  # standard deviation of "local", pixels of the thumbnail
NOISE = 2.0  # grey levels of local contrast that mean nothing
FLAT = 4.0  # standard deviation of grey below which a hash is noise
BLOCK = 512


@dataclass(frozen=True)
class Fingerprint:
    """An image's likeness: digest of its pixels, 64-bit perceptual hash, and (64, 64) uint8 grey thumbnail."""

    pixels: str
    hash: int
    thumb: U8


@dataclass(frozen=True)
class Pair:
    """Two images, by their numbers, first < second; `exact`: pixel for pixel."""

    first: int
    second: int
    exact: bool


def digest(values: NDArray[np.generic]) -> str:
    """A digest of an array's values and shape."""
    return hashlib.sha256(repr(values.shape).encode() + np.ascontiguousarray(values).tobytes()).hexdigest()


def fingerprint(image: U8) -> Fingerprint:
    """Of an (H, W, 3) uint8 RGB image. The hash is the DCT hash of Zauner 2010 (`imagehash.phash`)."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    thumb, small = (cv2.resize(grey, (n, n), interpolation=cv2.INTER_AREA) for n in (THUMB, HASHED))
    bits = imagehash.phash(Image.fromarray(small)).hash.ravel()
    number = int.from_bytes(np.packbits(bits).tobytes(), "big")
    return Fingerprint(digest(image), number, np.asarray(thumb, np.uint8))


def find_pairs(prints: list[Fingerprint]) -> list[Pair]:
    """All pairs that are equal or nearly so, sorted; of k equal images, each is paired with the first only.

    The hashes are compared all with all, in blocks: 10,000 images take a second or two and some tens of MB.
    """
    pairs: list[Pair] = []
    first_of: dict[str, int] = {}
    kept: list[int] = []
    for number, item in enumerate(prints):
        first = first_of.setdefault(item.pixels, number)
        if first != number:
            pairs.append(Pair(first, number, exact=True))
        elif item.thumb.std() >= FLAT:
            kept.append(number)
    hashes = np.asarray([prints[number].hash for number in kept], np.uint64)
    for start in range(0, len(kept), BLOCK):
        distance = np.bitwise_count(hashes[start : start + BLOCK, None] ^ hashes[None, start:])
        for row, column in np.argwhere(distance <= NEAR).tolist():
            a, b = kept[start + row], kept[start + column]
            if column > row and _alike(prints[a].thumb, prints[b].thumb):
                pairs.append(Pair(a, b, exact=False))
    return sorted(pairs, key=lambda pair: (pair.first, pair.second))


def _alike(one: U8, other: U8) -> bool:
    """Whether the details agree: what is common to all pictures of a kind, light and frame, is taken out first."""
    a, b = _local_contrast(one), _local_contrast(other)
    return bool(np.vdot(a, b) >= ALIKE * np.sqrt(np.vdot(a, a) * np.vdot(b, b)))


def _local_contrast(thumb: U8) -> NDArray[np.float64]:
    values = thumb.astype(np.float64)
    detail = values - cv2.GaussianBlur(values, (0, 0), LOCAL)
    spread = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), LOCAL))
    contrast = detail / (spread + NOISE)
    return np.asarray(contrast - contrast.mean(), np.float64)
