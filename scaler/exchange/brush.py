"""Label Studio's brush masks: run-length packed bits of an RGBA image, of which the alpha channel is the mask.

A stream of bits, most significant first: 32 bits, the number of values (4 H W); 5 bits, the word size - 1; four times 4
bits, the four widths - 1 of a length. Then blocks until all values are there: 1 bit, whether one value repeats; 2 bits,
which width; the length - 1 in that width; the value once, or one value per step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scaler.errors import ScalerError
from scaler.exchange.raster import runs
from scaler.exchange.shapes import U8, Size

WIDTHS = (3, 4, 8, 16)
WORD = 8


class _Bits:
    """Reads numbers from packed bits."""

    def __init__(self, data: bytes) -> None:
        self._text = "".join(f"{byte:08b}" for byte in data)
        self._at = 0

    def take(self, width: int) -> int:
        piece = self._text[self._at : self._at + width]
        if len(piece) < width:
            raise EOFError
        self._at += width
        return int(piece, 2)


def decode_brush(rle: Sequence[object], size: Size, where: str) -> U8:
    """(H, W) uint8 {0, 1} from the bytes of a brush; a pixel is set where its alpha is 128 or more.

    Raises:
        ScalerError: no bytes, another size than H x W, or an end too early.
    """
    try:
        bits = _Bits(bytes(rle))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ScalerError(f"{where}: brush RLE: expected a list of whole numbers from 0 to 255.") from None
    total = size[0] * size[1] * 4
    try:
        stated = bits.take(32)
        if stated != total:
            raise ScalerError(
                f"{where}: brush RLE: holds {stated} values, but {size[1]} x {size[0]} pixels have {total}; "
                "the image was changed after annotation, or the export is damaged."
            )
        values = _blocks(bits, total)
    except EOFError:
        raise ScalerError(f"{where}: brush RLE: ends too early; export the file again.") from None
    return (values[3::4] >= 128).astype(np.uint8).reshape(size)


def _blocks(bits: _Bits, total: int) -> U8:
    word = bits.take(5) + 1
    widths = [bits.take(4) + 1 for _ in range(4)]
    values = np.zeros(total, np.uint8)
    at = 0
    while at < total:
        repeats = bits.take(1)
        end = min(total, at + 1 + bits.take(widths[bits.take(2)]))
        if repeats:
            values[at:end] = min(255, bits.take(word))
        else:
            values[at:end] = [min(255, bits.take(word)) for _ in range(end - at)]
        at = end
    return values


def encode_brush(mask: U8) -> list[int]:
    """The bytes of a mask (H, W) {0, 1}, all four channels 0 or 255."""
    parts = [f"{mask.size * 4:032b}", f"{WORD - 1:05b}", *(f"{width - 1:04b}" for width in WIDTHS)]
    value = 0
    for length in runs(mask):
        left = length * 4
        while left > 0:
            step = min(left, 2 ** WIDTHS[-1])
            which = next(index for index, width in enumerate(WIDTHS) if step <= 2**width)
            parts.append(f"1{which:02b}{step - 1:0{WIDTHS[which]}b}{value:0{WORD}b}")
            left -= step
        value = 255 - value
    text = "".join(parts)
    text += "0" * (-len(text) % 8)
    return [int(text[at : at + 8], 2) for at in range(0, len(text), 8)]
