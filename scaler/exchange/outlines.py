"""Masks into objects and outlines."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from skimage.measure import approximate_polygon, find_contours

from scaler.exchange.shapes import F64, U8


def components(mask: U8) -> Iterator[U8]:
    """The connected parts (8 neighbours) of a mask (H, W) {0, 1}, each a mask, in the order of their first rows."""
    count, labels = cv2.connectedComponents(mask, connectivity=8)
    for number in range(1, count):
        yield (labels == number).astype(np.uint8)


def outlines(part: U8, tolerance: float = 0.0) -> tuple[F64, list[F64]]:
    """Outer outline and holes of one connected part.

    The outlines run half-way between inner and outer pixel centres, so that `scaler.exchange.raster.fill` gives the
    very same mask again (with `tolerance` 0).

    Args:
        part: (H, W) uint8 {0, 1}, connected, not empty.
        tolerance: pixels by which a simpler outline may depart.

    Returns:
        (n, 2) x and y of the outer outline, and of each hole, closed by joining the last point to the first.
    """
    framed = np.pad(part, 1).astype(np.float64)
    found = find_contours(framed, 0.5, fully_connected="high")  # type: ignore[no-untyped-call]
    rings = [_simplified(contour, tolerance) for contour in found]
    rings = [points for points in rings if len(points) >= 3]
    rings.sort(key=_area, reverse=True)
    return rings[0], rings[1:]


def keyhole(outer: F64, holes: list[F64]) -> F64:
    """One ring for formats without holes: each hole hangs on a cut, walked there and back, that paints nothing."""
    ring = outer
    for hole in holes:
        distance = ((ring[:, None] - hole[None]) ** 2).sum(axis=2)
        at, start = np.unravel_index(int(distance.argmin()), distance.shape)
        inner = np.roll(hole, -int(start), axis=0)
        ring = np.concatenate([ring[: at + 1], inner, inner[:1], ring[at:]])
    return ring


def _simplified(contour: F64, tolerance: float) -> F64:
    """Without the closing point, without points on straight stretches; (row, column) + frame -> (x, y)."""
    if tolerance > 0:
        simpler: F64 = approximate_polygon(contour, tolerance)  # type: ignore[no-untyped-call]
        contour = simpler if len(simpler) > 3 else contour
    points = contour[:-1, ::-1] - 0.5  # -1 for the frame, +0.5 from centres to corners
    before, after = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    return points[np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]) > 1e-9]


def _area(points: F64) -> float:
    following = np.roll(points, -1, axis=0)
    return abs(float((points[:, 0] * following[:, 1] - points[:, 1] * following[:, 0]).sum())) / 2
