"""Folders of index or colour masks, of which some values are the object."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from scaler.data.decode import Decoded, decode
from scaler.data.images import read_mask
from scaler.errors import ScalerError
from scaler.exchange.pictures import pictures_by_id
from scaler.exchange.shapes import U8, Annotated, Area, Document, Options, Size

OBJECT = "object"
MOST = 12


def read_masks(source: Path, options: Options) -> Document:
    """One mask per image, of the same name (plus `options.mask_suffix`); what is not object is background.

    With `values` the stored numbers decide (palette indexes, grey levels), with `colours` the RGB colours; without
    either the masks must be two-valued already.

    Raises:
        ScalerError: no masks, no images folder, a chosen value or colour that no mask has, a lossy or broken file.
    """
    if not source.is_dir():
        raise ScalerError(f"{source}: no such folder; expected a folder of masks.")
    if options.images is None:
        raise ScalerError("masks: the images of these masks are needed; say where they lie by --images DIR.")
    masks = {_id(stem, path, options): path for stem, path in pictures_by_id(source).items()}
    pictures = pictures_by_id(options.images)
    if not masks:
        raise ScalerError(f"{source}: no mask in this folder.")
    _check_chosen(masks, options)
    images = []
    for key, path in sorted(masks.items()):
        if key not in pictures:
            raise ScalerError(
                f"{path}: no image {options.images / key} with a suffix such as .jpg; mend --images or --mask-suffix."
            )
        name = pictures[key].relative_to(options.images).as_posix()
        area = Area(OBJECT, str(path), partial(_paint, path, options), np.empty((0, 2)), "mask")
        images.append(Annotated(name, str(path), None, (area,), True, beside=options.images, complete=True))
    return Document(images, [OBJECT], sorted(masks.values()), [], scan=options.images)


def _id(stem: str, path: Path, options: Options) -> str:
    if not stem.endswith(options.mask_suffix):
        raise ScalerError(f"{path}: the name does not end in {options.mask_suffix!r} (--mask-suffix).")
    return stem.removesuffix(options.mask_suffix)


def _paint(path: Path, options: Options, size: Size) -> U8:
    if not options.values and not options.colours:
        mask = read_mask(path)
    else:
        decoded = _lossless(path)
        mask = np.zeros(decoded.values.shape[:2], np.uint8)
        if options.values:
            mask |= np.isin(_indexes(path, decoded), options.values)
        for colour in options.colours:
            mask |= (_colours(decoded) == colour).all(axis=2)
    if mask.shape != size:
        raise ScalerError(
            f"{path}: {mask.shape[1]} x {mask.shape[0]} pixels, but the image has {size[1]} x {size[0]}; "
            "export the mask again at the image's size."
        )
    return mask


def _check_chosen(masks: dict[str, Path], options: Options) -> None:
    """A value that occurs nowhere is a slip of the pen."""
    seen: set[int] = set()
    colours: set[tuple[int, ...]] = set()
    for path in masks.values() if options.values or options.colours else ():
        decoded = _lossless(path)
        if options.values:
            seen |= {int(value) for value in np.unique(_indexes(path, decoded))}
        if options.colours:
            found = np.unique(_colours(decoded).reshape(-1, 3), axis=0)
            colours |= {tuple(int(v) for v in colour) for colour in found}
    for kind, chosen, present in (("value", set(options.values), seen), ("colour", set(options.colours), colours)):
        if missing := sorted(chosen - present):
            there = ", ".join(str(entry) for entry in sorted(present)[:MOST])
            raise ScalerError(
                f"no mask has the {kind} {missing[0]}; there are {there}{', ...' if len(present) > MOST else ''}."
            )


def _lossless(path: Path) -> Decoded:
    decoded = decode(path)
    if decoded.lossy:
        raise ScalerError(f"{path}: a JPEG blurs values and colours; export the masks as PNG.")
    return decoded


def _indexes(path: Path, decoded: Decoded) -> U8:
    values = decoded.values if decoded.palette is not None else decoded.grey()
    if values is None:
        raise ScalerError(f"{path}: a mask in colour has no index values; choose by --colours.")
    return values  # type: ignore[return-value]


def _colours(decoded: Decoded) -> U8:
    if decoded.palette is not None:
        return decoded.palette[decoded.values]
    values = decoded.values.astype(np.uint32) * 255 // decoded.top
    return np.asarray(values if values.ndim == 3 else np.repeat(values[..., None], 3, axis=2), np.uint8)
