"""Images, masks and marks from files, in one meaning whatever the file's convention; unclear files are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scaler.data.decode import Decoded, Samples, decode
from scaler.errors import ScalerError

NEAR = 7  # JPEG leaves 0 and 255 within this distance
LOSSY_THRESHOLD = 128
LOSSY_GREY_SPREAD = 16  # a grey JPEG's channels differ by rounding only
PHOTO_SHARE = 0.25  # even thin vessels leave less than this share of a JPEG mask between black and white
MASK_CURE = "Save the mask as PNG with 0 for background and 255 for the object."

U8 = NDArray[np.uint8]
Convention = Literal["auto", "fg1_bg2", "fg1_bg0_unknown255"]


def read_image(path: Path) -> U8:
    """An image as (H, W, 3) uint8 RGB, turned upright.

    Grey is repeated in all channels, transparency is dropped (the colour below it stays), 16 bits become 8 by
    round(v / 257), fewer bits are stretched exactly.

    Raises:
        ScalerError: see `scaler.data.decode.decode`.
    """
    decoded = decode(path)
    if decoded.palette is not None:
        return decoded.palette[decoded.values]
    values = _eight_bits(decoded.values, decoded.top)
    return values if values.ndim == 3 else np.repeat(values[..., None], 3, axis=2)


def read_mask(path: Path) -> U8:
    """A mask as (H, W) uint8 {0, 1}, turned upright.

    Read are 0 and 1; black and white at any bit depth, up to 7 of 255 away from either; JPEG, cut at 128; two palette
    indexes or two colours, of which black, or else index 0, is background.

    Raises:
        ScalerError: as for images, or values that leave the meaning open (between black and white in a lossless file,
            more than two classes, a shape in the transparency channel); the message names the values.
    """
    decoded = decode(path)
    if decoded.palette is not None:
        return _palette_mask(path, decoded.values, decoded.palette)
    grey = decoded.grey(LOSSY_GREY_SPREAD if decoded.lossy else 0)
    if grey is None:
        return _colour_mask(path, decoded)
    _refuse_shape_in_alpha(path, decoded, grey)
    histogram = np.bincount(grey.ravel(), minlength=decoded.top + 1)
    if decoded.lossy:
        return _lossy_mask(path, grey, histogram)
    used = np.flatnonzero(histogram)
    if not _is_two_valued(used, decoded.top):
        raise ScalerError(
            f"{path}: expected a mask of 0 and 1 or 0 and 255, got the values {_listed(used)}. {MASK_CURE}"
        )
    return _table(used, decoded.top)[grey]


def read_marks(path: Path, convention: Convention = "auto") -> U8:
    """Sparse marks as (H, W) uint8 {0 unknown, 1 foreground, 2 background}, turned upright.

    Args:
        path: a lossless file; with a palette, the indexes are the values, or else its grey colours.
        convention: `fg1_bg2` (0 unknown), `fg1_bg0_unknown255`, or `auto`: the one that the values allow.

    Raises:
        ScalerError: as for images, a JPEG, values outside the convention, or values that both conventions allow.
    """
    decoded = decode(path)
    if decoded.lossy:
        raise ScalerError(f"{path}: marks in a JPEG are blurred by its compression; export them again as PNG.")
    values = _mark_values(path, decoded)
    used = {int(v) for v in np.flatnonzero(np.bincount(values.ravel()))}
    chosen = _convention_of(path, used) if convention == "auto" else convention
    allowed = {0, 1, 2} if chosen == "fg1_bg2" else {0, 1, 255}
    if not used <= allowed:
        raise ScalerError(
            f"{path}: marks of the convention {chosen} hold only {_listed(sorted(allowed))}, "
            f"got {_listed(sorted(used))}. Mend the file, or set prepare_data.marks_convention."
        )
    if chosen == "fg1_bg2":
        return values.astype(np.uint8)
    return np.where(values == 255, 0, 2 - values.astype(np.int32)).astype(np.uint8)


def _eight_bits(values: Samples, top: int) -> U8:
    if top == 255:
        return values.astype(np.uint8)
    scaled = (values.astype(np.uint32) * 255 + top // 2) // top
    return scaled.astype(np.uint8)


def _is_two_valued(used: NDArray[np.intp], top: int) -> bool:
    low, high = int(used[0]), int(used[-1])
    if high <= 1 or set(used.tolist()) in ({0, 255}, {255}):
        return True
    step = top // 255 or 1
    near = NEAR * step if top >= 255 else 0
    if set(used.tolist()) == {0, 1, top}:
        return False  # 1 is an object and the top value "ignore" as likely as noise
    is_clean = bool(np.all((used <= near) | (used >= top - near)))
    return is_clean and (high >= top - near) and (low <= near or low >= top - near)


def _table(used: NDArray[np.intp], top: int) -> U8:
    cut = 1 if used[-1] <= 1 else (int(used[-1]) + 1) // 2
    return (np.arange(top + 1) >= cut).astype(np.uint8)


def _lossy_mask(path: Path, grey: Samples, histogram: NDArray[np.intp]) -> U8:
    used = np.flatnonzero(histogram)
    if 0 < used[-1] <= NEAR:
        raise ScalerError(
            f"{path}: a JPEG with the values {_listed(used)} only: its object, if any, is lost. {MASK_CURE}"
        )
    middle = histogram[LOSSY_THRESHOLD // 2 : 256 - LOSSY_THRESHOLD // 2].sum() / grey.size
    if middle > PHOTO_SHARE:
        raise ScalerError(
            f"{path}: {middle:.0%} of the pixels are neither black nor white: a photograph or a soft map, "
            f"no mask. {MASK_CURE}"
        )
    return (grey >= LOSSY_THRESHOLD).astype(np.uint8)


def _palette_mask(path: Path, indexes: Samples, palette: U8) -> U8:
    used = np.flatnonzero(np.bincount(indexes.ravel(), minlength=256))
    colours = palette[used]
    levels = np.unique(colours[:, 0])
    if (colours == colours[:, :1]).all() and _is_two_valued(levels.astype(np.intp), 255):
        return _table(levels.astype(np.intp), 255)[palette[:, 0]][indexes]
    background = _black_or_none(colours)
    if background is None and used[0] == 0:
        background = 0
    if len(used) > 2 or (background is None and not (len(used) == 1 and used[0] > 0)):
        raise ScalerError(
            f"{path}: expected a palette mask of two indexes, 0 or black being background; got the indexes "
            f"{_listed(used)} with the colours {_named(colours)}. {MASK_CURE}"
        )
    table = np.ones(256, np.uint8)
    if background is not None:
        table[used[background]] = 0
    return table[indexes]


def _colour_mask(path: Path, decoded: Decoded) -> U8:
    codes = decoded.values.astype(np.int64) @ np.asarray([1 << 32, 1 << 16, 1])
    used = np.unique(codes)
    if decoded.lossy or len(used) > 2 or used[0] != 0:
        seen = "a JPEG in colour" if decoded.lossy else f"{len(used)} colours"
        raise ScalerError(f"{path}: expected black and one other colour, got {seen}. {MASK_CURE}")
    return np.asarray(codes != 0, np.uint8)


def _refuse_shape_in_alpha(path: Path, decoded: Decoded, grey: Samples) -> None:
    alpha = decoded.alpha
    if alpha is not None and alpha.min() != alpha.max() and grey.min() == grey.max():
        raise ScalerError(
            f"{path}: the shape is in the transparency channel, the colour is the same all over. {MASK_CURE}"
        )


def _mark_values(path: Path, decoded: Decoded) -> Samples:
    if decoded.palette is None:
        grey = decoded.grey()
        if grey is None:
            raise ScalerError(f"{path}: marks in colour; export them as grey or palette PNG with 0, 1, 2 or 0, 1, 255.")
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
        raise ScalerError(
            f"{path}: marks with the values {_listed(sorted(used))} may be unknown and foreground, or background "
            "and the rest. Say which by prepare_data.marks_convention: fg1_bg2 or fg1_bg0_unknown255 in params.yaml "
            "(a full mask belongs into the masks folder)."
        )
    raise ScalerError(
        f"{path}: expected marks of 1 foreground, 2 background, 0 unknown, or of 1 foreground, 0 background, "
        f"255 unknown; got the values {_listed(sorted(used))}. Mend the file; prepare_data.marks_convention chooses "
        "between these two."
    )


def _black_or_none(colours: U8) -> int | None:
    black = np.flatnonzero(~colours.any(axis=1))
    return int(black[0]) if len(black) == 1 else None


def _listed(values: NDArray[np.intp] | list[int], most: int = 8) -> str:
    shown = ", ".join(str(int(v)) for v in values[:most])
    return shown if len(values) <= most else f"{shown}, ... ({len(values)} different values)"


def _named(colours: U8, most: int = 4) -> str:
    return ", ".join(f"({r}, {g}, {b})" for r, g, b in colours[:most].tolist()) + (
        ", ..." if len(colours) > most else ""
    )
