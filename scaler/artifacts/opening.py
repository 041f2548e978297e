"""How an artifact is opened to be read."""

from __future__ import annotations

from pathlib import Path

import h5py

from scaler.artifacts.locking import NO_LOCKS

NEUTRAL = True  # it decides about files, not about what is in them


def open_hdf5(path: Path) -> h5py.File:
    """An HDF5 file to read; without HDF5's own lock where the file system has none.

    That lock guards nothing here, since artifacts are replaced whole and never changed in place.

    Raises:
        OSError: not there, or not HDF5.
    """
    try:
        return h5py.File(path, "r")
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return h5py.File(path, "r", locking=False)
