"""All shapes of an image into one mask and one map of marks, in the upright frame.

The rule for all formats: a mask claims every pixel of its image. So where any wanted shape was left out, be it of a
kind that is not read, or broken, the image gets no mask; nor if its objects cover no pixel. Only an image that was
annotated as empty may get an empty one. Shapes of other categories than the chosen ones do not count, but an image
that has nothing else was not annotated as empty either.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from difflib import get_close_matches

import numpy as np

from scaler.errors import Fault, Faults, ScalerError
from scaler.exchange.image_files import ImageFile, turned_upright
from scaler.exchange.parsing import broken, wh
from scaler.exchange.raster import stroke
from scaler.exchange.shapes import F64, U8, Annotated, Area, Document, ImportOptions, Shape, Size, Stroke, Unread

UNKNOWN, FOREGROUND, BACKGROUND = 0, 1, 2
RESERVED = {"_background_": BACKGROUND, "__ignore__": UNKNOWN}  # Labelme's own labels, and what converts them
FAR = 1.0  # of the image's size: no hand slips that far over the edge
UNREAD = "images left unlabelled because of shapes that are not read"
EMPTY = "images annotated as empty"
NEAR = 1.0  # pixels by which a point may lie over the edge
MARKS_OF_ONE_KIND = "marks files with object marks only: set prepare_data.marks_convention: fg1_bg2 in params.yaml"


@dataclass
class Tally:
    """What came in: counts for the summary.

    Attributes:
        objects: instances per category.
        counts: everything else, by the phrase that follows its number.
        overhang: the farthest that a shape reached over its image's edge, pixels.
    """

    objects: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    overhang: float = 0.0


@dataclass(frozen=True)
class Labels:
    """Labels of one image, (H, W) uint8 upright: mask {0, 1}, marks {0, 1, 2}; None where there are none."""

    image: ImageFile
    mask: U8 | None = None
    marks: U8 | None = None


def check_categories(document: Document, options: ImportOptions) -> None:
    """Whether the source has the chosen categories.

    Raises:
        ScalerError: it lacks one, with the nearest names; or one is chosen as object and as background.
    """
    for names, known, flag in (
        (options.categories, document.categories, "--category"),
        (options.background, [*document.categories, *document.keypoints], "--background"),
    ):
        for name in names:
            if name not in known:
                close = get_close_matches(name, known, n=3, cutoff=0.5)
                remedy = f"did you mean {' or '.join(close)}?" if close else f"it has {', '.join(known[:20]) or 'none'}"
                reason = f"{flag}: the source has no category {name!r}"
                raise ScalerError(Fault("category_unknown", (), reason, remedy))
    if both := sorted(set(options.categories) & set(options.background)):
        raise ScalerError(Fault("category_twice", (), f"{both[0]!r} is both --category and --background", "choose one"))


def merge(image: Annotated, file: ImageFile, options: ImportOptions, tally: Tally, faults: Faults) -> Labels:
    """Paint what was drawn on an image, in the order of drawing; faults of its shapes go to `faults`.

    Raises:
        ScalerError: the image has another size than the source says.
    """
    if image.shapes and not concerns(image, options):
        tally.counts["shapes of other categories left out"] += len(image.shapes)
        tally.counts["images left unlabelled that have shapes of other categories only"] += 1
        return Labels(file)
    frame = _frame(image, file, options, tally)
    canvas, errors = _Canvas(frame, options), len(faults.items)
    for shape in image.shapes:
        with faults.collect([file.id]):
            canvas.draw(shape)
    with faults.collect([file.id]):
        _check_marks(canvas.marks, image.where)
    if any(item.severity == "error" for item in faults.items[errors:]):
        return Labels(file)
    tally.overhang = max(tally.overhang, canvas.tally.overhang)
    if canvas.unread:
        canvas.mask = None  # the marks claim their own pixels only, and stay
    empty = _emptiness(image, canvas)
    if empty is not None:
        tally.counts[empty] += 1
        kept = {key: n for key, n in canvas.tally.counts.items() if not key.startswith("objects drawn as")}
        tally.counts.update(kept)
        annotated_as_empty = image.answered and not image.shapes and options.empty_is_background
        blank = np.zeros(file.upright, np.uint8) if image.complete or annotated_as_empty else None
        return Labels(file, blank)
    tally.objects += canvas.tally.objects
    tally.counts += canvas.tally.counts
    turn = file.orientation if options.stored_frame else 1
    mask = canvas.mask
    if mask is not None:
        mask = turned_upright(mask, turn) if mask.any() or image.complete else None
    if not canvas.marks.any():
        return Labels(file, mask)
    if not canvas.marks[1].any():
        tally.counts[MARKS_OF_ONE_KIND] += 1
    marks = canvas.marks[0] * np.uint8(FOREGROUND) + canvas.marks[1] * np.uint8(BACKGROUND)
    return Labels(file, mask, turned_upright(marks, turn))


def concerns(image: Annotated, options: ImportOptions) -> bool:
    """Whether an image has any shape of the chosen categories."""
    return any(_value(shape.label, options) is not None for shape in image.shapes)


def _value(label: str | None, options: ImportOptions) -> int | None:
    """What a label stands for; None: it is not among the chosen categories. An unreadable one may be."""
    if label in options.background:
        return BACKGROUND
    if label in RESERVED and label not in options.categories:
        return RESERVED[label]
    return FOREGROUND if label is None or not options.categories or label in options.categories else None


class _Canvas:
    """Mask and marks of one image while its shapes are drawn.

    Attributes:
        mask: (H, W) uint8 {0, 1}, or None before the first area.
        marks: (2, H, W) uint8 {0, 1}: foreground, background.
        tally: of this image alone.
        unread: how many wanted shapes of kinds that are not read.
    """

    def __init__(self, frame: Size, options: ImportOptions) -> None:
        self._frame, self._options = frame, options
        self.mask: U8 | None = None
        self.marks = np.zeros((2, *frame), np.uint8)
        self.tally = Tally()
        self.unread = 0

    def draw(self, shape: Shape) -> None:
        """Add a shape.

        Raises:
            ScalerError: it is broken, or is outside the image.
        """
        value = _value(shape.label, self._options)
        if value is None:
            self.tally.counts["shapes of other categories left out"] += 1
        elif isinstance(shape, Unread):
            if shape.faults:
                raise ScalerError(*shape.faults)
            self.unread += 1
            self.tally.counts[f"{shape.what} that are not read"] += 1
        elif value == UNKNOWN and not self._options.as_marks:
            reason = f"the label {shape.label} leaves its pixels unknown, which a mask cannot say"
            remedy = f"use --as-marks, --skip-broken, or --background {shape.label} to count them as background"
            raise broken(shape.where, reason, remedy, "unknown_region")
        else:
            painted = self._painted(shape)
            self.tally.objects[shape.label] += 1
            self._add(painted, value, is_area=isinstance(shape, Area))

    def _add(self, painted: U8, value: int, *, is_area: bool) -> None:
        if is_area and not self._options.as_marks:
            mask = np.zeros(self._frame, np.uint8) if self.mask is None else self.mask
            self.mask = mask | painted if value == FOREGROUND else mask & (1 - painted)
            return
        if is_area or value == UNKNOWN:  # what is drawn later covers what is below
            self.marks &= 1 - painted
        if value != UNKNOWN:
            self.marks[value - 1] |= painted

    def _painted(self, shape: Area | Stroke) -> U8:
        height, width = self._frame
        scale = np.asarray([width, height], np.float64)
        if isinstance(shape, Stroke):
            points = _on_image(shape.points, scale, shape.where)
            return stroke(points, shape.joined, self._frame, self._options.mark_width)
        over = _overhang(shape.points * (scale if shape.relative else 1), scale, shape.where)
        painted = shape.paint(self._frame)
        if over > 0:
            self.tally.counts["shapes cut at the image's edge"] += 1
            self.tally.overhang = max(self.tally.overhang, over)
        if not painted.any() and shape.kind != "mask":
            self.tally.counts["objects too small to cover a pixel's centre"] += 1
        self.tally.counts[f"objects drawn as {shape.kind}"] += 1
        return painted


def _emptiness(image: Annotated, canvas: _Canvas) -> str | None:
    """Why the image has no label, as a phrase for the summary; None if it has one."""
    if canvas.marks.any() or (canvas.mask is not None and (canvas.mask.any() or image.complete)):
        return None
    if canvas.unread:
        return UNREAD
    if not image.answered:
        return "images not annotated at all"
    return "images left unlabelled because their objects cover no pixel" if image.shapes else EMPTY


def _frame(image: Annotated, file: ImageFile, options: ImportOptions, tally: Tally) -> Size:
    frame, other = file.upright, file.stored
    if options.stored_frame:
        frame, other = other, frame
    if image.size is not None and image.size != frame:
        reason = f"{file.id} should have {wh(image.size)} pixels (width x height), but has {wh(frame)}"
        if image.size != other:
            raise broken(image.where, reason, "use the image that was annotated, or export again", "size_differs")
        if options.stored_frame:
            reason += " without its EXIF orientation, which the tool did apply"
            raise broken(image.where, reason, "leave out --stored-frame", "size_differs")
        reason += " with its EXIF orientation, which the tool ignored"
        raise broken(image.where, reason, "add --stored-frame", "size_differs")
    if file.orientation != 1 and frame == other and image.shapes:
        assumed = "the stored" if options.stored_frame else "the upright"
        tally.counts[f"images whose EXIF orientation does not show in their size; {assumed} frame is assumed"] += 1
    return frame


def _overhang(points: F64, scale: F64, where: str) -> float:
    """Pixels by which an area reaches over the image's edge; at most 0 if it does not."""
    if not len(points):
        return 0.0
    low, high = points.min(axis=0), points.max(axis=0)
    over = float(max((-low).max(), (high - scale).max()))
    size = wh(scale[::-1])
    if (high <= 0).any() or (low >= scale).any():
        reason = f"is entirely outside the image of {size} pixels"
    elif (low < -FAR * scale).any() or (high > (1 + FAR) * scale).any():
        reason = f"reaches {over:.0f} pixels over the edge of the image of {size}"
    else:
        return over
    raise broken(where, reason, "its coordinates belong to another image or have another unit", "outside")


def _on_image(points: F64, scale: F64, where: str) -> F64:
    off = ((points < -NEAR) | (points > scale + NEAR)).any(axis=1)
    if off.any():
        x, y = points[off][0]
        reason = f"the point ({x:g}, {y:g}) is outside the image of {wh(scale[::-1])} pixels"
        raise broken(where, reason, "move or delete it", "outside")
    return np.clip(points, 0, scale - 1e-3)


def _check_marks(marks: U8, where: str) -> None:
    if both := int((marks[0] & marks[1]).sum()):
        reason = f"{both} pixels are marked as object and as background"
        raise broken(where, reason, "choose a smaller --mark-width, or move the marks apart", "marks_overlap")
