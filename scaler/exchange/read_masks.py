"""Folders of index or colour masks, of which some values are the object."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from scaler.data.decode import decode
from scaler.data.images import read_mask
from scaler.data.samples import Decoded
from scaler.errors import Fault, Faults, ScalerError
from scaler.exchange.image_files import files_by_id
from scaler.exchange.parsing import broken, wh
from scaler.exchange.shapes import U8, Annotated, Area, Document, ImportOptions, Size

OBJECT = "object"
MOST = 12


def read_masks(source: Path, options: ImportOptions, faults: Faults) -> Document:
    """One mask per image, of the same name (plus `options.mask_suffix`); what is not object is background.

    With `values` the stored numbers decide (palette indexes, grey levels), with `colours` the RGB colours; without
    either the masks must be two-valued already. Broken masks go to `faults`.

    Raises:
        ScalerError: no folder of masks or of images, or a chosen value or colour that no mask has.
    """
    if not source.is_dir():
        raise broken(source, "no such folder; expected a folder of masks", kind="source_missing")
    if options.images is None:
        remedy = "say where they are with --images DIR"
        raise ScalerError(Fault("image_missing", (), "masks: the images of these masks are needed", remedy))
    masks: dict[str, Path] = {}
    for stem, path in files_by_id(source).items():
        if stem.endswith(options.mask_suffix):
            masks[stem.removesuffix(options.mask_suffix)] = path
        else:
            reason = f"the name does not end in {options.mask_suffix!r}"
            faults.add(Fault("mask_name", (path,), reason, "correct --mask-suffix, or move the file"))
    if not masks and not faults.items:
        raise broken(source, "no mask in this folder", kind="source_empty")
    _check_chosen(masks, options)
    images = []
    for key, path in masks.items():
        where = path.relative_to(source).as_posix()
        area = Area(OBJECT, where, partial(_paint, path, options), np.empty((0, 2)), "mask")
        images.append(Annotated(where, (), None, (area,), True, (options.images,), own=key, complete=True))
    return Document(images, [OBJECT], list(masks.values()), scan=((options.images, ""),))


def _paint(path: Path, options: ImportOptions, size: Size) -> U8:
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
        reason = f"{wh(mask.shape)} pixels (width x height), but the image has {wh(size)}"
        raise broken(path, reason, "export the mask at the image's size", "size_differs")
    return mask


def _check_chosen(masks: dict[str, Path], options: ImportOptions) -> None:
    """Whether each chosen value occurs at all: one that does not is a typing error."""
    values: set[int] = set()
    colours: set[tuple[int, ...]] = set()
    unreadable = 0
    for path in masks.values() if options.values or options.colours else ():
        try:
            decoded = _lossless(path)
            if options.values:
                values |= {int(value) for value in np.unique(_indexes(path, decoded))}
            if options.colours:
                found = np.unique(_colours(decoded).reshape(-1, 3), axis=0)
                colours |= {tuple(int(v) for v in colour) for colour in found}
        except ScalerError:
            unreadable += 1  # reported when it is painted
    for kind, chosen, present in (("value", set(options.values), values), ("colour", set(options.colours), colours)):
        missing = sorted(chosen - present)
        if missing and not unreadable:
            there = ", ".join(str(entry) for entry in sorted(present)[:MOST])
            reason = f"no mask has the {kind} {missing[0]}"
            remedy = f"choose from {there}{', ...' if len(present) > MOST else ''}"
            raise ScalerError(Fault("value_unknown", (), reason, remedy))


def _lossless(path: Path) -> Decoded:
    decoded = decode(path)
    if decoded.lossy:
        raise broken(path, "a JPEG blurs values and colours", "export the masks as PNG", "mask_lossy")
    return decoded


def _indexes(path: Path, decoded: Decoded) -> U8:
    values = decoded.values if decoded.palette is not None else decoded.grey()
    if values is None:
        raise broken(path, "a mask in colour has no index values", "choose colours with --colours", "mask_colour")
    return values  # type: ignore[return-value]


def _colours(decoded: Decoded) -> U8:
    if decoded.palette is not None:
        return decoded.palette[decoded.values]
    values = decoded.values.astype(np.uint32) * 255 // decoded.top
    return np.asarray(values if values.ndim == 3 else np.repeat(values[..., None], 3, axis=2), np.uint8)
