"""Single pictures of a data set, inflated by libdeflate: several times as fast as HDF5 does it, to the same bytes."""

from __future__ import annotations

from contextlib import suppress

import h5py
import numpy as np
from numpy.typing import NDArray

from scaler.plain import is_plain

U8 = NDArray[np.uint8]


class StoredPictures:
    """N pictures (N, H, W) or (N, H, W, 3) of one open data set.

    Args:
        data: uint8. Where each picture is a chunk of its own that was only deflated, and `SCALER_PLAIN=labels` is not
            set, libdeflate reads it; HDF5 reads all others.
    """

    def __init__(self, data: h5py.Dataset) -> None:
        self.data = data
        # Shuffling changes nothing where a value is one byte.
        single = data.dtype == np.uint8 and data.chunks == (1, *data.shape[1:])
        self._deflated = single and data.compression == "gzip" and not data.fletcher32 and not is_plain("labels")
        self._shape = data.shape[1:]

    def read(self, number: int) -> U8:
        """A new array.

        Raises:
            OSError: the picture is damaged.
        """
        if self._deflated:
            # Not for a picture of zeros, which has no chunk (MemoryError), nor for a damaged one: HDF5 says so below.
            with suppress(MemoryError, RuntimeError, ValueError):
                return self._inflated(number)
        return np.asarray(self.data[number], np.uint8)

    def _inflated(self, number: int) -> U8:
        from imagecodecs import deflate_decode

        skipped, chunk = self.data.id.read_direct_chunk((number, *(0 for _ in self._shape)))
        if skipped:
            raise ValueError("the chunk has not gone through all filters")
        out = np.empty(int(np.prod(self._shape)), np.uint8)
        if len(deflate_decode(chunk, out=out.data)) != out.size:
            raise OSError(f"picture {number} of {self.data.name} is cut short")  # HDF5 would not notice
        return out.reshape(self._shape)

    def close(self) -> None:
        """Close its file."""
        self.data.file.close()
