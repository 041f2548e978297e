"""Weak supervision simulated from masks: points and scribbles, as an annotator would set them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.graph import MCP_Geometric
from skimage.morphology import skeletonize

from scaler.data.points import BACKGROUND, FOREGROUND

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
F64 = NDArray[np.float64]

SMALLEST_OBJECT = 0.1  # of the largest: an annotator skips what is smaller
SHORTEST_STROKE = 0.6  # of the medial axis


def points(mask: U8, rng: np.random.Generator, radius: int, per_class: int = 1) -> U8:
    """Foreground and background points, each a disc.

    The centre is drawn from the half of the depths that is farther from the class's boundary (the image's edge
    counts as boundary), away from the points before it; the disc is cut where it would leave its class.

    Args:
        mask: (H, W) uint8 {0, 1}.
        rng: decides the places.
        radius: of the discs, pixels; 0 is a single pixel.
        per_class: how many points a class gets, fewer where discs that do not touch find no place.

    Returns:
        (H, W) uint8 {0 unknown, 1 foreground, 2 background}; a class that the mask lacks has no mark.
    """
    marks = np.zeros_like(mask)
    for value, region in _classes(mask):
        depth = _depth(region)
        rows, columns = np.nonzero(depth >= depth.max() / 2)
        for _ in range(per_class):
            if not len(rows):
                break
            pick = int(rng.integers(len(rows)))
            row, column = rows[pick], columns[pick]
            y, x = np.ogrid[: mask.shape[0], : mask.shape[1]]
            marks[((y - row) ** 2 + (x - column) ** 2 <= radius**2) & region] = value
            is_apart = (rows - row) ** 2 + (columns - column) ** 2 > (2 * radius + 1) ** 2
            rows, columns = rows[is_apart], columns[is_apart]
    return marks


def scribbles(mask: U8, rng: np.random.Generator, width: int) -> U8:
    """A stroke along the medial axis of each object and of the background.

    The medial axis is scikit-image's skeleton; its longest path is cut back from the boundary and to a random
    stretch, at least `SHORTEST_STROKE` of it. Objects below `SMALLEST_OBJECT` of the largest get none; the background
    gets one stroke, in its largest connected part.

    Args:
        mask: (H, W) uint8 {0, 1}.
        rng: decides the stretches.
        width: of the stroke, pixels; it is cut where it would leave its class.

    Returns:
        (H, W) uint8 {0 unknown, 1 foreground, 2 background}; a class that the mask lacks has no mark.
    """
    marks = np.zeros_like(mask)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    for value, region in _classes(mask):
        for part in _parts(region, only_largest=value == BACKGROUND):
            line = np.zeros_like(mask)
            line[tuple(_stroke(part, rng).T)] = 1
            marks[(cv2.dilate(line, brush) > 0) & part] = value
    return marks


def _classes(mask: U8) -> list[tuple[int, Bool]]:
    both = [(FOREGROUND, mask == 1), (BACKGROUND, mask == 0)]
    return [(value, region) for value, region in both if region.any()]


def _depth(region: Bool) -> F64:
    """Distance to the nearest pixel outside the region, the surroundings of the image being outside."""
    framed = np.pad(region.astype(np.uint8), 1)
    distance = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1].astype(np.float64)
    squared: F64 = np.rint(distance**2)  # whole by nature; OpenCV's last bits differ from process to process
    return np.sqrt(squared)


def _parts(region: Bool, *, only_largest: bool) -> list[Bool]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA]
    largest = areas[1:].max()
    if only_largest:
        return [labels == 1 + int(areas[1:].argmax())]
    return [labels == number for number in range(1, count) if areas[number] >= SMALLEST_OBJECT * largest]


def _stroke(part: Bool, rng: np.random.Generator) -> NDArray[np.intp]:
    """(n, 2) row and column of a random stretch of the longest path along the skeleton."""
    depth = _depth(part)
    skeleton: Bool = skeletonize(part)  # type: ignore[no-untyped-call]
    if not skeleton.any():  # thinning wipes out some parts of a few pixels
        skeleton = depth == depth.max()
    deepest = np.unravel_index(int(np.where(skeleton, depth, 0.0).argmax()), depth.shape)
    path = _longest_path(skeleton, (int(deepest[0]), int(deepest[1])))
    deep = np.flatnonzero(depth[tuple(path.T)] >= depth[tuple(path.T)].max() / 2)
    path = path[deep[0] : deep[-1] + 1]
    length = max(1, round(len(path) * rng.uniform(SHORTEST_STROKE, 1.0)))
    start = int(rng.integers(len(path) - length + 1))
    return path[start : start + length]


def _longest_path(skeleton: Bool, start: tuple[int, int]) -> NDArray[np.intp]:
    """From the pixel farthest from `start` to the one farthest from that: the diameter, where there are no loops."""
    first, _ = _farthest(skeleton, start)
    last, walk = _farthest(skeleton, first)
    return np.asarray(walk.traceback(last), np.intp)


def _farthest(skeleton: Bool, start: tuple[int, int]) -> tuple[tuple[int, int], MCP_Geometric]:
    walk = MCP_Geometric(np.where(skeleton, 1.0, -1.0))  # negative costs are walls
    distance, _ = walk.find_costs([start])
    end = np.unravel_index(int(np.where(np.isfinite(distance), distance, -1.0).argmax()), distance.shape)
    return (int(end[0]), int(end[1])), walk
