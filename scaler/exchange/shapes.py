"""What every annotation format is read into, before anything is painted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scaler.errors import Fault, ScalerError

U8 = NDArray[np.uint8]
F64 = NDArray[np.float64]
Size = tuple[int, int]


@dataclass(frozen=True)
class Area:
    """An object's area, painted once the image's size is known.

    Attributes:
        label: category, verbatim.
        where: file and place in it; names this shape in every message.
        paint: (H, W) of the annotated frame -> (H, W) uint8 {0, 1}; raises ScalerError if the shape does not fit.
        points: (n, 2) x and y that must be in or near the image; empty where the format guarantees it.
        kind: "polygon", "box", "ellipse", "mask" or "crowd", for the summary.
        relative: whether `points` are fractions of width and height instead of pixels.
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
class Unread:
    """A shape that is there but was not read; its image must stay unlabelled.

    Attributes:
        label: category, or None if not even that is readable.
        what: plural name of the kind that is not read, such as "cuboids"; "" for a broken shape.
        faults: what is wrong with a broken shape.
    """

    label: str | None
    what: str = ""
    faults: tuple[Fault, ...] = ()


Shape = Area | Stroke | Unread


def read_shapes(label: str | None, read: Callable[[], Iterable[Shape]]) -> list[Shape]:
    """What `read` returns, or the broken shape that its `ScalerError` speaks of."""
    try:
        return list(read())
    except ScalerError as error:
        return [Unread(label, faults=error.faults)]


@dataclass(frozen=True)
class Annotated:
    """One image of an annotation file.

    Attributes:
        where: file and place, for messages.
        names: paths of the image as the file states them, the likeliest first; any system's separators.
        own: path of the annotation file below `roots` without suffix, in formats that pair by it; else "".
        size: (H, W) that the file says the image has, or None.
        shapes: everything drawn on it, in the order of drawing; may be empty.
        answered: whether an annotator has dealt with the image at all, even if nothing was drawn.
        roots: folders in which the format expects the image.
        prefix: what the image's id has before its path below a root; "" or a path.
        embedded: the image itself, where the file carries it.
        complete: whether the format describes every pixel, so that no object means background.
    """

    where: str
    names: tuple[str, ...]
    size: Size | None
    shapes: tuple[Shape, ...]
    answered: bool
    roots: tuple[Path, ...]
    own: str = ""
    prefix: str = ""
    embedded: bytes | None = None
    complete: bool = False


@dataclass(frozen=True)
class Document:
    """All that a source holds.

    Attributes:
        images: in the order of the source.
        categories: every category that the source knows, used or not.
        sources: the files that were read.
        remarks: what was set aside, a line each.
        keypoints: names of points that are no categories of their own.
        scan: folders of images with the prefix of their ids; images there that the source does not name are unlabelled.
    """

    images: list[Annotated]
    categories: list[str]
    sources: list[Path]
    remarks: list[str] = field(default_factory=list)
    keypoints: list[str] = field(default_factory=list)
    scan: tuple[tuple[Path, str], ...] = ()


def labels_of(images: Iterable[Annotated]) -> list[str]:
    """The categories that occur, sorted."""
    return sorted({shape.label for image in images for shape in image.shapes if shape.label is not None})


@dataclass(frozen=True)
class ImportOptions:
    """How annotations are read.

    Attributes:
        categories: only these; none for all.
        background: categories (or keypoints) that mark background: points and lines become marks, areas cut holes.
        images: where the images are, if not where the format expects them.
        boxes: boxes of detection sets (COCO, YOLO) count as objects.
        crowds: COCO's crowd regions count as objects.
        as_marks: areas become marks instead of masks.
        mark_width: diameter of a point and width of a line, pixels.
        stored_frame: the tool ignored the images' EXIF orientation.
        empty_is_background: images that were annotated as empty get an empty mask.
        skip_broken: leave broken entries out and their images unlabelled, instead of refusing the source.
        several: what to do with several annotations of one task: "refuse", "last" or "union".
        values, colours: of the pixels of index or colour masks that are object.
        mask_suffix: what the masks' names have after the images' names.
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
    skip_broken: bool = False
    several: str = "refuse"
    values: tuple[int, ...] = ()
    colours: tuple[tuple[int, int, int], ...] = ()
    mask_suffix: str = ""
