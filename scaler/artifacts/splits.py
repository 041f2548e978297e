"""The layout of prepared data: a split's images with their masks and marks, and the truth of the training images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.hdf5 import (
    create_images,
    put_image,
    read_ids,
    write_column,
    write_ids,
    write_image,
    write_strings,
)
from scaler.artifacts.large import LargeImages
from scaler.artifacts.models import IMAGE_WHITE, TILE
from scaler.artifacts.pictures import NamedPictures, PictureReader, Pictures
from scaler.artifacts.reading import open_artifact

U8 = NDArray[np.uint8]
LARGE, LARGE_SIZE = "foundation_image", "foundation_size"


@dataclass(frozen=True)
class DataSet:
    """A prepared split, as stored in a file of kind `data`.

    Pictures are arrays in memory, or stay on the disk (`open_data`) and are read when they are indexed.

    Attributes:
        ids: N image ids.
        image: (N, S, S, 3) uint8 RGB.
        mask: (N, S, S) uint8 {0, 1}; zeros where `labelled` is False.
        labelled: (N,) bool: whether a full mask may be used.
        marks: (N, S, S) uint8 {0 unknown, 1 foreground, 2 background}.
        native_size: (N, 2) int32 height and width of the image as the user brought it.
        native_masks: for validation and test, the (H, W) uint8 {0, 1} masks at native size; empty for training.
        set: N names of the set that each image belongs to, "" for a single one; or empty, which means N times "".
        file: N paths of the images below the source, "" where there is no file (the laboratory); or empty, likewise.
        large: N images at the size of the foundation model; None: it sees `image`.
        white: the value of images of more than 8 bits that became 255; None: the greatest that the file can hold.
        tile: side in pixels of the tiles that larger images were cut into, each an image of this set; None: none.
    """

    ids: list[str]
    image: Pictures
    mask: Pictures
    labelled: NDArray[np.bool_]
    marks: Pictures
    native_size: NDArray[np.int32]
    native_masks: Sequence[U8]
    set: list[str] = field(default_factory=list)
    file: list[str] = field(default_factory=list)
    large: LargeImages | None = None

    @property
    def foundation_image(self) -> Pictures:
        """(N, L, L, 3) uint8 RGB: what the foundation model sees; masks, marks and labels stay S x S."""
        return self.image if self.large is None else self.large

    white: int | None = None
    tile: int | None = None

    def is_marked(self) -> NDArray[np.bool_]:
        """(N,): whether any pixel of an image is marked."""
        return np.fromiter((marks.any() for marks in self.marks), np.bool_, len(self.ids))

    def part(self, chosen: Sequence[int] | NDArray[np.int64]) -> DataSet:
        """The images at the given positions, in that order, with all that belongs to them."""
        numbers = [int(number) for number in chosen]
        return DataSet(
            ids=[self.ids[number] for number in numbers],
            image=_part(self.image, numbers),
            mask=_part(self.mask, numbers),
            labelled=self.labelled[numbers],
            marks=_part(self.marks, numbers),
            native_size=self.native_size[numbers],
            native_masks=[self.native_masks[number] for number in numbers] if len(self.native_masks) else [],
            set=[self.set[number] for number in numbers] if self.set else [],
            file=[self.file[number] for number in numbers] if self.file else [],
            large=None if self.large is None else self.large.subset(numbers),
            white=self.white,
            tile=self.tile,
        )


def _part(pictures: Pictures, numbers: list[int]) -> Pictures:
    return pictures.subset(numbers) if isinstance(pictures, PictureReader) else pictures[numbers]


@dataclass(frozen=True)
class Row:
    """One image of a split, as it is written.

    Attributes:
        id, set, file: as in `DataSet`.
        image: (S, S, 3) uint8 RGB.
        mask: (S, S) uint8 {0, 1}; None: not known, or not to be used.
        marks: (S, S) uint8 {0, 1, 2}; None: there are none.
        native_size: height and width.
        native_mask: (H, W) uint8 {0, 1}; None in training.
        large: (h, w, 3) pixels for the foundation model, at most its side high and wide; None: it sees `image`.
    """

    id: str
    set: str
    file: str
    image: U8
    mask: U8 | None
    marks: U8 | None
    native_size: tuple[int, int]
    native_mask: U8 | None = None
    large: U8 | None = None


@dataclass(frozen=True)
class Prepared:
    """How all images of a split were prepared.

    Attributes:
        size: S.
        large: side of the images of the foundation model; None: it sees `image`.
        white, tile: as in `DataSet`.
    """

    size: int
    large: int | None = None
    white: int | None = None
    tile: int | None = None


class DataWriter:
    """Writes a split image by image, so that memory does not grow with their number.

    Args:
        file: of kind `data`.
        most: images at most.
        how: they were prepared.
    """

    def __init__(self, file: h5py.Group, most: int, how: Prepared) -> None:
        self._file = file
        size = how.size
        self._texts: dict[str, list[str]] = {"set": [], "file": []}
        self._sizes: list[tuple[int, int]] = []
        self._pictures = {
            name: create_images(file, name, (most, size, size, *colour), top)
            for name, colour, top in (("image", (3,), 255), ("mask", (), 1), ("marks", (), 2))
        }
        self._native_masks = file.create_group("native_mask")
        self._large = None if how.large is None else file.create_group(LARGE)
        large = None if how.large is None else np.int32(how.large)
        for name, value in ((IMAGE_WHITE, how.white), (TILE, how.tile), (LARGE_SIZE, large)):
            if value is not None:
                file.create_dataset(name, data=value, track_times=False)  # no attribute: it is part of the content
        self.ids: list[str] = []

    def add(self, row: Row) -> None:
        """Write the next image."""
        number = len(self.ids)
        self.ids.append(row.id)
        self._texts["set"].append(row.set)
        self._texts["file"].append(row.file)
        self._sizes.append(row.native_size)
        for name, picture in (("image", row.image), ("mask", row.mask), ("marks", row.marks)):
            if picture is not None:
                put_image(self._pictures[name], number, picture)
        if row.native_mask is not None:  # by position, since an id may hold a slash
            write_image(self._native_masks, str(len(self._native_masks)), row.native_mask, top=1)
        if self._large is not None and row.large is not None and row.large.shape != row.image.shape:
            write_image(self._large, str(number), row.large)  # only pixels that `image` does not hold as they are

    def put_mask(self, number: int, mask: U8) -> None:
        """Give an image that is written already its mask."""
        put_image(self._pictures["mask"], number, mask)

    def finish(self, labelled: NDArray[np.bool_]) -> None:
        """Write what is not a picture; `labelled` as in `DataSet`."""
        for data in self._pictures.values():
            if len(data) != len(self.ids):
                data.resize(len(self.ids), axis=0)
        write_ids(self._file, self.ids)
        write_column(self._file, "labelled", labelled)
        write_column(self._file, "native_size", np.asarray(self._sizes, np.int32).reshape(-1, 2))
        for name, values in self._texts.items():
            write_strings(self._file, name, values)


class TruthWriter:
    """Writes the truth of the training images, for evaluation and report only, image by image.

    Args:
        file: of kind `truth`.
        most: images at most.
        size: S.
    """

    def __init__(self, file: h5py.Group, most: int, size: int) -> None:
        self._file = file
        self._ids: list[str] = []
        self._known: list[bool] = []
        self._masks = create_images(file, "mask", (most, size, size), top=1)

    def add(self, name: str, mask: U8 | None) -> None:
        """Write the next image's mask, (S, S) uint8 {0, 1}; None where it is not known."""
        if mask is not None:
            put_image(self._masks, len(self._ids), mask)
        self._ids.append(name)
        self._known.append(mask is not None)

    def mask(self, number: int) -> U8:
        """A mask that has been written."""
        return np.asarray(self._masks[number], np.uint8)

    def finish(self) -> None:
        """Write what is not a picture."""
        if len(self._masks) != len(self._ids):
            self._masks.resize(len(self._ids), axis=0)
        write_ids(self._file, self._ids)
        write_column(self._file, "known", np.asarray(self._known, np.bool_))


def open_data(path: Path) -> DataSet:
    """A split whose pictures stay on the disk: for any number of images, and for the workers of a `DataLoader`.

    Raises:
        ScalerError: the artifact is refused; see `open_artifact`.
    """
    with open_artifact(path, "data") as file:
        image = PictureReader.whole(path, "image")
        return DataSet(
            ids=read_ids(file),
            image=image,
            mask=PictureReader.whole(path, "mask"),
            labelled=file["labelled"][()],
            marks=PictureReader.whole(path, "marks"),
            native_size=file["native_size"][()],
            native_masks=NamedPictures(path, "native_mask"),
            set=list(file["set"].asstr()[()]),
            file=list(file["file"].asstr()[()]),
            large=LargeImages(NamedPictures(path, LARGE, image), int(file[LARGE_SIZE][()])) if LARGE in file else None,
            white=int(file[IMAGE_WHITE][()]) if IMAGE_WHITE in file else None,
            tile=int(file[TILE][()]) if TILE in file else None,
        )
