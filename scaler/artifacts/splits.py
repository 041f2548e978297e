"""The layout of prepared data: a split's images with their masks and marks, and the truth of the training images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.hdf5 import read_ids, write_column, write_ids, write_image, write_images, write_strings
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


def write_data(file: h5py.File, data: DataSet) -> None:
    """Write a split."""
    write_ids(file, data.ids)
    write_images(file, "image", data.image)
    write_images(file, "mask", data.mask, top=1)
    write_images(file, "marks", data.marks, top=2)
    write_column(file, "labelled", data.labelled)
    write_column(file, "native_size", data.native_size)
    write_strings(file, "set", data.set or [""] * len(data.ids))
    write_strings(file, "file", data.file or [""] * len(data.ids))
    for name, value in ((IMAGE_WHITE, data.white), (TILE, data.tile)):
        if value is not None:
            file.create_dataset(name, data=value, track_times=False)  # no attribute: it is part of the content
    group = file.create_group("native_mask")
    for number, mask in enumerate(data.native_masks):  # by position, since an id may hold a slash
        write_image(group, str(number), mask, top=1)
    if data.large is not None:
        _write_large(file, data.large, data.image.shape[1])


def _write_large(file: h5py.File, large: LargeImages, size: int) -> None:
    """The pixels of each image that `image` does not hold as they are."""
    file.create_dataset(LARGE_SIZE, data=np.int32(large.side), track_times=False)
    group = file.create_group(LARGE)
    for number, row in enumerate(large.rows.tolist()):
        pixels = large.pixels[row]
        if pixels.shape[:2] != (size, size):
            write_image(group, str(number), pixels)


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


def write_truth(file: h5py.File, ids: Sequence[str], mask: Pictures, known: NDArray[np.bool_]) -> None:
    """Write the truth of the training images, (N, S, S) uint8 {0, 1}, for evaluation and report only."""
    write_ids(file, ids)
    write_images(file, "mask", mask, top=1)
    write_column(file, "known", known)
