"""The image files that annotations name: where they are, how large, and how they are turned.

One rule for all formats. A stated path may be relative, absolute, of Windows, or lead out of its folder. It is tried
below the folders that the format expects; with `--images DIR` below DIR, whole and without one leading folder after the
other, down to the file's own name. Names that differ only in Unicode form or case are the same name. Formats with one
annotation file per image also know the annotation's own name: it decides where the stated path is stale, and may not
contradict a path that is not. In the others, an image of the stated name with another suffix is taken, and said.
"""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import numpy as np
from PIL import Image

from scaler.artifacts.visible import files
from scaler.data.decode import FORMATS, SUFFIXES, UNREAD_SUFFIXES, decode
from scaler.errors import Fault, Faults, ScalerError
from scaler.exchange.parsing import broken, shown
from scaler.exchange.shapes import U8, Annotated, ImportOptions, Size

ORIENTATION = 0x0112
SWAPS = (5, 6, 7, 8)  # orientations that exchange height and width
SUFFIX_OF = {"JPEG": ".jpg", "MPO": ".jpg", "TIFF": ".tif", "JPEG2000": ".jp2"}  # others: the format's name


@dataclass(frozen=True)
class ImageFile:
    """An image file, or the bytes of one.

    Attributes:
        id: its name in the data set: path below the images folder without suffix.
        suffix: as stored, with the dot.
        content: file, or bytes that an annotation file carried.
        stored: (H, W) before the EXIF orientation is applied.
        orientation: EXIF's, 1 to 8.
    """

    id: str
    suffix: str
    content: Path | bytes
    stored: Size
    orientation: int

    @property
    def upright(self) -> Size:
        """(H, W) with the EXIF orientation applied: the frame of all masks."""
        return self.stored[::-1] if self.orientation in SWAPS else self.stored


class ImageFinder:
    """Finds the images of entries.

    Args:
        options: `images` is read.
        faults: gets notes on images that were found under another name than the stated one.
    """

    def __init__(self, options: ImportOptions, faults: Faults) -> None:
        self._images = options.images
        self._faults = faults
        self._folder = cache(_Folder)

    def find(self, image: Annotated) -> ImageFile:
        """The image of an entry.

        Raises:
            ScalerError: it is nowhere, in a format that is not read, or damaged; or the entry contradicts itself.
        """
        names = [tail for name in image.names for form in _forms(name) for tail in self._tails(form)]
        own = f"{image.prefix}/{image.own}" if image.prefix and self._images else image.own
        stems = [tail for tail in self._tails(own) if own]
        found = self._named(image, names) or self._outside(image)
        if found is not None and image.own:
            self._check_own(image, *found)
        if found is None:
            others = stems or [str(PurePosixPath(name).with_suffix("")) for name in names if PurePosixPath(name).suffix]
            found = next((hit for stem in others for hit in self._stem(image, stem)), None)
            if found is not None and image.names:
                self._note(image, "path_stale", f"the stated image {image.names[0]!r} is not there", found[1])
        if found is not None:
            root, path = found
            prefix = "" if self._images else image.prefix
            return open_image(f"{prefix}/{path}" if prefix else path, root / path)
        if image.embedded is not None:
            return open_image(image.own or PurePosixPath(names[-1]).name, image.embedded, image.where)
        raise self._missing(image, names or stems)

    def _roots(self, image: Annotated) -> tuple[Path, ...]:
        return (self._images,) if self._images is not None else image.roots

    def _tails(self, name: str) -> list[str]:
        """The relative paths to try for a stated one."""
        text = re.sub(r"^[A-Za-z]:(?=/)", "", name.replace("\\", "/"))
        parts: list[str] = []
        outer = text.startswith("/")
        for part in PurePosixPath(text).parts:
            if part == "..":
                outer |= not parts
                parts = parts[:-1]
            elif part not in ("/", "//"):
                parts.append(part)
        if self._images is None:
            return [] if outer or not parts else ["/".join(parts)]
        return ["/".join(parts[at:]) for at in range(len(parts))]

    def _named(self, image: Annotated, names: list[str]) -> tuple[Path, str] | None:
        for name in names:
            for root in self._roots(image):
                if _is_file(root / name):
                    return root, name
        for name in names:
            for root in self._roots(image):
                alike = self._folder(root).alike(name)
                if len(alike) == 1:
                    if _nfc(alike[0]) != _nfc(name):
                        self._note(image, "name_case", f"the stated image {name!r} is not there", alike[0])
                    return root, alike[0]
        return None

    def _outside(self, image: Annotated) -> tuple[Path, str] | None:
        """The image at a path that leads out of the expected folders, if `--images` says nothing else."""
        for name in () if self._images else image.names:
            for root in image.roots:
                path = root / name.replace("\\", "/")
                if _is_file(path):
                    self._note(image, "path_outside", "the image is outside the annotations' folder", str(path))
                    return path.parent, path.name
        return None

    def _stem(self, image: Annotated, stem: str) -> Iterator[tuple[Path, str]]:
        for root in self._roots(image):
            same = self._folder(root).with_stem(stem)
            if len(same) > 1:
                raise broken(image.where, f"{' and '.join(same)} have the same name", "keep one of them", "same_name")
            yield from ((root, name) for name in same)

    def _check_own(self, image: Annotated, root: Path, found: str) -> None:
        """Whether the annotation names one image, but another has its own name, beside it or beside that image."""
        path, own = PurePosixPath(found), PurePosixPath(image.own)
        if _key(str(path.with_suffix(""))) == _key(image.own):
            return
        for stem in dict.fromkeys((image.own, str(path.with_name(own.name)))):
            for rival in self._folder(root).with_stem(stem):
                if _key(str(PurePosixPath(rival).with_suffix(""))) != _key(str(path.with_suffix(""))):
                    reason = f"names the image {found}, but {rival} has the annotation's own name"
                    remedy = "correct the image path inside, or rename the annotation file"
                    raise ScalerError(Fault("path_contradicts", (image.where,), reason, remedy, ids=(stem,)))
        if _key(path.stem) != _key(own.name):
            self._note(image, "name_differs", "the annotation file is named differently from its image", found)

    def _note(self, image: Annotated, kind: str, reason: str, found: str) -> None:
        self._faults.add(Fault(kind, (image.where,), f"{reason}; {found} is used", severity="note"))

    def _missing(self, image: Annotated, names: list[str]) -> ScalerError:
        stated = (image.names or names)[0]
        roots = self._roots(image)
        reason = f"the image is not in {' or '.join(map(str, roots))}"
        if not any(self._folder(root).has_images for root in roots):
            reason += ", which holds no image"
        where = f"{image.where} ({shown(stated, 100)})"
        return broken(where, reason, "say where the images are with --images DIR", "image_missing")


