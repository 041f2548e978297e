"""The pictures of all pages, as data URIs: photographs, maps, marks, outlines and disagreement.

Colours are fixed on light and dark pages alike. Pictures are shrunk to at most `side` pixels by averaging areas; labels
keep on which side of 0.5 every pixel lies.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scaler.metrics.overlap import binarize

U8 = NDArray[np.uint8]
SMALL = 128  # pixels of the longer side in the report and on the check page
QUALITY = 85  # of photographs, JPEG
MARKS = np.array([0, 255, 128], dtype=np.uint8)  # grey of unknown, foreground, background
BLUE, ORANGE, WHITE = (74, 163, 255), (255, 150, 30), (255, 255, 255)
OUTLINE_PALETTE = ((0, 0, 0), BLUE, ORANGE, WHITE)  # veil, first source, SAM, truth
OUTLINE_ALPHA = bytes((70, 255, 255, 255))
DISAGREEMENT_PALETTE = ((34, 38, 46), BLUE, ORANGE, (222, 226, 232))  # neither, first alone, SAM alone, both


def photograph(image: U8, side: int = SMALL) -> str:
    """(H, W, 3) uint8 RGB as JPEG."""
    return _uri(Image.fromarray(fitted(image, side)), "jpeg", quality=QUALITY)


def label(map_: U8, side: int = SMALL, levels: int = 256) -> str:
    """(S, S) uint8 = round(255 p) as grey PNG, of the same values or of so many levels, which takes less space."""
    small = fitted(map_, side)
    if levels < 256:
        small = np.rint(np.rint(small / 255 * (levels - 1)) * 255 / (levels - 1)).astype(np.uint8)
    return _uri(Image.fromarray(small), "png", optimize=levels < 256)


def mask(values: U8, side: int = SMALL) -> str:
    """(S, S) uint8 {0, 1} as black (0) and white (255); shrunk by the majority."""
    inside = binarize(fitted(as_map(values), side))
    return _uri(Image.fromarray(as_map(inside)), "png")


def marks(values: U8, side: int) -> str:
    """(S, S) uint8 {0 unknown, 1 foreground, 2 background} as grey 0, 255, 128; no mark is lost by shrinking."""
    return _uri(Image.fromarray(MARKS[shrunk_marks(values, side)]), "png")


def outlines(first: U8, sam: U8, truth: U8 | None) -> str:
    """Where maps cross p = 0.5, to be laid over the photograph: truth {0, 1} white, first source blue, SAM orange."""
    layers = [(3, None if truth is None else as_map(truth)), (1, first), (2, sam)]
    result = np.zeros(fitted(first).shape, dtype=np.uint8)
    for value, layer in layers:
        if layer is not None:
            result[outline(binarize(fitted(layer)))] = value
    return _indexed(result, OUTLINE_PALETTE, OUTLINE_ALPHA)


def disagreement(first: U8, sam: U8) -> str:
    """Both background: dark; first source alone: blue; SAM alone: orange; both foreground: light."""
    return _indexed((binarize(fitted(first)) + 2 * binarize(fitted(sam))).astype(np.uint8), DISAGREEMENT_PALETTE)


def thumbnail(image: U8, truth: U8 | None, given: U8 | None) -> str:
    """A photograph with the outline of its mask {0, 1} (white) and its marks {1 object: orange, 2 background: blue}."""
    small = fitted(image).copy()
    if truth is not None:
        small[outline(binarize(fitted(as_map(truth))))] = WHITE
    if given is not None:
        for value, colour in ((2, BLUE), (1, ORANGE)):
            small[fitted(as_map(given == value)) > 0] = colour
    return photograph(small)


def outline(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The foreground pixels that touch the background (four neighbours; beyond the border is foreground)."""
    core = cv2.erode(inside.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    return np.asarray(inside & (core == 0))


def as_map(values: NDArray[Any]) -> U8:
    """{0, 1} or bool as {0, 255}."""
    return (values > 0).astype(np.uint8) * np.uint8(255)


def fitted(picture: U8, side: int = SMALL) -> U8:
    """A picture whose longer side is at most `side` pixels; smaller ones as they are."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def shrunk_marks(values: U8, side: int) -> U8:
    """Marks at most `side` pixels wide; where several fall on one pixel, foreground wins over background."""
    size = values.shape[0]
    if size <= side:
        return values
    result = np.zeros((side, side), dtype=np.uint8)
    for value in (2, 1):
        rows, columns = np.nonzero(values == value)
        result[rows * side // size, columns * side // size] = value
    return result


def _indexed(levels: U8, palette: Sequence[tuple[int, int, int]], alpha: bytes = b"") -> str:
    picture = Image.fromarray(levels)
    picture.putpalette([channel for colour in palette for channel in colour])
    return _uri(picture, "png", optimize=True, bits=2, **({"transparency": alpha} if alpha else {}))


def _uri(picture: Image.Image, kind: str, **options: Any) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind.upper(), **options)
    return f"data:image/{kind};base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
