"""Crops of photographs, segments in them, and the prompts that a person might give for these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from scaler.laboratory.photographs import U8, Labels, Photograph, nearest
from scaler.models.prompts import BACKGROUND, FOREGROUND, PADDING, Prompts

SMALLEST, LARGEST = 0.004, 0.8  # of the crop: segments that are learned
INNER = 3.0  # how much more often a segment is asked for that does not reach the border of the crop: likelier a thing
KINDS = {"box": 0.4, "points": 0.4, "mask": 0.1, "none": 0.1}
POINTS = 3
CERTAIN = 4.0  # logits of a mask that prompts

Bool = NDArray[np.bool_]
F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Example:
    """A crop and what is asked about it.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        masks: (P, S, S) bool, what the answer to each prompt should be.
        kinds: the kind of each prompt, of `KINDS`.
    """

    image: U8
    masks: Bool
    kinds: tuple[str, ...]


def draw_example(rng: np.random.Generator, photograph: Photograph, side: int, count: int) -> Example | None:
    """A random crop of a photograph with `count` prompts; None if no segment in it is worth a question."""
    image, labels = photograph.read(int(rng.integers(1 << 20)))
    image, labels = _crop(rng, image, labels, side)
    names, areas = np.unique(labels, return_counts=True)
    shares = areas / labels.size
    useful = (shares >= SMALLEST) & (shares <= LARGEST) & ((names > 0) if photograph.binary else True)
    if not useful.any():
        return None
    things = _things(labels, photograph.binary)
    weights = np.sqrt(shares * useful) * np.where(np.isin(names, labels[things]), INNER, 1.0)
    kinds, masks = [], []
    for kind in rng.choice(list(KINDS), size=count, p=list(KINDS.values())):
        whole = kind == "none" and SMALLEST <= things.mean() <= LARGEST
        kinds.append(str(kind) if whole or kind != "none" else "box")
        masks.append(things if whole else labels == rng.choice(names, p=weights / weights.sum()))
    return Example(_recolour(rng, image), np.stack(masks), tuple(kinds))


def simulate(rng: np.random.Generator, masks: Bool, kinds: Sequence[str]) -> Prompts:
    """Prompts for (N, S, S) masks, of the given kinds, in pixels of the masks: some care, no precision.

    Boxes are moved at each side by up to a tenth of their size. Points: one to three; the first one is inside, the
    others are inside or outside. Masks are coarse and noisy.
    """
    count, side = len(masks), masks.shape[-1]
    xy, labels = np.zeros((count, POINTS, 2), np.float32), np.full((count, POINTS), PADDING, np.int64)
    boxes, coarse = np.zeros((count, 4), np.float32), np.zeros((count, 1, side // 4, side // 4), np.float32)
    for number, (mask, kind) in enumerate(zip(masks, kinds, strict=True)):
        if kind == "box":
            boxes[number] = _loose_box(rng, mask)
        elif kind == "mask":
            coarse[number, 0] = _coarse_mask(rng, mask)
        elif kind == "points":
            for place in range(int(rng.integers(1, POINTS + 1))):
                inside = place == 0 or rng.random() < 0.5
                xy[number, place] = _point(rng, mask if inside else ~mask)
                labels[number, place] = FOREGROUND if inside else BACKGROUND
    has_box, has_mask = (torch.tensor([name == kind for name in kinds]) for kind in ("box", "mask"))
    points, point_labels, box, logits = (torch.from_numpy(array) for array in (xy, labels, boxes, coarse))
    return Prompts(points, point_labels, box, has_box, logits, has_mask)


def _crop(rng: np.random.Generator, image: U8, labels: Labels, side: int) -> tuple[U8, Labels]:
    """A part of any shape near a square, turned, mirrored, brought to side x side, at times by way of fewer pixels."""
    height, width = labels.shape
    shorter, scale, aspect = min(height, width), rng.uniform(0.5, 1.0), np.exp(rng.uniform(-0.25, 0.25))
    tall = min(height, round(shorter * scale * aspect))
    wide = min(width, round(shorter * scale / aspect))
    if rng.random() < 0.3:
        tall, wide = height, width  # the whole photograph
    top, left = int(rng.integers(height - tall + 1)), int(rng.integers(width - wide + 1))
    image, labels = image[top : top + tall, left : left + wide], labels[top : top + tall, left : left + wide]
    turns, mirrored = int(rng.choice([0, 0, 0, 1, 2, 3])), rng.random() < 0.5
    image, labels = np.rot90(image, turns), np.rot90(labels, turns)
    if mirrored:
        image, labels = image[:, ::-1], labels[:, ::-1]
    if rng.random() < 0.25:
        image = _resized(image, int(rng.integers(side // 3, side)), cv2.INTER_AREA)
    return _resized(image, side, cv2.INTER_LINEAR), nearest(labels, side, side)


def _resized(image: U8, side: int, how: int) -> U8:
    return np.asarray(cv2.resize(np.ascontiguousarray(image), (side, side), interpolation=how), np.uint8)


def _things(labels: Labels, binary: bool) -> Bool:
    """What stands for "the object" without a prompt: all segments that do not reach the border; of masks, all."""
    if binary:
        return labels > 0
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return ~np.isin(labels, border)


def _recolour(rng: np.random.Generator, image: U8) -> U8:
    """Other light, other colours, now and then none: what a photograph's neighbour domains may look like."""
    values = image.astype(np.float32) / 255.0
    if rng.random() < 0.8:
        values = values ** rng.uniform(0.6, 1.6) * rng.uniform(0.7, 1.3, size=3)
        mean = values.mean()
        values = (values - mean) * rng.uniform(0.6, 1.4) + mean + rng.uniform(-0.1, 0.1)
    if rng.random() < 0.3:
        values = values[..., rng.permutation(3)]
    if rng.random() < 0.1:
        values = np.repeat(values.mean(axis=2, keepdims=True), 3, axis=2)
    if rng.random() < 0.2:
        values = values + rng.normal(0.0, rng.uniform(0.0, 0.05), values.shape)
    return (values.clip(0.0, 1.0) * 255.0).round().astype(np.uint8)


def _point(rng: np.random.Generator, mask: Bool) -> tuple[float, float]:
    """A pixel of the mask, likelier the farther from its border."""
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1].ravel()
    place = int(np.searchsorted(np.cumsum(depth, dtype=np.float64), rng.random() * float(depth.sum(dtype=np.float64))))
    row, column = divmod(min(place, mask.size - 1), mask.shape[1])
    return column + 0.5, row + 0.5


def _loose_box(rng: np.random.Generator, mask: Bool) -> F32:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
    size = np.tile(box[2:] - box[:2], 2)
    return (box + rng.uniform(-0.1, 0.1, 4) * size).clip(0.5, len(mask) - 0.5).astype(np.float32)


def _coarse_mask(rng: np.random.Generator, mask: Bool) -> F32:
    cells, side = int(rng.integers(6, 25)), len(mask) // 4
    coarse = np.asarray(cv2.resize(mask.astype(np.float32), (cells, cells), interpolation=cv2.INTER_AREA), np.float32)
    noisy = coarse + rng.normal(0.0, 0.25, coarse.shape).astype(np.float32)
    return np.asarray((2 * cv2.resize(noisy, (side, side)) - 1) * CERTAIN, np.float32)
