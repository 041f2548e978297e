"""All shapes of an image into one mask and one map of marks, in the upright frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

import numpy as np

from scaler.errors import ScalerError
from scaler.exchange.pictures import Picture, turned_upright
from scaler.exchange.raster import stroke
from scaler.exchange.shapes import F64, U8, Annotated, Area, Document, Options, Size, Stroke

FOREGROUND, BACKGROUND = 1, 2
FAR = 1.0  # of the image's size: no hand slips that far over the edge
MARKS_OF_ONE_KIND = "marks files with object marks only: set prepare_data.marks_convention: fg1_bg2 in params.yaml"
NEAR = 1.0  # pixels by which a point may lie over the edge


@dataclass
class Tally:
    """What came in: counts for the summary.

    Attributes:
        objects: instances per category.
        counts: everything else that was seen, by a phrase that follows its number.
        overhang: the farthest that a shape reached over its image's edge, pixels.
    """

    objects: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    overhang: float = 0.0


@dataclass(frozen=True)
class Merged:
    """Labels of one image, (H, W) uint8 upright: mask {0, 1}, marks {0, 1, 2}; None where there are none."""

    picture: Picture
    mask: U8 | None
    marks: U8 | None


def check_names(document: Document, options: Options) -> None:
    """Whether the chosen categories are ones that the source has.

    Raises:
        ScalerError: one is not; with the nearest names.
    """
    for names, known, flag in (
        (options.categories, document.categories, "--category"),
        (options.background, [*document.categories, *document.keypoints], "--background"),
    ):
        for name in names:
            if name not in known:
                close = get_close_matches(name, known, n=3, cutoff=0.5)
                hint = (
                    f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(known[:20]) or 'none'}."
                )
                raise ScalerError(f"{flag}: the source has no category {name!r}; {hint}")
    if both := sorted(set(options.categories) & set(options.background)):
        raise ScalerError(f"{both[0]!r} is both --category and --background; choose one.")


def merge(image: Annotated, picture: Picture, options: Options, tally: Tally) -> Merged:
    """Paint what was drawn on an image; the union of all areas is the mask.

    Raises:
        ScalerError: the file speaks of an image of another size; a shape lies outside; a pixel is marked as both.
    """
    frame = _frame(image, picture, options, tally)
    mask: U8 | None = None
    marks = np.zeros((2, *frame), np.uint8)
    for shape in image.shapes:
        value = _value(shape, options)
        if value is None or (isinstance(shape, Area) and value == BACKGROUND and not options.as_marks):
            tally.counts["shapes of other categories left out"] += 1
            continue
        tally.objects[shape.label] += 1
        painted = _painted(shape, frame, options, tally)
        if isinstance(shape, Stroke) or options.as_marks:
            marks[value - 1] |= painted
        else:
            mask = painted if mask is None else mask | painted
    empty_counts = image.complete or (options.empty_is_background and image.answered)
    if mask is None and not marks.any():
        tally.counts[_nothing(image)] += 1
        mask = np.zeros(frame, np.uint8) if empty_counts else None
    if marks.any() and not marks[1].any():
        tally.counts[MARKS_OF_ONE_KIND] += 1
    turn = picture.orientation if options.stored_frame else 1
    return Merged(
        picture,
        None if mask is None else turned_upright(mask, turn),
        turned_upright(_united(marks, image.where), turn) if marks.any() else None,
    )


def _nothing(image: Annotated) -> str:
    if not image.answered:
        return "images not annotated at all"
    return (
        "images with shapes of other categories only" if image.shapes else "images with an entry, but without any shape"
    )


def _frame(image: Annotated, picture: Picture, options: Options, tally: Tally) -> Size:
    frame, other = picture.upright, picture.stored
    if options.stored_frame:
        frame, other = other, frame
    if image.size is not None and image.size != frame:
        found = f"{image.where}: says that {image.name} has {_wh(image.size)} pixels, but it has {_wh(frame)}"
        if image.size != other:
            raise ScalerError(f"{found}. Bring the image that was annotated, or export again with this one.")
        if options.stored_frame:
            raise ScalerError(f"{found} without its EXIF turn; the tool did turn it: leave out --stored-frame.")
        raise ScalerError(f"{found} when its EXIF turn is applied; the tool ignored the turn: add --stored-frame.")
    if picture.orientation != 1 and frame == other and image.shapes:
        assumed = "the stored frame" if options.stored_frame else "upright"
        tally.counts[f"images whose EXIF turn does not show in their size, taken as annotated in {assumed}"] += 1
    return frame


def _wh(size: Iterable[int]) -> str:
    height, width = size
    return f"{width} x {height}"


def _value(shape: Area | Stroke, options: Options) -> int | None:
    if shape.label in options.background:
        return BACKGROUND
    return FOREGROUND if not options.categories or shape.label in options.categories else None


def _painted(shape: Area | Stroke, size: Size, options: Options, tally: Tally) -> U8:
    scale = np.asarray([size[1], size[0]], np.float64)
    points = shape.points * scale if isinstance(shape, Area) and shape.relative else shape.points
    if isinstance(shape, Stroke):
        return stroke(_on_image(points, scale, shape.where, tally), shape.joined, size, options.mark_width)
    _check_place(points, scale, shape.where, tally)
    painted = shape.paint(size)
    if not painted.any():
        tally.counts["objects too small to cover a pixel's centre"] += 1
    tally.counts[f"of the objects a {shape.kind}"] += 1
    return painted


def _check_place(points: F64, scale: F64, where: str, tally: Tally) -> None:
    if not len(points):
        return
    low, high = points.min(axis=0), points.max(axis=0)
    over = float(max((-low).max(), (high - scale).max()))
    if (high <= 0).any() or (low >= scale).any():
        raise ScalerError(f"{where}: lies wholly outside the image of {_wh((int(scale[1]), int(scale[0])))} pixels.")
    if (low < -FAR * scale).any() or (high > (1 + FAR) * scale).any():
        raise ScalerError(
            f"{where}: reaches {over:.0f} pixels over the edge of an image of {_wh((int(scale[1]), int(scale[0])))}; "
            "the coordinates belong to another image or another unit."
        )
    if over > 0:
        tally.counts["shapes cut at the image's edge"] += 1
        tally.overhang = max(tally.overhang, over)


def _on_image(points: F64, scale: F64, where: str, tally: Tally) -> F64:
    if (points < -NEAR).any() or (points > scale + NEAR).any():
        worst = points[((points < -NEAR) | (points > scale + NEAR)).any(axis=1)][0]
        raise ScalerError(
            f"{where}: the point ({worst[0]:g}, {worst[1]:g}) lies outside the image of "
            f"{_wh((int(scale[1]), int(scale[0])))} pixels."
        )
    return np.clip(points, 0, scale - 1e-3)


def _united(marks: U8, where: str) -> U8:
    both = int((marks[0] & marks[1]).sum())
    if both:
        raise ScalerError(
            f"{where}: {both} pixels are marked as object and as background; choose a smaller --mark-width, "
            "or set the marks apart."
        )
    return np.asarray(marks[0] * FOREGROUND + marks[1] * BACKGROUND, np.uint8)
