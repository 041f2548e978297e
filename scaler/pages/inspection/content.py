"""What the page asks for, by key: a file each when baked, an answer each when served."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

from scaler.artifacts.names import SOURCES
from scaler.artifacts.paths import Stop
from scaler.artifacts.run import Run
from scaler.pages import pictures
from scaler.pages.inspection.overview import CHUNK, overview
from scaler.pages.table import Measured, measure

VERSION = 1
NAMES = ("a", "b")  # of the runs

Pictures = dict[str, list[str | None]]


class Content:
    """Values of one run.

    Args:
        run: what to read.
        tile: side of the pictures in pixels; larger maps are shrunk.
        advance: called after each image that is measured.
    """

    def __init__(self, run: Run, tile: int, advance: Callable[[int], Any] = lambda count: None) -> None:
        self.run = run
        self.tile = min(tile, self.run.size)
        self._advance = advance

    @cached_property
    def measured(self) -> Measured:
        """All numbers; measuring takes a while."""
        return measure(self.run, self._advance)

    def all_keys(self) -> Iterator[str]:
        """All keys, without the run's name before them: `run`, `images`, `table/STOP`, `tiles/STOP/NUMBER`."""
        yield from ("run", "images")
        yield from (f"table/{stop.name}" for stop in self.run.stops)
        chunks = range(-(-len(self.run.ids) // CHUNK))
        for stop in ("images", *(stop.name for stop in self.run.stops)):
            yield from (f"tiles/{stop}/{chunk}" for chunk in chunks)

    def value(self, key: str) -> Any:
        """What a key stands for, as plain values: numbers, strings, lists and dictionaries.

        `run`: see `overview.overview`; `images` and `table/STOP`: columns, see `table.measure`; `tiles/images/NUMBER`:
        "image", "truth", "marks" -> a data URI or None for each row of the chunk; `tiles/STOP/NUMBER`: likewise of
        "teacher", "sam", "consensus", "segmenter".

        Raises:
            KeyError: there is no such key.
            ScalerError: an artifact has been damaged or taken away meanwhile.
        """
        kind, _, rest = key.partition("/")
        if key == "run":
            return overview(self.measured, self.tile)
        if key == "images":
            return self.measured.images
        if kind == "table":
            return self.measured.at[rest]
        if kind != "tiles":
            raise KeyError(key)
        stop, _, chunk = rest.partition("/")
        rows = self._rows(chunk)
        return self._images(rows) if stop == "images" else self._labels(self._stop(stop), rows)

    def _rows(self, chunk: str) -> range:
        known = {str(number): number for number in range(-(-len(self.run.ids) // CHUNK))}
        first = known[chunk] * CHUNK
        return range(first, min(first + CHUNK, len(self.run.ids)))

    def _stop(self, name: str) -> Stop:
        return {stop.name: stop for stop in self.run.stops}[name]

    def _images(self, rows: Sequence[int]) -> Pictures:
        run, side = self.run, self.tile
        truth = [run.truth(row) for row in rows]
        marks = [run.marks(row) for row in rows]
        return {
            "image": [pictures.photograph(run.image(row), side) for row in rows],
            "truth": [None if mask is None else pictures.mask(mask, side) for mask in truth],
            "marks": [pictures.marks(mark, side) if mark.any() else None for mark in marks],
        }

    def _labels(self, stop: Stop, rows: Sequence[int]) -> Pictures:
        found = {source: [self.run.label(stop, source, row) for row in rows] for source in SOURCES}
        return {
            source: [None if label is None else pictures.label(label, self.tile) for label in labels]
            for source, labels in found.items()
        }
