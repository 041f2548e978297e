"""What SAM is prompted with: the annotation's marks or the teacher's labels, carried into the frame of a view.

`scaler.models.prompts` says what a model takes; this module makes it. The method prompts with nothing
(`sam.prompts: none`), and then everything here is None. Only which training steps go without prompts is random.

Maps and prompts are in one frame. What an image gets depends on its own map alone, and every image of a kind has as
many places for points, so a batch may be cut anywhere. A turned or flipped map gives the turned or flipped prompts, as
long as no two pixels or components are equally good.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scaler.artifacts.pictures import Pictures
from scaler.artifacts.splits import DataSet
from scaler.data.augment import apply_views
from scaler.data.geometry import View, scaled_side
from scaler.models.prompts import BACKGROUND, FOREGROUND, PADDING, Prompts
from scaler.params import Params, SamParams
from scaler.training.batches import Batch
from scaler.training.device import Compute
from scaler.training.loop import Step
from scaler.training.sets import load_labels

CERTAIN = 2.0**-10  # a teacher's p is taken as at least this and at most 1 minus this: logits of at most 6.9
BACKGROUND_MARK = 2
STROKE = 2.5  # points along a stroke are farther apart than this times its half width; a disc, even cut, has no room

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
I64 = NDArray[np.int64]
Box = tuple[float, float, float, float]
Points = list[tuple[float, float, int]]  # x, y, label


@dataclass(frozen=True)
class Cues:
    """What the prompts of N images are made from.

    Attributes:
        options: the block `sam`.
        maps: (N, S, S) uint8 in the images' own frame: marks {0 unknown, 1 foreground, 2 background}, or the teacher's
            labels, round(255 p).
        top: the value in `maps` that stands for probability 1.
    """

    options: SamParams
    maps: Pictures
    top: int = 255

    def part(self, chosen: Sequence[int]) -> Cues:
        """What the prompts of some of the images are made from."""
        return replace(self, maps=self.maps[list(chosen)])

    def tensor(self, chosen: slice | NDArray[np.int64] | list[int], compute: Compute) -> Tensor:
        """Some images' maps on the device: marks as uint8, probabilities as float32, (B, 1, S, S)."""
        part = compute.tensor(self.maps[chosen]).unsqueeze(1)
        return part if from_marks(self.options) else part.float().div_(self.top)

    def moved(self, maps: Tensor, views: Sequence[View]) -> Tensor:
        """Maps in the frame of a view each: marks by nearest neighbour only."""
        return apply_views(maps, list(views), "nearest" if from_marks(self.options) else "bilinear")

    def prompts(self, maps: Tensor) -> Prompts:
        """Prompts in the frame of these maps."""
        make = prompts_from_marks if from_marks(self.options) else prompts_from_mask
        return make(maps, self.options.prompts, self.options.prompt_points)

    def of_views(
        self, chosen: slice, compute: Compute, side: int | None = None
    ) -> Callable[[list[int], View], Prompts]:
        """For the ensemble: the prompts of some of the chosen images, in the frame of a view they share.

        Args:
            chosen: the images.
            compute: device and precision.
            side: of the images in pixels; None: that of the maps.
        """
        maps = self.tensor(chosen, compute)

        def prompts(rows: list[int], view: View) -> Prompts:
            turned = View(view.flip, view.quarter_turns, 1.0)  # the map keeps its scale: points are scaled exactly
            found = self.prompts(self.moved(maps[rows], [turned] * len(rows)))
            factor = scaled_side(side or maps.shape[-1], view.scale) / maps.shape[-1]
            return found.scaled(factor, factor)

        return prompts


def from_marks(options: SamParams) -> bool:
    """Whether prompts come from the annotation (else from the teacher, or from nowhere)."""
    return options.prompts.startswith("marks")


def load_cues(params: Params, data: DataSet, segmenter_labels: Path | None) -> Cues | None:
    """What the training images are prompted with.

    Args:
        params: blocks sam and shards.
        data: the training set.
        segmenter_labels: the folder of the teacher's labels; None at the initialization, where SAM labels before any
            teacher has been trained on its labels, and so is not prompted by one.
    """
    if params.sam.prompts == "none":
        return None
    if from_marks(params.sam):
        return Cues(params.sam, data.marks)
    if segmenter_labels is None:
        return None
    return Cues(params.sam, load_labels(segmenter_labels, params.shards, "segmenter_labels", "teacher", data.ids))


