"""Images cut into tiles, so that small and thin objects keep their pixels (`prepare_data.tiles`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from math import ceil

from scaler.data.entries import Entry
from scaler.data.reading import Pixels

Box = tuple[slice, slice]
TILE = re.compile(r"/tile_\d+_\d+$")


def placed(length: int, side: int, overlap: int = 0) -> list[tuple[int, int]]:
    """(begin, end) of the fewest tiles along an axis that overlap by at least `overlap` pixels, evenly spread."""
    if length <= side:
        return [(0, length)]
    count = ceil((length - overlap) / (side - overlap))
    begins = [round(i * (length - side) / (count - 1)) for i in range(count)]
    return [(begin, begin + side) for begin in begins]


def tile_count(size: tuple[int, ...], side: int) -> int:
    """How many tiles of `side` x `side` pixels an image of (height, width) becomes."""
    height, width = size
    return len(placed(height, side)) * len(placed(width, side))


def image_of_tile(tile_id: str) -> str:
    """The id of the image that a tile is cut from; that of an image stays as it is."""
    return TILE.sub("", tile_id)


def in_tiles(entries: Iterable[Entry], side: int, advance: Callable[[], object] = lambda: None) -> list[Entry]:
    """Each image that is larger than `side` x `side` pixels as its tiles; the others as they are.

    A tile has the id `<image>/tile_<row>_<column>` and the image as its group, and no file of its own. Every image is
    read once for its size; those that cannot be read are left out, and are then among the faults.
    """
    source = _Source()
    found = []
    for entry in entries:
        pixels = entry.read()
        advance()
        if pixels is None:
            continue
        rows, columns = (placed(length, side) for length in pixels.image.shape[:2])
        if len(rows) == len(columns) == 1:
            found.append(entry)
            continue
        whole = replace(entry, group=entry.group or entry.id, file="")
        for row, (top, bottom) in enumerate(rows):
            for column, (left, right) in enumerate(columns):
                read = partial(source.cut, entry, (slice(top, bottom), slice(left, right)))
                found.append(replace(whole, id=f"{entry.id}/tile_{row}_{column}", read=read))
    return found


@dataclass
class _Source:
    """Reads tiles, and keeps the image of the last one, since its other tiles are read next."""

    entry: Entry | None = None
    pixels: Pixels | None = None

    def cut(self, entry: Entry, box: Box) -> Pixels | None:
        if self.entry is not entry:
            self.entry, self.pixels = entry, entry.read()
        if self.pixels is None:
            return None
        whole = self.pixels
        mask, marks = (None if labels is None else labels[box].copy() for labels in (whole.mask, whole.marks))
        return Pixels(whole.image[box].copy(), mask, marks)
