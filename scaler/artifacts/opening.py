"""How an artifact is opened to be read."""

from __future__ import annotations

from pathlib import Path

import h5py

NEUTRAL = True  # it decides about files, not about what is in them


def open_hdf5(path: Path) -> h5py.File:
    """An HDF5 file to read, without HDF5's own lock.

    Artifacts are replaced whole and never changed in place, so the lock guards nothing, and some file systems have
    none.

    Raises:
        OSError: not there, or not HDF5.
    """
    return h5py.File(path, "r", locking=False, rdcc_nbytes=0)  # no cache: a picture is one chunk, and is read whole