def label_cues(options: SamParams, data: DataSet) -> Cues | None:
    """What labelled images are prompted with in stage 1: there is no teacher yet, and the masks stand in for it."""
    if options.prompts == "none":
        return None
    return Cues(options, data.marks) if from_marks(options) else Cues(options, data.mask, top=1)


def teacher_cues(options: SamParams, probability: NDArray[np.float32]) -> Cues | None:
    """What validation and test images are prompted with: (N, S, S) labels of the teacher, as these have no marks."""
    if options.prompts == "none" or from_marks(options):
        return None
    return Cues(options, np.round(probability * 255.0).astype(np.uint8))


def training_prompts(cues: Cues | None, step: Step, batch: Batch, compute: Compute) -> Prompts | None:
    """Prompts of a step's images in the frame of A_w; in some steps none, so that SAM learns to do without too."""
    if cues is None or step.rng.random() >= cues.options.prompt_share:
        return None
    maps = cues.moved(cues.tensor(step.index, compute), batch.views)
    factor = batch.image.shape[-1] / maps.shape[-1]
    return cues.prompts(maps).scaled(factor, factor)


def prompts_from_marks(marks: Tensor, kind: str, max_points: int) -> Prompts:
    """The annotation's own points, or the box around its foreground.

    Args:
        marks: (B, 1, H, W) uint8 {0 unknown, 1 foreground, 2 background}.
        kind: "marks_points": each connected stroke or disc, the largest first, gives the marked pixel nearest its
            centroid; what is left of `max_points` goes round the strokes, each point as far from the stroke's others
            as can be. "marks_box": from the first to the last marked foreground pixel in both directions.
        max_points: of each class, at least 1.

    Returns:
        Prompts on the maps' device, with 2 max_points places for points or with boxes; an image without (foreground)
        marks has none.

    Raises:
        ValueError: another kind, shape or number.
    """
    _check(marks, kind, ("marks_points", "marks_box"), max_points)
    maps = marks.squeeze(1).cpu().numpy()
    if kind == "marks_box":
        return _boxes([_box(one == FOREGROUND) for one in maps], marks.device)
    points = [
        [*_spread(one == FOREGROUND, max_points, FOREGROUND), *_spread(one == BACKGROUND_MARK, max_points, BACKGROUND)]
        for one in maps
    ]
    return _pack(points, 2 * max_points, marks.device)


def prompts_from_mask(probability: Tensor, kind: str, max_points: int) -> Prompts:
    """The teacher's object (p >= 0.5) as points, box or mask; nothing where it sees none.

    Args:
        probability: (B, 1, H, W) float in [0, 1].
        kind: "teacher_points": of each component, the largest first, the pixel farthest from its border, and one
            background point, the pixel farthest from all foreground; the edge of the image counts as border for both.
            Among equals the teacher's surest pixel is taken, then the first in reading order. "teacher_box": the box
            around all foreground. "teacher_mask": the logit of p.
        max_points: foreground points, at least 1.

    Returns:
        Prompts on the map's device, with max_points + 1 places for points, with boxes, or with masks.

    Raises:
        ValueError: another kind, shape or number.
    """
    _check(probability, kind, ("teacher_points", "teacher_box", "teacher_mask"), max_points)
    maps = probability.squeeze(1).float().cpu().numpy()
    found = [one >= 0.5 for one in maps]
    if kind == "teacher_points":
        points = [_inner(chosen, p, max_points) for chosen, p in zip(found, maps, strict=True)]
        return _pack(points, max_points + 1, probability.device)
    if kind == "teacher_box":
        return _boxes([_box(one) for one in found], probability.device)
    empty = _pack([[] for _ in maps], 0, probability.device)
    has_mask = torch.tensor([bool(one.any()) for one in found], dtype=torch.bool, device=probability.device)
    logits = torch.logit(probability.float(), eps=CERTAIN)
    return Prompts(empty.points_xy, empty.point_labels, None, empty.has_box, logits, has_mask)


def _check(maps: Tensor, kind: str, kinds: tuple[str, ...], max_points: int) -> None:
    if kind not in kinds:
        raise ValueError(f"prompts: expected one of {', '.join(kinds)}, got {kind}")
    if maps.ndim != 4 or maps.shape[1] != 1:
        raise ValueError(f"prompts: expected maps (B, 1, H, W), got {tuple(maps.shape)}")
    if max_points < 1:
        raise ValueError(f"prompts: expected at least 1 point, got {max_points}")


