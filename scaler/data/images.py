"""Images, masks and marks from files, in one meaning whatever the file's convention; unclear files are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from scaler.data.decode import decode
from scaler.data.samples import Decoded, Samples
from scaler.errors import Fault, ScalerError

THRESHOLD = 128  # of 255: where grey masks are cut
DIM = 0.1  # of the range of 16 bits
NEAR = 7  # of 255: JPEG leaves black and white within this distance
GREY_SPREAD = 16  # of 255: channels of a grey JPEG differ by rounding only
MIDDLE = (64, 192)  # of 255: values that edges hold little of
PHOTO_SHARE = 0.25  # even thin vessels leave less than this share of a mask in the middle
NEAR_LOSSY = 24  # of 255: flat areas that lossy compression shifts
LEVEL_SHARE = 0.002  # flat areas above this share of the image are a class of their own, not an edge
REMEDY = "save the mask as PNG with 0 for background and 255 for the object"

U8 = NDArray[np.uint8]
Convention = Literal["auto", "fg1_bg2", "fg1_bg0_unknown255"]


def read_image(path: Path, white: int | None = None) -> U8:
    """An image as (H, W, 3) uint8 RGB, turned upright.

    Grey is repeated in all channels, transparency is dropped (the colour below it stays), 16 bits become 8 by
    round(v / 257), fewer bits are stretched exactly.

    Args:
        path: any format of `scaler.data.decode`.
        white: the value of images of more than 8 bits that becomes 255, such as 4095 for 12-bit data in a 16-bit file;
            None: the greatest value that the file can hold. What is brighter becomes 255.

    Raises:
        ScalerError: see `scaler.data.decode.decode`.
    """
    return image_of(decode(path), white)


def image_of(decoded: Decoded, white: int | None = None) -> U8:
    """As `read_image`, for a file that is decoded already."""
    if decoded.palette is not None:
        return decoded.palette[decoded.values]
    values, top = decoded.values, decoded.top
    if white is not None and top > 255:
        values, top = np.minimum(values, white), white
    values = eight_bits(values, top)
    return values if values.ndim == 3 else np.repeat(values[..., None], 3, axis=2)


def is_dim(top: int, greatest: int) -> bool:
    """Whether an image of more than 8 bits uses so little of its range (0 to `top`) that it comes out nearly black."""
    return top > 255 and greatest <= DIM * top


def read_mask(path: Path, threshold: int = THRESHOLD) -> U8:
    """A mask as (H, W) uint8 {0, 1}, turned upright.

    Values 0 and 1 are taken as they are. Grey values, such as anti-aliased edges or JPEG noise, are cut at
    `threshold`. Of two palette indexes or two colours, black, or else index 0, is background.

    Args:
        path: any format of `scaler.data.decode`.
        threshold: 1 to 255, on the scale of 8 bits; from this value on a pixel is foreground.

    Raises:
        ScalerError: the file cannot be decoded, or it cannot be a mask: areas of more than two values, a photograph or
            soft map, nothing above the threshold, or a shape in the transparency channel.
    """
    return mask_of(decode(path), path, threshold)


def mask_of(decoded: Decoded, path: Path, threshold: int = THRESHOLD) -> U8:
    """As `read_mask`, for a file that is decoded already."""
    grey = grey_values(decoded)
    if grey is None:
        return _palette_mask(path, decoded) if decoded.palette is not None else _colour_mask(path, decoded)
    _refuse_shape_in_alpha(path, decoded, grey)
    used = _used(grey)
    if used[-1] <= 1 and not (decoded.lossy and used[-1] == 1):
        return grey.astype(np.uint8)
    values = eight_bits(grey, min(decoded.top, 255) if used[-1] <= 255 else decoded.top)  # 255 occurs in 16 bits, too
    _check_grey(path, values, used, decoded.lossy, threshold)
    return (values >= threshold).astype(np.uint8)


def grey_values(decoded: Decoded) -> Samples | None:
    """(H, W) samples of a grey file, of colours that are all grey, or of a palette of greys; else None."""
    if decoded.palette is None:
        return decoded.grey(GREY_SPREAD)
    used = np.unique(decoded.values)
    colours = decoded.palette[used]
    is_grey = bool((colours == colours[:, :1]).all())
    return decoded.palette[decoded.values][..., 0] if is_grey and len(np.unique(colours)) == len(used) else None


def read_marks(path: Path, convention: Convention = "auto") -> U8:
    """Sparse marks as (H, W) uint8 {0 unknown, 1 foreground, 2 background}, turned upright.

    Args:
        path: a lossless file; with a palette, the indexes are the values, or else its grey colours.
        convention: `fg1_bg2` (0 unknown), `fg1_bg0_unknown255`, or `auto`: the one that the values allow.

    Raises:
        ScalerError: the file cannot be decoded, is a JPEG, has values outside the convention, or, with `auto`, values
            that both conventions allow.
    """
    decoded = decode(path)
    if decoded.lossy:
        raise _refused("marks_lossy", path, "the compression blurs marks", "export them again as PNG")
    values = _mark_values(path, decoded)
    used = {int(v) for v in np.unique(values)}
    chosen = _convention_of(path, used) if convention == "auto" else convention
    allowed = {0, 1, 2} if chosen == "fg1_bg2" else {0, 1, 255}
    if not used <= allowed:
        expected, got = listed(sorted(allowed)), listed(sorted(used))
        reason = f"expected marks of the convention {chosen} ({expected}), found the values {got}"
        remedy = "correct the file, or change prepare_data.marks_convention"
        raise _refused("marks_values", path, reason, remedy)
    if chosen == "fg1_bg2":
        return values.astype(np.uint8)
    return np.where(values == 255, 0, 2 - values.astype(np.int32)).astype(np.uint8)


def eight_bits(values: Samples, top: int) -> U8:
    """Values in [0, top] as [0, 255], rounded."""
    if top == 255:
        return values.astype(np.uint8, copy=False)  # large images are not held twice
    scaled = (values.astype(np.uint32) * 255 + top // 2) // top
    return scaled.astype(np.uint8)


def listed(values: NDArray[np.generic] | list[int], most: int = 8) -> str:
    """The first values, for a message."""
    shown = ", ".join(str(v) for v in list(values)[:most])
    return shown if len(values) <= most else f"{shown}, ... ({len(values)} different values)"


def _refused(kind: str, path: Path, reason: str, remedy: str = REMEDY) -> ScalerError:
    return ScalerError(Fault(kind, (path,), reason, remedy))


def _check_grey(path: Path, values: U8, used: NDArray[np.generic], is_lossy: bool, threshold: int) -> None:
    """Refuse what cannot be a mask with grey edges."""
    got = f"expected a mask of 0 and 1 or 0 and 255, found the values {listed(used)}"
    if used[-1] > 0 and values.max() < threshold:
        remedy = f"{REMEDY}, or lower prepare_data.mask_threshold"
        raise _refused("mask_below_threshold", path, f"{got}, all below the threshold {threshold}", remedy)
    low = [v for v in used.tolist() if v <= NEAR]
    if not is_lossy and low == list(range(len(low))) and len(low) > 1 and len(used) == len(low) + 1:
        raise _refused("mask_classes", path, f"{got}: small values may be classes or 'ignore'")
    middle = float(((values >= MIDDLE[0]) & (values < MIDDLE[1])).mean())
    levels = _levels(values, NEAR_LOSSY if is_lossy else NEAR)
    if len(levels) > 2 or (len(levels) == 2 and levels[1] < threshold):
        reason = f"{got}, and flat areas of {listed(levels)}: more than two classes"
        raise _refused("mask_classes", path, reason)
    if middle > PHOTO_SHARE and not (len(levels) == 2 and len(used) == 2):
        reason = f"{got}, and {middle:.0%} of the pixels are neither dark nor bright: a photograph or a soft map"
        raise _refused("mask_soft", path, reason)


def _used(samples: NDArray[Any]) -> NDArray[Any]:
    """The values that occur, in order."""
    if samples.dtype != np.uint8:
        return np.unique(samples)
    return np.flatnonzero(_histogram(np.ascontiguousarray(samples))).astype(np.uint8)


def _histogram(values: U8, mask: U8 | None = None) -> NDArray[np.float32]:
    """(256,) how many pixels have each value, of all or of those where the mask is not 0."""
    return np.asarray(cv2.calcHist([values], [0], mask, [256], [0, 256])[:, 0], np.float32)


def _levels(values: U8, near: int) -> list[int]:
    """Values that fill areas: flat in a 3 x 3 neighbourhood; what is `near` to black or white counts as these."""
    square = np.ones((3, 3), np.uint8)
    flat = np.asarray(cv2.compare(cv2.erode(values, square), cv2.dilate(values, square), cv2.CMP_EQ), np.uint8)
    flat[[0, -1]] = flat[:, [0, -1]] = 0
    counts = _histogram(values, flat)
    levels: list[int] = [0] * bool(counts[: near + 1].any())
    levels += [v for v in range(near + 1, 255 - near) if counts[v] > LEVEL_SHARE * values.size]
    return levels + [255] * bool(counts[255 - near :].any())


def _palette_mask(path: Path, decoded: Decoded) -> U8:
    assert decoded.palette is not None
    used = np.unique(decoded.values)
    colours = decoded.palette[used]
    background = _only_black(colours)
    if background is None and used[0] == 0:
        background = 0
    if len(used) > 2 or (background is None and not (len(used) == 1 and used[0] > 0)):
        reason = (
            "expected a palette mask of two indexes, 0 or black being background; found the indexes "
            f"{listed(used)} with the colours {_named(colours)}"
        )
        raise _refused("mask_classes", path, reason)
    table = np.ones(256, np.uint8)
    if background is not None:
        table[used[background]] = 0
    return table[decoded.values]


def _colour_mask(path: Path, decoded: Decoded) -> U8:
    codes = decoded.values.astype(np.int64) @ np.asarray([1 << 32, 1 << 16, 1])
    used = np.unique(codes)
    if decoded.lossy or len(used) > 2 or used[0] != 0:
        found = "a JPEG in colour" if decoded.lossy else f"{len(used)} colours"
        raise _refused("mask_colours", path, f"expected black and one other colour, found {found}")
    return np.asarray(codes != 0, np.uint8)


def _refuse_shape_in_alpha(path: Path, decoded: Decoded, grey: Samples) -> None:
    alpha = decoded.alpha
    if alpha is not None and alpha.min() != alpha.max() and grey.min() == grey.max():
        reason = "the shape is in the transparency channel, the colour is the same everywhere"
        raise _refused("mask_in_alpha", path, reason)


def _mark_values(path: Path, decoded: Decoded) -> Samples:
    if decoded.palette is None:
        grey = decoded.grey()
        if grey is None:
            remedy = "export them as grey or palette PNG with 0, 1, 2 or 0, 1, 255"
            raise _refused("marks_colours", path, "marks in colour", remedy)
        return grey
    if set(np.unique(decoded.values).tolist()) <= {0, 1, 2, 255}:
        return decoded.values
    return decoded.palette[decoded.values][..., 0]


def _convention_of(path: Path, used: set[int]) -> Convention:
    if used == {1} or (2 in used and used <= {0, 1, 2}):
        return "fg1_bg2"
    if used in ({255}, {1, 255}, {0, 1, 255}):
        return "fg1_bg0_unknown255"
    if used <= {0, 1} or used == {0, 255}:
        reason = (
            f"marks with the values {listed(sorted(used))} may be unknown and foreground, or background and the rest"
        )
        remedy = (
            "set prepare_data.marks_convention to fg1_bg2 or fg1_bg0_unknown255; a full mask belongs in the folder of "
            "masks"
        )
        raise _refused("marks_ambiguous", path, reason, remedy)
    reason = (
        "expected marks of 1 foreground, 2 background, 0 unknown, or of 1 foreground, 0 background, 255 unknown; "
        f"found the values {listed(sorted(used))}"
    )
    remedy = "correct the file; prepare_data.marks_convention chooses between these two"
    raise _refused("marks_values", path, reason, remedy)


def _only_black(colours: U8) -> int | None:
    black = np.flatnonzero(~colours.any(axis=1))
    return int(black[0]) if len(black) == 1 else None


def _named(colours: U8, most: int = 4) -> str:
    shown = ", ".join(f"({r}, {g}, {b})" for r, g, b in colours[:most].tolist())
    return shown + (", ..." if len(colours) > most else "")
