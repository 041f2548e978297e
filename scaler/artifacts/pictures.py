"""Pictures that stay on the disk: read one by one, in any process, so that memory does not grow with their number."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from scaler.artifacts.inflate import StoredPictures
from scaler.artifacts.opening import open_hdf5

U8 = NDArray[np.uint8]
OPEN_FILES = 64  # of one reader; the least recently used one is closed before another is opened


class Pictures(Protocol):
    """N pictures of one size: an array (N, H, W) or (N, H, W, 3), or a `PictureReader`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """N, height, width, and 3 for colour."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> Any:
        """One picture for a number; a stack for a slice or for a sequence of numbers."""

    def __iter__(self) -> Iterator[Any]: ...


class PictureReader:
    """Reads like an array of N pictures, (N, H, W) or (N, H, W, 3) uint8, in which each access goes to the disk.

    Each process opens the files when it first reads, so it can be handed to the workers of a `DataLoader`,
    by fork or by pickle. Pictures are read one at a time, which is faster than HDF5's own indexing by a list. At most
    `OPEN_FILES` files are open at a time.

    Args:
        paths: the HDF5 files.
        name: of the data set, the same in all files.
        file_of: (N,) for each picture the index of its file in `paths`.
        index_of: (N,) for each picture its position in that file.
    """

    def __init__(self, paths: Sequence[Path], name: str, file_of: ArrayLike, index_of: ArrayLike) -> None:
        self.paths = tuple(paths)
        self.name = name
        self.file_of = np.asarray(file_of, np.int32)
        self.index_of = np.asarray(index_of, np.int64)
        self._open: OrderedDict[int, StoredPictures] = OrderedDict()
        self._process = os.getpid()
        with open_hdf5(self.paths[0]) as file:
            self._picture_shape: tuple[int, ...] = file[name].shape[1:]

    @classmethod
    def whole(cls, path: Path, name: str) -> PictureReader:
        """All pictures of one data set."""
        with open_hdf5(path) as file:
            count = len(file[name])
        return cls([path], name, np.zeros(count, np.int32), np.arange(count))

    def subset(self, chosen: ArrayLike) -> PictureReader:
        """The pictures at the given positions, in that order, still on the disk."""
        positions = np.asarray(chosen, np.int64)
        return PictureReader(self.paths, self.name, self.file_of[positions], self.index_of[positions])

    @property
    def shape(self) -> tuple[int, ...]:
        """N, height, width, and 3 for colour."""
        return len(self), *self._picture_shape

    def __len__(self) -> int:
        return len(self.index_of)

    def __iter__(self) -> Iterator[U8]:
        return (self._read(number) for number in range(len(self)))

    def __getitem__(self, index: Any, /) -> U8:
        """One picture for a number; a new stack for a slice or for a sequence of numbers."""
        chosen = np.arange(len(self))[index]
        if chosen.ndim == 0:
            return self._read(int(chosen))
        stack = np.empty((len(chosen), *self._picture_shape), np.uint8)
        for place, number in enumerate(chosen.tolist()):
            stack[place] = self._read(number)
        return stack

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All pictures in memory: what `np.asarray` gives."""
        return self[:] if dtype is None else self[:].astype(dtype)

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_open": OrderedDict()}

    def _read(self, number: int) -> U8:
        return self._data_set(int(self.file_of[number])).read(int(self.index_of[number]))

    def _data_set(self, file: int) -> StoredPictures:
        if self._process != os.getpid():  # after a fork: a handle of HDF5 must not be shared
            self._open, self._process = OrderedDict(), os.getpid()
        if file not in self._open:
            if len(self._open) >= OPEN_FILES:
                self._open.popitem(last=False)[1].close()
            self._open[file] = StoredPictures(open_hdf5(self.paths[file])[self.name])
        self._open.move_to_end(file)
        return self._open[file]


class NamedPictures(Sequence[U8]):
    """Pictures of different sizes, each a data set of its own, named by its number in one group of a file.

    Args:
        path: the HDF5 file.
        group: its name.
        otherwise: where a picture that the group lacks is read; None: the group has all of them.
    """

    def __init__(self, path: Path, group: str, otherwise: Pictures | None = None) -> None:
        self.path, self.group, self.otherwise = path, group, otherwise
        if otherwise is not None:
            self._count = len(otherwise)
        else:
            with open_hdf5(path) as file:
                self._count = len(file[group])
        self._open: h5py.Group | None = None
        self._process = os.getpid()

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any, /) -> Any:
        """One picture for a number, a list for a slice."""
        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        number = range(len(self))[index]
        if self._open is None or self._process != os.getpid():
            self._open, self._process = open_hdf5(self.path)[self.group], os.getpid()
        if self.otherwise is not None and str(number) not in self._open:
            return self.otherwise[number]
        return np.asarray(self._open[str(number)], np.uint8)

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_open": None}
