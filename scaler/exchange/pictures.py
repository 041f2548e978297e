"""The image files that annotations speak of: where they are, how large, and how they are turned."""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from scaler.artifacts.visible import files
from scaler.data.decode import FORMATS, SUFFIXES
from scaler.data.folder import OTHER_PICTURES
from scaler.errors import ScalerError
from scaler.exchange.shapes import U8, Annotated, Options, Size

ORIENTATION = 0x0112
SWAPS = (5, 6, 7, 8)  # orientations that exchange height and width
UPLOADED = re.compile(r"[0-9a-f]{8}-")
SUFFIX_OF = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "TIFF": ".tif", "BMP": ".bmp", "GIF": ".gif"}


@dataclass(frozen=True)
class Picture:
    """An image file, or the bytes of one.

    Attributes:
        id: its name in the data set: path below the images folder without suffix.
        suffix: as stored, with the dot.
        content: file, or bytes that an annotation file carried.
        stored: (H, W) before the EXIF turn.
        orientation: EXIF's, 1 to 8.
    """

    id: str
    suffix: str
    content: Path | bytes
    stored: Size
    orientation: int

    @property
    def upright(self) -> Size:
        """(H, W) after the EXIF turn: the frame of all masks."""
        return self.stored[::-1] if self.orientation in SWAPS else self.stored


def pictures_by_id(folder: Path, suffixes: tuple[str, ...] = SUFFIXES) -> dict[str, Path]:
    """The files with these suffixes below a folder by path without suffix.

    Raises:
        ScalerError: no such folder, or two files that differ only in suffix.
    """
    if not folder.is_dir():
        raise ScalerError(f"{folder}: no such folder.")
    found: dict[str, Path] = {}
    for name in sorted(files(folder)):
        suffix = PurePosixPath(name).suffix
        if suffix.lower() not in suffixes:
            continue
        stem = name[: -len(suffix)]
        if stem in found:
            raise ScalerError(f"{found[stem]} and {folder / name}: the same name twice; keep one, or rename one.")
        found[stem] = folder / name
    return found


def find_picture(image: Annotated, options: Options) -> Picture:
    """The image of an entry.

    Raises:
        ScalerError: it is nowhere, of a format that is not read, or damaged.
    """
    if options.images is not None:
        roots = [options.images]
    else:
        roots = [] if image.beside is None else [image.beside, image.beside / "images"]
    names = [image.name]
    if options.images is not None or image.strip:
        names.append(PurePosixPath(image.name).name)
    if image.strip:
        names += [UPLOADED.sub("", name, count=1) for name in names[-1:] if UPLOADED.match(name)]
    for root in roots:
        for name in names:
            if (root / name).is_file():
                return _picture(name, root / name, str(root / name))
    if image.embedded is not None:
        return _picture(image.name, image.embedded, image.where)
    raise ScalerError(_not_found(image, names, roots))


def turned_upright(mask: U8, orientation: int) -> U8:
    """A mask of the stored frame in the upright one."""
    if orientation in SWAPS:
        mask = mask.T
    if orientation in (2, 3, 6, 7):
        mask = mask[:, ::-1]
    if orientation in (3, 4, 7, 8):
        mask = mask[::-1]
    return np.ascontiguousarray(mask)


def _not_found(image: Annotated, names: list[str], roots: list[Path]) -> str:
    root = roots[0] if roots else Path()
    there = list(files(root)) if root.is_dir() else []
    close = get_close_matches(names[-1], there, n=1)
    hint = f" (the nearest name is {close[0]})" if close else ""
    return f"{image.where}: no image {root / names[0]}{hint}; say where the images lie by --images DIR."


def _picture(name: str, content: Path | bytes, where: str) -> Picture:
    suffix = PurePosixPath(name).suffix
    if suffix.lower() in OTHER_PICTURES:
        raise ScalerError(f"{where}: {suffix} files are not read; convert it to PNG.")
    if isinstance(content, Path) and suffix.lower() not in SUFFIXES:
        raise ScalerError(f"{where}: not a suffix of an image; expected one of {', '.join(SUFFIXES)}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content) if isinstance(content, bytes) else content, formats=FORMATS) as opened:
                size, orientation, kind = opened.size, int(opened.getexif().get(ORIENTATION, 1)), str(opened.format)
    except Exception:  # decoders of damaged files raise whatever they like
        raise ScalerError(f"{where}: no readable image; expected JPEG, PNG, TIFF, BMP or GIF.") from None
    if isinstance(content, bytes):
        suffix = SUFFIX_OF[kind]
    stem = str(PurePosixPath(name).with_suffix("")) if PurePosixPath(name).suffix else name
    return Picture(stem, suffix, content, (size[1], size[0]), orientation if orientation in range(1, 9) else 1)
