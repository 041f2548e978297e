"""What is exported: images with their masks, from a data set or from predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path

import numpy as np

from scaler.artifacts.visible import is_clutter
from scaler.data.decode import decode
from scaler.data.images import read_mask
from scaler.errors import Fault, Faults
from scaler.exchange.image_files import files_by_id, open_image
from scaler.exchange.outlines import components
from scaler.exchange.parsing import broken, read_text, wh
from scaler.exchange.shapes import U8, Size

PREDICTIONS = "predictions.json"


@dataclass(frozen=True)
class ExportImage:
    """One image to export.

    Attributes:
        id: path below the images folder without suffix.
        name: the same with its suffix: what annotation files call it.
        path: the file.
        size: (H, W) upright.
        turned: whether the image has an EXIF orientation.
        mask: reads (H, W) uint8 {0, 1}, or None where there is no label.
    """

    id: str
    name: str
    path: Path
    size: Size
    turned: bool
    mask: Callable[[], U8] | None

    def objects(self) -> list[U8]:
        """A mask for each connected part."""
        return [] if self.mask is None else list(components(self.mask()))


def find_images(
    source: Path, images: Path | None, *, only: Path | None, threshold: float, set_name: str | None = None
) -> list[ExportImage]:
    """The images of a data set (`images/`, `masks/`), or those that predictions were made of.

    Args:
        source: folder of a data set, of `python -m scaler predict`, or of PNG maps.
        images: where the images are; required for predictions.
        only: text file with one image id (or file name) per line.
        threshold: cut of soft maps, above 0 and at most 1.
        set_name: which set of the predictions.

    Raises:
        ScalerError: nothing there, maps without image, an unknown id in the list, or unreadable images.
    """
    if not source.is_dir():
        raise broken(source, "no such folder; expected a data set or predictions", kind="source_missing")
    is_set = (source / "images").is_dir() and not (source / PREDICTIONS).exists()
    if is_set:
        images = images or source / "images"
        maps = files_by_id(source / "masks") if (source / "masks").is_dir() else {}
    elif images is None:
        raise broken(source, "predictions need their images", "say where they are with --images DIR", "image_missing")
    else:
        maps = files_by_id(_set_of(source, set_name))
        if not maps:
            raise broken(source, "no map in this folder", kind="source_empty")
    read: Callable[[Path], U8] = read_mask if is_set else partial(_cut, threshold=threshold)
    files, faults = files_by_id(images), Faults(source)
    for key in sorted(maps.keys() - files.keys()):
        faults.add(Fault("image_missing", (maps[key],), f"no image of this name in {images}", "correct --images"))
    wanted = sorted(files if is_set else maps.keys() & files.keys())
    if only is not None:
        wanted = _chosen(only, wanted, files, faults)
    found = []
    for key in wanted:
        with faults.collect([key]):
            name = files[key].relative_to(images).as_posix()
            image = open_image(name, files[key])
            mask = partial(_checked, maps[key], image.upright, read) if key in maps else None
            found.append(ExportImage(key, name, files[key], image.upright, image.orientation != 1, mask))
    faults.raise_if_errors()
    return found


def _set_of(source: Path, set_name: str | None) -> Path:
    if set_name is not None:
        if not (source / set_name).is_dir():
            raise broken(source / set_name, "no such folder (--set)", kind="folder_missing")
        return source / set_name
    if not (source / PREDICTIONS).exists():
        return source
    sets = sorted(path for path in source.iterdir() if path.is_dir() and not is_clutter(path.name))
    if len(sets) > 1:
        names = ", ".join(path.name for path in sets)
        raise broken(source, "holds several sets", f"choose one with --set: {names}", "ambiguous")
    return sets[0] if sets else source


def _checked(path: Path, size: Size, read: Callable[[Path], U8]) -> U8:
    mask = read(path)
    if mask.shape != size:
        reason = f"{wh(mask.shape)} pixels (width x height), but its image has {wh(size)}"
        raise broken(path, reason, "predict or label it again at the image's size", "size_differs")
    return mask


def _cut(path: Path, threshold: float) -> U8:
    decoded = decode(path)
    grey = decoded.grey()
    if grey is None or decoded.lossy:
        reason = "expected a lossless grey map, as `python -m scaler predict` writes"
        raise broken(path, reason, "predict again", "map_kind")
    return np.asarray(grey >= np.ceil(threshold * decoded.top), np.uint8)


def _chosen(only: Path, wanted: list[str], files: dict[str, Path], faults: Faults) -> list[str]:
    by_name = {f"{key}{path.suffix}": key for key, path in files.items()}
    known, found = set(wanted), list[str]()
    for number, line in enumerate(read_text(only).splitlines(), 1):
        text = line.strip()
        key = text if text in known else by_name.get(text.replace("\\", "/"), text.replace("\\", "/"))
        if key in known:
            found.append(key)
        elif text:
            close = get_close_matches(text, wanted, n=1)
            reason = f"line {number}: no image {text!r}{f' (the nearest is {close[0]})' if close else ''}"
            faults.add(Fault("id_unknown", (only,), reason, "write one image id or file name per line"))
    if not found and not faults.items:
        raise broken(only, "no image id in this list", "write one image id or file name per line", "source_empty")
    return list(dict.fromkeys(found))
