"""YOLO segmentation: a text file per image, a line per object: class x y x y ..., as fractions of width and height."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from scaler.artifacts.visible import files
from scaler.data.decode import SUFFIXES
from scaler.errors import Faults
from scaler.exchange.parsing import broken, number, read_text, ring
from scaler.exchange.raster import box, fill
from scaler.exchange.shapes import (
    F64,
    U8,
    Annotated,
    Area,
    Document,
    ImportOptions,
    Shape,
    Size,
    labels_of,
    read_shapes,
)

BOX_VALUES = 4
MOST = 2.0  # the largest fraction that a polygon reaching over the edge may have
NAME_FILES = ("obj.names", "classes.txt", "labels/classes.txt")


def read_yolo(source: Path, options: ImportOptions, faults: Faults) -> Document:
    """A YOLO set: `images/` beside `labels/`, such folders per split (Roboflow), or images and texts in one (Darknet).

    Splits become part of the ids (`train/...`). Names of the classes come from a .yaml file, obj.names or classes.txt
    in the folder or, for one split, in the folder above; else they are the numbers. Images without a text file were not
    annotated. Broken lines go to `faults`.

    Args:
        source: its folder, or its data.yaml or obj.data.

    Raises:
        ScalerError: there is no such set, no unambiguous names, or it holds keypoints.
    """
    folder = source if source.is_dir() else source.parent
    described = _described(source, folder)
    folder, splits = _splits(folder, described)
    names = _names(described, folder)
    images, texts, scan = [], list[Path](), list[tuple[Path, str]]()
    for split in splits:
        scan.append((options.images or split.images, "" if options.images else split.prefix))
        for name in split.texts:
            text = split.labels / name
            where = text.relative_to(folder).as_posix()
            texts.append(text)
            with faults.collect():
                shapes = _objects(text, where, names, options)
                root = (split.images,)
                images.append(Annotated(where, (), None, shapes, True, root, own=name[:-4], prefix=split.prefix))
    if not texts:
        raise broken(folder, "no .txt file in labels; expected one per image", kind="source_empty")
    return Document(images, [*names.values()] or labels_of(images), texts, scan=tuple(dict.fromkeys(scan)))


def _described(source: Path, folder: Path) -> Path | None:
    """The YAML file that describes the set."""
    if source.is_file():
        return None if source.suffix == ".data" else source
    for place in (folder, folder.parent) if (folder / "labels").is_dir() else (folder,):
        found = sorted(path for path in place.iterdir() if path.suffix in (".yaml", ".yml"))
        if place != folder:
            found = [path for path in found if path.name in ("data.yaml", "data.yml")]
        if len(found) > 1:
            listed = ", ".join(path.name for path in found)
            raise broken(place, f"several YAML files ({listed})", "name the right one as SOURCE", "ambiguous")
        if found:
            return found[0]
    return None


@dataclass(frozen=True)
class _Split:
    """Where the images and the texts of one split are, the texts' names, and what begins the ids of its images."""

    images: Path
    labels: Path
    texts: list[str]
    prefix: str = ""


def _split(folder: Path, prefix: str = "") -> _Split:
    """A folder with `images/` and `labels/`."""
    names = sorted(files(folder / "labels"))
    texts = [name for name in names if name.lower().endswith(".txt") and name != "classes.txt"]
    return _Split(folder / "images", folder / "labels", texts, prefix)


def _splits(folder: Path, described: Path | None) -> tuple[Path, list[_Split]]:
    """The folder of the set and its splits."""
    stated = None if described is None else _yaml(described).get("path")
    places = [folder, *([folder / stated, Path(stated)] if isinstance(stated, str) else [])]
    for place in places:
        if (place / "labels").is_dir():
            return place, [_split(place)]
        if found := sorted(path.parent for path in place.glob("*/labels") if path.is_dir()):
            return place, [_split(path, path.name) for path in found]
    if beside := [name for name in sorted(files(folder)) if name.lower().endswith(".txt") and _is_beside(folder, name)]:
        return folder, [_Split(folder, folder, beside)]
    reason = "no folder labels; expected a YOLO data set with images/ and labels/ side by side"
    raise broken(folder, reason, "name the folder that holds both, or its data.yaml", "source_empty")


