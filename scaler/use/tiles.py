"""Images that are too large to predict at once: overlapping tiles, blended at their seams, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from scaler.data.tiling import placed

U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]
F32 = NDArray[np.float32]

LIMIT = 8192  # pixels of the longer side from which on an image is tiled by default
SIDE = 2048  # of such a tile: what a tile shows is then as large as in an ordinary photograph
OVERLAP = 4  # a quarter of a tile
TOP = 65535  # p = 1 in a tiled map

Predict = Callable[[Sequence[U8]], F32]


def tile_side(shape: Sequence[int], wanted: int | None, own: int | None = None) -> int | None:
    """Side of the tiles for an image, or None if it is predicted whole.

    Args:
        shape: (H, W, ...) of the image.
        wanted: side that was asked for; 0: never tile; None: `own`, or tile what is larger than `LIMIT`.
        own: side of the tiles that the model learned on.
    """
    longer = max(shape[:2])
    side = wanted if wanted is not None else own or (SIDE if longer > LIMIT else 0)
    return side if side and longer > side else None


def tiled(image: U8, side: int, predict: Predict, batch_size: int) -> U16:
    """The map of a large image.

    Each pixel is a mean over the tiles that hold it, weighted by its distance from their edges (up to the overlap), so
    that no seam shows. Only one row of tiles is held in floating point.

    Args:
        image: (H, W, 3) uint8 RGB.
        side: of a tile, pixels; smaller where the image is.
        predict: tiles (h, w, 3) uint8 to probabilities (n, S, S) float32.
        batch_size: tiles at a time.

    Returns:
        (H, W) uint16; 65535 is p = 1.
    """
    height, width = image.shape[:2]
    rows, columns = overlapping(height, side), overlapping(width, side)
    down, across = blending(rows, height), blending(columns, width)
    result = np.empty((height, width), np.uint16)
    band = np.zeros((0, width), np.float32)  # sums of the rows from `done` on that further tiles may add to
    done = 0
    for number, (top, bottom) in enumerate(rows):
        band = np.concatenate([band, np.zeros((bottom - done - len(band), width), np.float32)])
        for first in range(0, len(columns), batch_size):
            chosen = range(first, min(first + batch_size, len(columns)))
            tiles = [image[top:bottom, slice(*columns[i])] for i in chosen]
            for i, p in zip(chosen, predict(tiles), strict=True):
                left, right = columns[i]
                native = cv2.resize(p, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
                band[top - done : bottom - done, left:right] += native * down[number][:, None] * across[i]
        end = rows[number + 1][0] if number + 1 < len(rows) else height
        result[done:end] = np.rint(band[: end - done].clip(0, 1) * TOP)
        band, done = band[end - done :], end
    return result


def overlapping(length: int, side: int) -> list[tuple[int, int]]:
    """(begin, end) of the tiles along an axis: they overlap by at least a quarter."""
    return placed(length, side, side // OVERLAP)


def blending(tiles: Sequence[tuple[int, int]], length: int) -> list[F32]:
    """Weights of each tile along an axis; at every pixel those of all tiles sum to 1."""
    ramp = max(1, (tiles[0][1] - tiles[0][0]) // OVERLAP)
    hats = []
    for begin, end in tiles:
        place = np.arange(end - begin)
        hats.append(np.minimum(np.minimum(place + 1, (end - begin) - place), ramp).astype(np.float64))
    total = np.zeros(length)
    for (begin, end), hat in zip(tiles, hats, strict=True):
        total[begin:end] += hat
    return [(hat / total[begin:end]).astype(np.float32) for (begin, end), hat in zip(tiles, hats, strict=True)]