def _largest(chosen: Bool, most: int) -> list[tuple[int, int, Bool]]:
    """The row and column of its upper left corner, and the shape, of each of the largest connected components."""
    count, components, stats, _ = cv2.connectedComponentsWithStats(chosen.astype(np.uint8), connectivity=8)
    parts = []
    for k in sorted(range(1, count), key=lambda k: -stats[k, cv2.CC_STAT_AREA])[:most]:
        left, top, width, height, _ = (int(value) for value in stats[k])
        parts.append((top, left, components[top : top + height, left : left + width] == k))
    return parts


def _spread(chosen: Bool, most: int, label: int) -> Points:
    parts = _largest(chosen, most)
    pixels = [np.argwhere(shape) + np.array([top, left]) for top, left, shape in parts]
    spacing = [STROKE * float(_depth(shape).max()) for _, _, shape in parts]
    kept = [[_nearest(of_one, of_one.mean(axis=0))] for of_one in pixels]
    missing, open_parts = most - len(kept), list(range(len(kept)))
    while missing and open_parts:
        for k in list(open_parts)[:missing]:
            distance = np.min([np.hypot(*(pixels[k] - point).T) for point in kept[k]], axis=0)
            if distance.max() <= spacing[k]:
                open_parts.remove(k)
                continue
            kept[k].append(pixels[k][distance.argmax()])
            missing -= 1
    return [(*_centre(point), label) for of_one in kept for point in of_one]


def _nearest(pixels: I64, point: NDArray[np.float64]) -> I64:
    nearest: I64 = pixels[np.hypot(*(pixels - point).T).argmin()]
    return nearest


def _inner(chosen: Bool, probability: NDArray[np.float32], most: int) -> Points:
    points: Points = []
    for top, left, shape in _largest(chosen, most):
        height, width = shape.shape
        sure = probability[top : top + height, left : left + width]
        points.append((*_centre(_deepest(shape, sure) + np.array([top, left])), FOREGROUND))
    if points and not chosen.all():
        points.append((*_centre(_deepest(~chosen, -probability)), BACKGROUND))
    return points


def _depth(shape: Bool) -> NDArray[np.float32]:
    """Distance of each pixel to the nearest that does not belong; what lies outside the array does not."""
    padded = np.pad(shape, 1).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1], dtype=np.float32)


def _deepest(shape: Bool, sure: NDArray[np.float32]) -> I64:
    """Row and column of the pixel farthest from all that does not belong; among equals, where `sure` is greatest."""
    depth = _depth(shape)
    equal = np.argwhere(depth == depth.max())
    best: I64 = equal[sure[tuple(equal.T)].argmax()]
    return best


def _centre(pixel: I64) -> tuple[float, float]:
    return float(pixel[1]) + 0.5, float(pixel[0]) + 0.5


def _box(chosen: Bool) -> Box | None:
    rows, columns = np.flatnonzero(chosen.any(axis=1)), np.flatnonzero(chosen.any(axis=0))
    if not len(rows):
        return None
    return columns[0] + 0.5, rows[0] + 0.5, columns[-1] + 0.5, rows[-1] + 0.5


def _pack(points: list[Points], places: int, device: torch.device) -> Prompts:
    batch = len(points)
    xy, labels = np.zeros((batch, places, 2), np.float32), np.full((batch, places), PADDING, np.int64)
    for i, of_one in enumerate(points):
        for j, (x, y, label) in enumerate(of_one):
            xy[i, j], labels[i, j] = (x, y), label
    none = torch.zeros(batch, dtype=torch.bool, device=device)
    return Prompts(torch.from_numpy(xy).to(device), torch.from_numpy(labels).to(device), None, none, None, none)


def _boxes(boxes: list[Box | None], device: torch.device) -> Prompts:
    empty = _pack([[] for _ in boxes], 0, device)
    corners = np.array([box or (0.0, 0.0, 0.0, 0.0) for box in boxes], dtype=np.float32).reshape(-1, 4)
    has_box = torch.tensor([box is not None for box in boxes], dtype=torch.bool, device=device)
    box_xyxy = torch.from_numpy(corners).to(device)
    return Prompts(empty.points_xy, empty.point_labels, box_xyxy, has_box, None, empty.has_mask)