def _is_beside(folder: Path, name: str) -> bool:
    """Whether a text in a folder of images (Darknet's layout) is of an image, and not a list of names or images."""
    text = folder / name
    if any(text.with_suffix(suffix).is_file() for known in SUFFIXES for suffix in (known, known.upper())):
        return True
    first = next((line.split() for line in read_text(text).splitlines() if line.strip()), [])
    return len(first) > BOX_VALUES and first[0].isdecimal()


def _names(described: Path | None, folder: Path) -> dict[int, str]:
    if described is not None:
        described_as = _yaml(described)
        if described_as.get("kpt_shape"):
            reason = "keypoints (kpt_shape), as of pose sets; their lines would look like outlines"
            raise broken(described, reason, "choose a segmentation set", "yolo_pose")
        names: Any = described_as.get("names")
        names = dict(enumerate(names)) if isinstance(names, list) else names
        if not isinstance(names, dict) or not names or not all(str(key).isdecimal() for key in names):
            raise broken(described, "names: expected a list of class names, or number: name")
        return {int(key): str(name) for key, name in names.items()}
    for path in (folder / name for name in NAME_FILES):
        if path.is_file():
            return dict(enumerate(line.strip() for line in read_text(path).splitlines() if line.strip()))
    return {}


def _yaml(path: Path) -> dict[str, Any]:
    try:
        root = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise broken(path, f"not valid YAML ({' '.join(str(error).split())})", "correct the file", "not_yaml") from None
    return root if isinstance(root, dict) else {}


def _objects(path: Path, where: str, names: dict[int, str], options: ImportOptions) -> tuple[Shape, ...]:
    shapes: list[Shape] = []
    for line, text in enumerate(read_text(path).splitlines(), 1):
        if text.strip():
            first, *rest = text.split()
            at = f"{where}: line {line}"
            label = names.get(int(first), first) if first.isdecimal() else None
            shapes += read_shapes(label, partial(_object, first, rest, at, names, options))
    return tuple(shapes)


def _object(first: str, rest: list[str], where: str, names: dict[int, str], options: ImportOptions) -> list[Area]:
    label = _label(first, names, where)
    is_box = len(rest) == BOX_VALUES
    corners = _box(rest, options, where) if is_box else ring(rest, where)
    if (abs(corners) > MOST).any():
        reason = f"the coordinate {abs(corners).max():g}; expected fractions of width and height, from 0 to 1"
        raise broken(where, reason, "divide pixels by the image's width and height", "not_fractions")
    return [Area(label, where, partial(_paint, corners), corners, "box" if is_box else "polygon", relative=True)]


def _label(text: str, names: dict[int, str], where: str) -> str:
    key = number(text, f"{where}: class")
    if key != int(key) or key < 0:
        raise broken(f"{where}: class", f"expected a whole number from 0, got {text!r}")
    if names and int(key) not in names:
        raise broken(where, f"class {text} has no name; the names are {', '.join(names.values())}")
    return names.get(int(key), str(int(key)))


def _box(values: list[str], options: ImportOptions, where: str) -> F64:
    if not options.boxes:
        reason = "four numbers are a box, as in detection sets; a box is no mask"
        raise broken(where, reason, "choose a segmentation set, or count boxes as objects with --boxes", "box_only")
    x, y, width, height = (number(value, where) for value in values)
    if width <= 0 or height <= 0:
        raise broken(where, f"a box of {width:g} x {height:g} has no area")
    return box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _paint(corners: F64, size: Size) -> U8:
    return fill([corners * (size[1], size[0])], size)
