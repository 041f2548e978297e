"""What every annotation format is read into, before anything is painted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
F64 = NDArray[np.float64]
Size = tuple[int, int]


@dataclass(frozen=True)
class Area:
    """An object's area, painted when the image's size is known.

    Attributes:
        label: category, verbatim.
        where: file and place in it, the beginning of every message about this shape.
        paint: (H, W) of the annotated frame -> (H, W) uint8 {0, 1}; raises ScalerError for what cannot be.
        points: (n, 2) x and y that must lie in or near the image; empty where the format makes sure of it.
        kind: "polygon", "box", "ellipse", "mask" or "crowd", for the summary.
        relative: whether `points` are shares of width and height instead of pixels.
    """

    label: str
    where: str
    paint: Callable[[Size], U8]
    points: F64
    kind: str = "polygon"
    relative: bool = False


@dataclass(frozen=True)
class Stroke:
    """Points, or a line through them: marks of one class, no area.

    Attributes:
        label, where: as for `Area`.
        points: (n, 2) x and y in pixels; pixel (row r, column c) covers [c, c + 1) x [r, r + 1).
        joined: whether they are the vertices of a line.
    """

    label: str
    where: str
    points: F64
    joined: bool = False


@dataclass(frozen=True)
class Annotated:
    """One image of an annotation file.

    Attributes:
        name: path of the image as the file gives it, "/" between its parts, checked to stay inside its folder.
        where: file and place, for messages.
        size: (H, W) that the file says the image has, or None.
        shapes: everything drawn on it; may be empty.
        answered: whether an annotator has dealt with the image at all, even if nothing was drawn.
        embedded: the image itself, where the file carries it.
        beside: folder in which the format expects the image.
        strip: whether the tool puts "<8 hex digits>-" before the names of uploaded images.
        complete: whether the format says of every pixel what it is, so that no object means background.
    """

    name: str
    where: str
    size: Size | None
    shapes: tuple[Area | Stroke, ...]
    answered: bool
    embedded: bytes | None = None
    beside: Path | None = None
    strip: bool = False
    complete: bool = False


@dataclass(frozen=True)
class Document:
    """All that a source holds.

    Attributes:
        images: in the order of the source.
        categories: every category that the source knows, used or not.
        sources: the files that were read.
        remarks: what was left aside, a line each.
        keypoints: names of points that are no categories of their own.
        scan: folder of images, of which those that the source does not name came without annotation.
    """

    images: list[Annotated]
    categories: list[str]
    sources: list[Path]
    remarks: list[str]
    keypoints: list[str] = field(default_factory=list)
    scan: Path | None = None


@dataclass(frozen=True)
class Options:
    """How annotations are read.

    Attributes:
        categories: only these; none for all.
        background: categories (or keypoints) whose points and lines mark background.
        images: where the images lie, if not where the format expects them.
        boxes: boxes of detection sets (COCO, YOLO) count as objects.
        crowds: COCO's crowd regions count as objects.
        as_marks: areas become marks as well, instead of masks.
        mark_width: diameter of a point and width of a line, pixels.
        stored_frame: the tool ignored the images' EXIF turns.
        empty_is_background: images without object, but with an entry, get an empty mask.
        several: what to do with several annotations of one task: "refuse", "last" or "union".
        values, colours: of the pixels of index or colour masks that are object.
        mask_suffix: what the masks' names have behind the images' names.
    """

    categories: tuple[str, ...] = ()
    background: tuple[str, ...] = ()
    images: Path | None = None
    boxes: bool = False
    crowds: bool = True
    as_marks: bool = False
    mark_width: int = 5
    stored_frame: bool = False
    empty_is_background: bool = False
    several: str = "refuse"
    values: tuple[int, ...] = ()
    colours: tuple[tuple[int, int, int], ...] = ()
    mask_suffix: str = ""
