"""TIFF files to samples: every arrangement of planes, tiles, bits and compression that tifffile reads."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import COMPRESSION, PHOTOMETRIC, TiffFile, TiffPage

from scaler.data.samples import Decoded, Samples, turned

ORIENTATION = 274
LOSSY = (COMPRESSION.OJPEG, COMPRESSION.JPEG, COMPRESSION.JPEG_LOSSY, COMPRESSION.WEBP)
BY_PILLOW = (PHOTOMETRIC.SEPARATED, PHOTOMETRIC.CIELAB, PHOTOMETRIC.ICCLAB, PHOTOMETRIC.YCBCR)
REDUCED, TRANSPARENCY = 1, 4  # bits of NewSubfileType: thumbnails and pyramid levels, masks of another page


class NotOneImage(Exception):
    """The file is sound, but cannot be used as one image; the message says why, and the second argument what to do."""


def decode_tiff(data: bytes) -> Decoded | None:
    """The only image of a TIFF, upright; None for colour spaces that Pillow converts (CMYK, Lab, subsampled YCbCr).

    Raises:
        NotOneImage: several pages, channels that are not colours, or samples that are not whole numbers of 16 bits.
        Exception: whatever tifffile and its codecs raise for a damaged file.
    """
    with TiffFile(io.BytesIO(data)) as file:
        pages = [page for page in file.pages if not _subfile(page) & (REDUCED | TRANSPARENCY)]
        page = pages[0].aspage() if pages else file.pages.first
        for item in pages:
            _check_complete(item.aspage(), len(data))
        if len(pages) > 1:
            return _planes_of_ome(file, page, len(pages))
        if page.photometric in BY_PILLOW and page.compression not in LOSSY:
            return None
        if page.photometric == PHOTOMETRIC.SEPARATED:
            return None
        values = page.asarray()
        if page.planarconfig == 2 and page.samplesperpixel > 1:
            values = np.moveaxis(values.reshape(page.samplesperpixel, *values.shape[-2:]), 0, -1)
        return _decoded(page, values)


def _subfile(page: Any) -> int:
    return int(page.aspage().subfiletype)


def _check_complete(page: TiffPage, size: int) -> None:
    """tifffile fills what lies behind the end of a file with zeros."""
    ends = [start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=False)]
    if not ends or max(ends) > size:
        raise ValueError("the file ends before its image does")


def _planes_of_ome(file: TiffFile, page: TiffPage, pages: int) -> Decoded:
    """Channels that OME stores in a page each; other files of several pages are refused."""
    remedy = "export each page as a file of its own"
    series = file.series[0] if file.is_ome and len(file.series) == 1 else None
    sizes = {} if series is None else dict(zip(series.axes, series.shape, strict=True))
    planes = {axis for axis, size in sizes.items() if size > 1}
    if series is None or planes != {"C", "Y", "X"} or sizes["C"] != 3:
        what = "" if series is None else f" (axes {series.axes}, shape {series.shape})"
        raise NotOneImage(f"holds {pages} pages or frames{what}, expected one", remedy)
    values = series.asarray().reshape(3, sizes["Y"], sizes["X"])
    return _decoded(page, np.moveaxis(values, 0, -1))


def _decoded(page: TiffPage, values: NDArray[Any]) -> Decoded:
    """Samples in the order and polarity of `Decoded`; `values` is (H, W) or (H, W, samples)."""
    whole, top = _whole(values, _bits(page))
    samples: Any = whole.reshape(page.imagelength, page.imagewidth, -1)
    channels = samples.shape[2]
    if channels > 4:
        raise NotOneImage(f"{channels} channels, expected grey or RGB", "export the three that show the object as RGB")
    if page.photometric == PHOTOMETRIC.MINISWHITE:
        samples = np.subtract(samples.dtype.type(top), samples)
    tag = page.tags.get(ORIENTATION)
    samples = turned(samples, int(tag.value) if tag else 1)
    lossy = page.compression in LOSSY
    if page.photometric == PHOTOMETRIC.PALETTE and page.colormap is not None:
        return _with_palette(page, samples[..., 0], lossy)
    alpha = samples[..., -1] if channels in (2, 4) else None
    colour = samples[..., 0] if channels < 3 else np.ascontiguousarray(samples[..., :3])
    return Decoded(colour, top, None, alpha, lossy)


def _bits(page: TiffPage) -> int:
    bits: Any = page.bitspersample
    return int(max(bits)) if isinstance(bits, tuple) else int(bits)


def _whole(values: NDArray[Any], bits: int) -> tuple[Samples, int]:
    """The samples as uint8 or uint16, and the greatest value that they can have."""
    if values.dtype == np.bool_:
        return values.astype(np.uint8), 1
    if values.dtype in (np.dtype(np.uint8), np.dtype(np.uint16)) and bits <= 16:
        return values, 2**bits - 1
    is_whole = values.dtype.kind in "iuf" and bool(np.all(np.isfinite(values)))
    if not is_whole or (values != np.rint(values)).any() or values.min() < 0 or values.max() > 65535:
        kind = "floating point" if values.dtype.kind in "fc" else "integer"
        reason = f"{bits}-bit {kind} samples, expected whole numbers from 0 to 65535"
        raise NotOneImage(reason, "save it with 8 or 16 bits per channel")
    if values.max() <= 255:
        return values.astype(np.uint8), 255
    return values.astype(np.uint16), 65535


def _with_palette(page: TiffPage, indexes: Samples, lossy: bool) -> Decoded:
    stored = np.asarray(page.colormap).T  # (colours, 3) of 16 bits; some writers use 8 of them
    colours = (stored if stored.max() <= 255 else stored // 257).astype(np.uint8)
    if len(colours) > 256:
        return Decoded(colours[indexes], 255, None, None, lossy)
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(colours)] = colours
    return Decoded(indexes.astype(np.uint8), 255, palette, None, lossy)