class _Folder:
    """The names below a folder, by what they have in common in spite of Unicode form and case."""

    def __init__(self, root: Path) -> None:
        self.names = sorted(files(root)) if root.is_dir() else []
        self._alike: dict[str, list[str]] = defaultdict(list)
        self._stems: dict[str, list[str]] = defaultdict(list)
        for name in self.names:
            self._alike[_key(name)].append(name)
            path = PurePosixPath(name)
            if path.suffix.lower() in (*SUFFIXES, *UNREAD_SUFFIXES):
                self._stems[_key(str(path.with_suffix("")))].append(name)

    @property
    def has_images(self) -> bool:
        return bool(self._stems)

    def alike(self, name: str) -> list[str]:
        return self._alike.get(_key(name), [])

    def with_stem(self, stem: str) -> list[str]:
        """Images whose path without suffix is this one; of several, only those spelt exactly the same."""
        same = self._stems.get(_key(stem), [])
        exact = [name for name in same if str(PurePosixPath(name).with_suffix("")) == stem]
        return exact or same


def _forms(name: str) -> list[str]:
    """A stated path as it is, and as the path of an address: without query, its %20 and the like as letters."""
    path = name.partition("?")[0] if "://" in name else name
    return list(dict.fromkeys((name, path, unquote(path))))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # the name is too long
        return False


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _key(name: str) -> str:
    return _nfc(name).casefold()


def files_by_id(folder: Path, suffixes: Iterable[str] = SUFFIXES) -> dict[str, Path]:
    """The files with these suffixes below a folder by path without suffix, sorted.

    Raises:
        ScalerError: no such folder, or two files that differ only in suffix.
    """
    if not folder.is_dir():
        raise broken(folder, "no such folder", kind="folder_missing")
    found: dict[str, Path] = {}
    for name in sorted(files(folder)):
        suffix = PurePosixPath(name).suffix
        if suffix.lower() not in suffixes:
            continue
        stem = name[: -len(suffix)]
        if stem in found:
            reason = "two files that differ only in suffix"
            raise ScalerError(Fault("same_name", (found[stem], folder / name), reason, "keep one, or rename one"))
        found[stem] = folder / name
    return found


def open_image(name: str, content: Path | bytes, where: str = "") -> ImageFile:
    """An image by its path in the data set.

    Args:
        name: with suffix, if it has one.
        content: the file, or its bytes.
        where: names bytes in messages.

    Raises:
        ScalerError: it is damaged, in a format that is not read, or of a name that no reader accepts.
    """
    at = content if isinstance(content, Path) else where
    path = PurePosixPath(name)
    if any(part.startswith(".") for part in path.parts) or not name.isprintable():
        raise broken(at, f"the image's name {name!r} is hidden or not printable", "rename the image", "image_name")
    if isinstance(content, Path) and path.suffix.lower() not in SUFFIXES:
        reason = f"{path.suffix or 'files without suffix'} is not read; expected {', '.join(SUFFIXES)}"
        raise broken(at, reason, "convert it to PNG", "image_format")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content) if isinstance(content, bytes) else content, formats=FORMATS) as opened:
                size, orientation, kind = opened.size, int(opened.getexif().get(ORIENTATION, 1)), str(opened.format)
    except Exception:  # decoders of damaged files raise whatever they like
        if isinstance(content, bytes):
            raise broken(at, "the image in it is damaged", "export the file again", "image_unreadable") from None
        size, orientation, kind = decode(content).values.shape[1::-1], 1, ""  # or the reason why not
    known = path.suffix.lower() in (*SUFFIXES, *UNREAD_SUFFIXES)
    suffix = path.suffix if isinstance(content, Path) else SUFFIX_OF.get(kind, f".{kind.lower()}")
    stem = name[: -len(path.suffix)] if known else name
    return ImageFile(stem, suffix, content, (size[1], size[0]), orientation if orientation in range(1, 9) else 1)


def turned_upright(mask: U8, orientation: int) -> U8:
    """A mask of the stored frame in the upright one."""
    if orientation in SWAPS:
        mask = mask.T
    if orientation in (2, 3, 6, 7):
        mask = mask[:, ::-1]
    if orientation in (3, 4, 7, 8):
        mask = mask[::-1]
    return np.ascontiguousarray(mask)
