"""Painting shapes into masks.

Coordinates count from the outer corner of the first pixel, as annotation tools show them: the pixel in row r and
column c covers [c, c + 1) x [r, r + 1), its centre is (c + 0.5, r + 0.5). A pixel belongs to a shape if its centre
does.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pycocotools.mask as coco
from numpy.typing import NDArray

from scaler.exchange.shapes import F64, U8, Size

SHIFT = 4  # bits of OpenCV's fixed point coordinates


def fill(rings: Sequence[F64], size: Size) -> U8:
    """The pixels whose centres lie inside, by the even-odd rule over all rings together, so inner rings are holes.

    A centre exactly on an edge belongs to the shape right of or below it, so that neighbours share no pixel.

    Args:
        rings: (n, 2) x and y of closed outlines (the last point joins the first); may leave the image.
        size: (H, W).

    Returns:
        (H, W) uint8 {0, 1}.
    """
    height, width = size
    crossings = np.zeros((height, width + 1), np.uint8)
    for points in rings:
        following = np.roll(points, -1, axis=0)
        for (x0, y0), (x1, y1) in zip(points.tolist(), following.tolist(), strict=True):
            if y0 > y1:
                x0, y0, x1, y1 = x1, y1, x0, y0
            first, last = max(0, int(np.ceil(y0 - 0.5))), min(height, int(np.ceil(y1 - 0.5)))
            if first >= last:
                continue
            rows = np.arange(first, last)
            x = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
            columns = np.clip(np.ceil(x - 0.5), 0, width).astype(np.intp)
            crossings[rows, columns] ^= 1  # one crossing per row and edge: no index comes twice
    return np.bitwise_xor.accumulate(crossings[:, :-1], axis=1)


def fill_coco(polygons: Sequence[F64], size: Size) -> U8:
    """A COCO segmentation as pycocotools paints it: the union of its polygons."""
    flat = [points.reshape(-1).tolist() for points in polygons]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pycocotools' arrays do not know NumPy 2's copy argument
        return np.asarray(coco.decode(coco.merge(coco.frPyObjects(flat, *size))), np.uint8)


def ellipse(centre: Sequence[float] | F64, radii: Sequence[float] | F64, size: Size, degrees: float = 0.0) -> U8:
    """The pixels whose centres lie within an ellipse about (x, y), turned clockwise as seen on the screen."""
    y, x = np.ogrid[: size[0], : size[1]]
    dx, dy = x + 0.5 - centre[0], y + 0.5 - centre[1]
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    along, across = dx * cos + dy * sin, dy * cos - dx * sin
    return np.asarray((along / radii[0]) ** 2 + (across / radii[1]) ** 2 <= 1, np.uint8)


def box(x0: float, y0: float, x1: float, y1: float, degrees: float = 0.0) -> F64:
    """(4, 2) corners of a box between two opposite corners, turned clockwise about its centre."""
    corners = np.asarray([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float64)
    return turned(corners, corners.mean(axis=0), degrees)


def turned(points: F64, pivot: F64, degrees: float) -> F64:
    """Points turned about `pivot`, clockwise as seen on the screen."""
    if not degrees:
        return points
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.asarray((points - pivot) @ np.asarray([[cos, sin], [-sin, cos]]) + pivot, np.float64)


def stroke(points: F64, joined: bool, size: Size, width: int) -> U8:
    """Discs of diameter `width` around points, or a line of that width through them; one pixel where `width` is 1."""
    mask = np.zeros(size, np.uint8)
    if not joined or len(points) == 1:
        for point in points:
            row, column = int(point[1]), int(point[0])
            top, left = max(0, row - width), max(0, column - width)
            window = mask[top : row + width + 1, left : column + width + 1]
            centre = (column - left + 0.5, row - top + 0.5)
            window |= ellipse(centre, (width / 2, width / 2), window.shape)
        return mask
    fixed = np.rint((points - 0.5) * 2**SHIFT).astype(np.int32)  # OpenCV's integer coordinates are pixel centres
    cv2.polylines(mask, [fixed], False, 1, thickness=width, shift=SHIFT)
    return mask


def png_bytes(values: U8) -> bytes:
    """(H, W) grey as PNG."""
    return bytes(cv2.imencode(".png", np.ascontiguousarray(values))[1].tobytes())


def unroll(runs: Sequence[int], size: Size, order: Any = "C") -> U8:
    """(H, W) uint8 {0, 1} from run lengths, background first, along rows ("C") or columns ("F", COCO)."""
    values = np.arange(len(runs)) % 2
    return np.repeat(values, runs).astype(np.uint8).reshape(size, order=order)


def runs(mask: NDArray[Any], order: Any = "C") -> list[int]:
    """The inverse of `unroll`."""
    flat = mask.ravel(order=order) > 0
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, flat.size)
    lengths = np.diff(np.concatenate([[0], ends])).tolist()
    return [0, *lengths] if flat[0] else lengths
