"""Label Studio's masks: brushes and bitmasks. Of both the alpha channel is the mask.

A bitmask is a PNG. A brush is run-length packed bits of an RGBA image, most significant first: 32 bits, the number of
values (4 H W); 5 bits, the word size - 1; four times 4 bits, the four widths - 1 of a length. Then blocks until all
values are there: 1 bit, whether one value repeats; 2 bits, which width; the length - 1 in that width; the value once,
or one value per step.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from scaler.exchange.parsing import broken, wh
from scaler.exchange.raster import runs
from scaler.exchange.shapes import U8, Size

WIDTHS = (3, 4, 8, 16)
WORD = 8


class _Bits:
    """Reads numbers from packed bits."""

    def __init__(self, data: bytes) -> None:
        self._text = "".join(f"{byte:08b}" for byte in data)
        self._at = 0

    def next(self, width: int) -> int:
        piece = self._text[self._at : self._at + width]
        if len(piece) < width:
            raise EOFError
        self._at += width
        return int(piece, 2)


def decode_brush(rle: Sequence[object], size: Size, where: str) -> U8:
    """(H, W) uint8 {0, 1} from the bytes of a brush; a pixel is set where its alpha is 128 or more.

    Raises:
        ScalerError: not bytes, another size than H x W, or an end too early.
    """
    at, total = f"{where}: brush RLE", size[0] * size[1] * 4
    try:
        bits = _Bits(bytes(rle))  # type: ignore[arg-type]
        stated = bits.next(32)
        if stated == total:
            return (_blocks(bits, total)[3::4] >= 128).astype(np.uint8).reshape(size)
    except (TypeError, ValueError):
        raise broken(at, "expected a list of whole numbers from 0 to 255") from None
    except EOFError:
        raise broken(at, "ends too early", "export the file again", "run_lengths") from None
    reason = f"holds {stated} values, but {wh(size)} pixels have {total}"
    raise broken(at, reason, "annotate the image as it is now, or export again", "size_differs")


def decode_bitmask(data: bytes, size: Size, where: str) -> U8:
    """(H, W) uint8 {0, 1} from the PNG of a bitmask: Label Studio paints black on a transparent ground.

    A PNG that is opaque everywhere, as converters write them, is the object where it is not black; one of a single
    colour is object everywhere.

    Raises:
        ScalerError: no PNG, or another size than H x W.
    """
    at = f"{where}: imageDataURL"
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            alpha, grey = np.asarray(image.convert("RGBA"))[..., 3], np.asarray(image.convert("L"))
    except Exception:  # decoders of damaged files raise whatever they like
        raise broken(at, "not a PNG image", "export the file again") from None
    if grey.shape != size:
        reason = f"an image of {wh(grey.shape)} pixels for one of {wh(size)}"
        raise broken(at, reason, "annotate the image as it is now, or export again", "size_differs")
    is_opaque = (alpha == 255).all() and grey.min() < grey.max()
    return (grey > 0 if is_opaque else alpha >= 128).astype(np.uint8)


def _blocks(bits: _Bits, total: int) -> U8:
    word = bits.next(5) + 1
    widths = [bits.next(4) + 1 for _ in range(4)]
    values = np.zeros(total, np.uint8)
    at = 0
    while at < total:
        repeats = bits.next(1)
        end = min(total, at + 1 + bits.next(widths[bits.next(2)]))
        if repeats:
            values[at:end] = min(255, bits.next(word))
        else:
            values[at:end] = [min(255, bits.next(word)) for _ in range(end - at)]
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
