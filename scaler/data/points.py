"""Points that an annotator set on an image, drawn as marks."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scaler.errors import Fault, ScalerError

U8 = NDArray[np.uint8]

FOREGROUND, BACKGROUND = 1, 2  # in marks; 0 is unknown


@dataclass(frozen=True)
class Point:
    """One click.

    Attributes:
        x, y: pixels to the right and down in the upright image, whose upper left corner is (0, 0). They are rounded
            down: (3, 5) and (3.9, 5.2) are the same pixel.
        value: `FOREGROUND` or `BACKGROUND`.
    """

    x: float
    y: float
    value: int


@dataclass(frozen=True)
class Points:
    """The points of one image.

    Attributes:
        file: where they come from.
        at: the line or key in a file of many images, such as "'train/1': ", for messages; else "".
        points: at least one.
    """

    file: Path
    at: str
    points: tuple[Point, ...]


def draw(points: Points, shape: tuple[int, int], size: int, radius: int, tile: int | None = None) -> U8:
    """Marks at the image's own size: around each point a disc that has `radius` once the image is at `size` x `size`.

    Where discs of both classes meet, a pixel goes to the nearer point; a point's own pixel is always its own.

    Args:
        points: all inside the image.
        shape: height and width of the image.
        size: side to which `scaler.data.resize.to_square` will bring the marks.
        radius: pixels at `size`; 0 is a single pixel.
        tile: side of the tiles that are brought to `size` instead of the image; None: the whole image.

    Returns:
        (H, W) uint8 {0 unknown, 1 foreground, 2 background}.

    Raises:
        ScalerError: a point outside the image, or foreground and background on the same pixel.
    """
    height, width = shape
    radii = (radius * min(height, tile or height) / size, radius * min(width, tile or width) / size)
    marks = np.zeros(shape, np.uint8)
    nearest = np.full(shape, np.inf)
    own: dict[tuple[int, int], int] = {}
    for point in points.points:
        if not (0 <= point.x < width and 0 <= point.y < height):
            reason = (
                f"{points.at}the point x {point.x:g}, y {point.y:g} is outside the image of {width} x {height} "
                "pixels (width x height)"
            )
            remedy = "correct the point, in pixels of the upright image; swap x and y if they are exchanged"
            raise ScalerError(Fault("points_outside", (points.file,), reason, remedy))
        row, column = int(point.y), int(point.x)
        if own.setdefault((row, column), point.value) != point.value:
            reason = f"{points.at}foreground and background on the same pixel, x {column}, y {row}"
            raise ScalerError(Fault("points_contradict", (points.file,), reason, "remove one of them"))
        _disc(marks, nearest, (row, column), point.value, radii)
    return marks


def _disc(
    marks: U8, nearest: NDArray[np.float64], place: tuple[int, int], value: int, radii: tuple[float, float]
) -> None:
    """An ellipse with these half axes (rows, columns), at least its middle pixel, where no other point is nearer."""
    top, left = (max(0, at - ceil(half)) for at, half in zip(place, radii, strict=True))
    below, right = (at + ceil(half) + 1 for at, half in zip(place, radii, strict=True))
    part, best = marks[top:below, left:right], nearest[top:below, left:right]
    y, x = np.ogrid[top : top + part.shape[0], left : left + part.shape[1]]
    distance = ((y - place[0]) / max(radii[0], 0.5)) ** 2 + ((x - place[1]) / max(radii[1], 0.5)) ** 2
    wins = (distance <= 1) & (distance < best)
    part[wins], best[wins] = value, distance[wins]
