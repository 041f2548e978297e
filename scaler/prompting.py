"""Prompts out of label maps: the annotation's marks, or the teacher's labels. No randomness.

Maps and prompts are in one frame; see `scaler.models.prompts` for its coordinates.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scaler.models.prompts import BACKGROUND, FOREGROUND, PADDING, Prompts

CERTAIN = 2.0**-10  # a teacher's p is taken as at least this and at most 1 minus this: logits of at most 6.9
BACKGROUND_MARK = 2

Points = list[tuple[float, float, int]]  # x, y, label


def prompts_from_marks(marks: Tensor, kind: str, max_points: int) -> Prompts:
    """The annotation's own points, or the box around its foreground.

    Args:
        marks: (B, 1, S, S) uint8 {0 unknown, 1 foreground, 2 background}.
        kind: "marks_points": each connected stroke or disc gives the marked pixel nearest its centroid; where there are
            fewer of a class than `max_points`, strokes give further points, each as far from the others as can be.
            "marks_box": from the first to the last marked foreground pixel in both directions.
        max_points: of each class.

    Returns:
        Prompts on the maps' device; an image without (foreground) marks has none.
    """
    maps = marks.squeeze(1).cpu().numpy()
    if kind == "marks_box":
        return _pack([[] for _ in maps], [_box(one == FOREGROUND) for one in maps], marks.device)
    points = [
        [*_spread(one == FOREGROUND, max_points, FOREGROUND), *_spread(one == BACKGROUND_MARK, max_points, BACKGROUND)]
        for one in maps
    ]
    return _pack(points, [None] * len(maps), marks.device)


def prompts_from_mask(probability: Tensor, kind: str, max_points: int) -> Prompts:
    """The teacher's object (p >= 0.5) as points, box or mask; nothing where it sees none.

    Args:
        probability: (B, 1, S, S) float in [0, 1].
        kind: "teacher_points": of the largest components, the pixel farthest from the component's border, and one
            background point, the pixel farthest from all foreground. "teacher_box": the box around all foreground.
            "teacher_mask": the logit of p.
        max_points: foreground points.
    """
    maps = probability.squeeze(1).float().cpu().numpy()
    found = [one >= 0.5 for one in maps]
    if kind == "teacher_points":
        return _pack([_inner(one, max_points) for one in found], [None] * len(maps), probability.device)
    if kind == "teacher_box":
        return _pack([[] for _ in maps], [_box(one) for one in found], probability.device)
    empty = _pack([[] for _ in maps], [None] * len(maps), probability.device)
    has_mask = torch.tensor([bool(one.any()) for one in found], device=probability.device)
    logits = torch.logit(probability.float(), eps=CERTAIN)
    return Prompts(empty.points_xy, empty.point_labels, empty.box_xyxy, empty.has_box, logits, has_mask)


def _spread(chosen: NDArray[np.bool_], most: int, label: int) -> Points:
    count, components = cv2.connectedComponents(chosen.astype(np.uint8), connectivity=8)
    pixels = sorted((np.argwhere(components == k) for k in range(1, count)), key=len, reverse=True)[:most]
    kept = [[_nearest(of_one, of_one.mean(axis=0))] for of_one in pixels]
    for number in range(most - len(kept)):
        if not pixels:
            break
        of_one, mine = pixels[number % len(pixels)], kept[number % len(pixels)]
        distance = np.min([np.hypot(*(of_one - point).T) for point in mine], axis=0)
        if distance.max() > 2:  # else a disc: one point says it all
            mine.append(of_one[distance.argmax()])
    return [(float(column) + 0.5, float(row) + 0.5, label) for mine in kept for row, column in mine]


def _nearest(pixels: NDArray[np.int64], point: NDArray[np.float64]) -> NDArray[np.int64]:
    nearest: NDArray[np.int64] = pixels[np.hypot(*(pixels - point).T).argmin()]
    return nearest


def _inner(chosen: NDArray[np.bool_], most: int) -> Points:
    if not chosen.any():
        return []
    count, components, stats, _ = cv2.connectedComponentsWithStats(chosen.astype(np.uint8), connectivity=8)
    largest = sorted(range(1, count), key=lambda k: -stats[k, cv2.CC_STAT_AREA])[:most]
    points = [(*_deepest(components == k), FOREGROUND) for k in largest]
    if not chosen.all():
        points.append((*_deepest(~chosen), BACKGROUND))
    return points


def _deepest(chosen: NDArray[np.bool_]) -> tuple[float, float]:
    """The centre (x, y) of the pixel farthest from all that is not chosen; what lies outside the image is not."""
    padded = np.pad(chosen, 1).astype(np.uint8)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    row, column = np.unravel_index(int(distance.argmax()), distance.shape)
    return float(column) + 0.5, float(row) + 0.5


def _box(chosen: NDArray[np.bool_]) -> tuple[float, float, float, float] | None:
    rows, columns = np.flatnonzero(chosen.any(axis=1)), np.flatnonzero(chosen.any(axis=0))
    if not len(rows):
        return None
    return columns[0] + 0.5, rows[0] + 0.5, columns[-1] + 0.5, rows[-1] + 0.5


def _pack(points: list[Points], boxes: list[tuple[float, float, float, float] | None], device: torch.device) -> Prompts:
    batch, most = len(points), max((len(of_one) for of_one in points), default=0)
    xy, labels = np.zeros((batch, most, 2), np.float32), np.full((batch, most), PADDING, np.int64)
    for i, of_one in enumerate(points):
        for j, (x, y, label) in enumerate(of_one):
            xy[i, j], labels[i, j] = (x, y), label
    return Prompts(
        torch.from_numpy(xy).to(device),
        torch.from_numpy(labels).to(device),
        torch.tensor([box or (0.0, 0.0, 0.0, 0.0) for box in boxes], dtype=torch.float32, device=device).view(-1, 4),
        torch.tensor([box is not None for box in boxes], dtype=torch.bool, device=device),
        None,
        torch.zeros(batch, dtype=torch.bool, device=device),
    )
