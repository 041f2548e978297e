"""What is exported: images with their masks, from a data set or from predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path

import numpy as np

from scaler.data.decode import decode
from scaler.data.images import read_mask
from scaler.errors import ScalerError
from scaler.exchange.outlines import components
from scaler.exchange.parsing import read_text
from scaler.exchange.pictures import find_picture, pictures_by_id
from scaler.exchange.shapes import U8, Annotated, Options, Size

PREDICTIONS = "predictions.json"


@dataclass(frozen=True)
class Item:
    """One image to export.

    Attributes:
        id: path below the images folder without suffix.
        name: the same with its suffix: what annotation files call it.
        image: the file.
        size: (H, W) upright.
        turned: whether the image carries an EXIF turn.
        mask: reads (H, W) uint8 {0, 1}, or None where there is no label.
    """

    id: str
    name: str
    image: Path
    size: Size
    turned: bool
    mask: Callable[[], U8] | None

    def objects(self) -> list[U8]:
        """A mask for each connected part."""
        return [] if self.mask is None else list(components(self.mask()))


def find_items(
    source: Path, images: Path | None, *, only: Path | None, threshold: float, set_name: str | None = None
) -> list[Item]:
    """The images of a data set (`images/`, `masks/`), or those that predictions were made of.

    Args:
        source: folder of a data set, of `python -m scaler predict`, or of PNG maps.
        images: where the images lie; must be given for predictions.
        only: text file with one image id (or file name) per line.
        threshold: cut of soft maps, above 0 and at most 1.
        set_name: which set of the predictions.

    Raises:
        ScalerError: nothing there, maps without image, an unknown id in the list.
    """
    if not source.is_dir():
        raise ScalerError(f"{source}: no such folder; expected a data set or predictions.")
    if (source / "images").is_dir() and not (source / PREDICTIONS).exists():
        images = images or source / "images"
        maps = pictures_by_id(source / "masks") if (source / "masks").is_dir() else {}
        read: Callable[[Path], U8] = read_mask
    else:
        if images is None:
            raise ScalerError(f"{source}: predictions need their images; say where they lie by --images DIR.")
        maps = pictures_by_id(_set_of(source, set_name))
        read = partial(_cut, threshold=threshold)
        if not maps:
            raise ScalerError(f"{source}: no map in this folder.")
    pictures = pictures_by_id(images)
    if lost := sorted(maps.keys() - pictures.keys()):
        raise ScalerError(
            f"{maps[lost[0]]} and {len(lost) - 1} more: no image of this name in {images}; mend --images."
        )
    wanted = sorted(pictures if (source / "images").is_dir() else maps)
    if only is not None:
        wanted = _chosen(only, wanted, pictures)
    return [_item(key, pictures[key], images, maps.get(key), read) for key in wanted]


def _set_of(source: Path, set_name: str | None) -> Path:
    if set_name is not None:
        if not (source / set_name).is_dir():
            raise ScalerError(f"--set: {source / set_name}: no such folder.")
        return source / set_name
    sets = sorted(path for path in source.iterdir() if path.is_dir() and not path.name.startswith("."))
    if len(sets) > 1 and (source / PREDICTIONS).exists():
        raise ScalerError(f"{source}: holds several sets; choose by --set: {', '.join(path.name for path in sets)}.")
    return sets[0] if sets and (source / PREDICTIONS).exists() else source


def _item(key: str, path: Path, images: Path, label: Path | None, read: Callable[[Path], U8]) -> Item:
    name = path.relative_to(images).as_posix()
    entry = Annotated(name, str(path), None, (), answered=False)
    picture = find_picture(entry, Options(images=images))
    mask = None if label is None else partial(_checked, label, picture.upright, read)
    return Item(key, name, path, picture.upright, picture.orientation != 1, mask)


def _checked(path: Path, size: Size, read: Callable[[Path], U8]) -> U8:
    mask = read(path)
    if mask.shape != size:
        raise ScalerError(
            f"{path}: {mask.shape[1]} x {mask.shape[0]} pixels, but its image has {size[1]} x {size[0]}; "
            "predict or label it again at the image's size."
        )
    return mask


def _cut(path: Path, threshold: float) -> U8:
    decoded = decode(path)
    grey = decoded.grey()
    if grey is None or decoded.lossy:
        raise ScalerError(f"{path}: expected a lossless grey map of 0 to 1, as `python -m scaler predict` writes.")
    return np.asarray(grey >= np.ceil(threshold * decoded.top), np.uint8)


def _chosen(only: Path, wanted: list[str], pictures: dict[str, Path]) -> list[str]:
    by_name = {f"{key}{path.suffix}": key for key, path in pictures.items()}
    known, found = set(wanted), list[str]()
    for number, line in enumerate(read_text(only).splitlines(), 1):
        text = line.strip()
        if not text:
            continue
        key = text if text in known else by_name.get(text, text)
        if key not in known:
            close = get_close_matches(text, wanted, n=1)
            raise ScalerError(
                f"{only}: line {number}: no image {text!r}{f' (the nearest is {close[0]})' if close else ''}."
            )
        found.append(key)
    if not found:
        raise ScalerError(f"{only}: no image id in this list.")
    return list(dict.fromkeys(found))
