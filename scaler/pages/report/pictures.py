"""Small palette PNGs as data URIs: photographs, probability maps, outlines and disagreement."""

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
LARGEST = 128  # pixels of a picture's longer side
PHOTO_COLOURS = 96
GREYS = 16

# Fixed on light and dark pages alike: a picture is a picture.
BLUE, ORANGE, WHITE = (74, 163, 255), (255, 150, 30), (255, 255, 255)
SCRIM = (0, 0, 0)
OUTLINES = {"truth": 3, "first": 1, "sam": 2}  # drawn in this order
OUTLINE_PALETTE = (SCRIM, BLUE, ORANGE, WHITE)
OUTLINE_ALPHA = bytes((70, 255, 255, 255))
DISAGREEMENT_PALETTE = ((34, 38, 46), BLUE, ORANGE, (222, 226, 232))


def photograph(image: U8) -> str:
    """An (S, S, 3) uint8 RGB image in a palette of its own."""
    picture = Image.fromarray(shrunk(image)).quantize(PHOTO_COLOURS, dither=Image.Dither.NONE)
    return data_uri(picture)


def probability(map_: U8) -> str:
    """An (S, S) uint8 map in sixteen greys, black for 0 and white for 255."""
    levels = np.rint(shrunk(map_) / 255 * (GREYS - 1)).astype(np.uint8)
    greys = [round(level * 255 / (GREYS - 1)) for level in range(GREYS)]
    return _indexed(levels, [(grey, grey, grey) for grey in greys], bits=4)


def outlines(first: U8, sam: U8, truth: U8 | None) -> str:
    """Where each map crosses p = 0.5, to be laid over the photograph: truth white, first source blue, SAM orange."""
    layers = {"truth": truth, "first": first, "sam": sam}
    result = np.zeros(shrunk(first).shape, dtype=np.uint8)
    for name, value in OUTLINES.items():
        layer = layers[name]
        if layer is not None:
            result[outline(binarize(shrunk(layer)))] = value
    return _indexed(result, OUTLINE_PALETTE, bits=2, alpha=OUTLINE_ALPHA)


def disagreement(first: U8, sam: U8) -> str:
    """Both background: dark; first source alone: blue; SAM alone: orange; both foreground: light."""
    a, b = binarize(shrunk(first)), binarize(shrunk(sam))
    return _indexed((a + 2 * b).astype(np.uint8), DISAGREEMENT_PALETTE, bits=2)


def outline(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The foreground pixels that touch the background (four neighbours; beyond the border is foreground)."""
    core = cv2.erode(inside.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    return np.asarray(inside & (core == 0))


def shrunk(picture: U8) -> U8:
    """At most `LARGEST` pixels a side, by averaging areas; smaller pictures as they are."""
    height, width = picture.shape[:2]
    scale = LARGEST / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def data_uri(picture: Image.Image, **options: Any) -> str:
    """A PNG data URI without metadata."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True, **options)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _indexed(levels: U8, palette: Sequence[tuple[int, int, int]], bits: int, alpha: bytes = b"") -> str:
    picture = Image.fromarray(levels)
    picture.putpalette([channel for colour in palette for channel in colour])
    return data_uri(picture, bits=bits, **({"transparency": alpha} if alpha else {}))
