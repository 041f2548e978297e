"""YOLO segmentation: one text file per image, a line per object: class x y x y ..., as shares of width and height."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from scaler.artifacts.visible import files
from scaler.errors import ScalerError
from scaler.exchange.parsing import number, read_text, ring
from scaler.exchange.pictures import pictures_by_id
from scaler.exchange.raster import box, fill
from scaler.exchange.shapes import F64, U8, Annotated, Area, Document, Options, Size

BOX_VALUES = 4


def read_yolo(source: Path, options: Options) -> Document:
    """A folder with `labels/` and `images/` (or the data.yaml in it); images without a text file were not annotated.

    Names of the classes come from a .yaml file, obj.names or classes.txt in the folder; else they are the numbers.

    Raises:
        ScalerError: the folder is no such folder, a line is broken, or a text file has no image.
    """
    folder = source if source.is_dir() else source.parent
    root = folder / "labels"
    if not root.is_dir():
        raise ScalerError(f"{root}: no such folder; expected a YOLO data set with images/ and labels/ side by side.")
    names = _names(folder, source)
    scan = options.images or folder / "images"
    pictures = pictures_by_id(scan)
    texts = [name for name in sorted(files(root)) if name.endswith(".txt") and name != "classes.txt"]
    if not texts:
        raise ScalerError(f"{root}: no .txt file; expected one per image.")
    images = []
    for text in texts:
        stem = str(PurePosixPath(text).with_suffix(""))
        if text[:-4] not in pictures:
            raise ScalerError(
                f"{root / text}: no image {scan / stem} with a suffix such as .jpg; say where by --images."
            )
        picture = pictures[text[:-4]]
        shapes = _objects(root / text, names, options)
        name = picture.relative_to(scan).as_posix()
        images.append(Annotated(name, str(root / text), None, tuple(shapes), answered=True, beside=scan))
    labels = [*names.values()] or sorted({shape.label for image in images for shape in image.shapes})
    return Document(images, labels, [root / text for text in texts], [], scan=scan)


def _names(folder: Path, source: Path) -> dict[int, str]:
    if source.is_file():
        return _yaml_names(source)
    described = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))
    if len(described) > 1:
        raise ScalerError(
            f"{folder}: several YAML files ({', '.join(p.name for p in described)}); name the right one as SOURCE."
        )
    if described:
        return _yaml_names(described[0])
    for path in (folder / "obj.names", folder / "classes.txt", folder / "labels" / "classes.txt"):
        if path.is_file():
            return dict(enumerate(line.strip() for line in read_text(path).splitlines() if line.strip()))
    return {}


def _yaml_names(path: Path) -> dict[int, str]:
    try:
        root = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise ScalerError(f"{path}: no valid YAML ({' '.join(str(error).split())}).") from None
    names: Any = root.get("names") if isinstance(root, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names or not all(isinstance(key, int) for key in names):
        raise ScalerError(f"{path}: names: expected a list of class names, or number: name.")
    return {key: str(name) for key, name in names.items()}


def _objects(path: Path, names: dict[int, str], options: Options) -> list[Area]:
    shapes = []
    for line, text in enumerate(read_text(path).splitlines(), 1):
        if not text.strip():
            continue
        where = f"{path}: line {line}"
        first, *rest = text.split()
        label = _label(first, names, where)
        if len(rest) == BOX_VALUES:
            corners, kind = _box(rest, options, where), "box"
        else:
            corners, kind = ring(rest, where), "polygon"
        shapes.append(Area(label, where, _painter(corners), corners, kind, relative=True))
    return shapes


def _label(text: str, names: dict[int, str], where: str) -> str:
    key = number(text, f"{where}: class")
    if key != int(key) or key < 0:
        raise ScalerError(f"{where}: class: expected a whole number from 0, got {text!r}.")
    if names and int(key) not in names:
        raise ScalerError(f"{where}: class {text} has no name; the names are {', '.join(names.values())}.")
    return names.get(int(key), str(int(key)))


def _box(values: list[str], options: Options, where: str) -> F64:
    if not options.boxes:
        raise ScalerError(
            f"{where}: four numbers are a box, as in detection sets; a box is no mask. "
            "Choose a segmentation set, or take boxes as objects by --boxes."
        )
    x, y, width, height = (number(value, where) for value in values)
    if width <= 0 or height <= 0:
        raise ScalerError(f"{where}: a box of {width} x {height} has no area.")
    return box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _painter(corners: F64) -> Any:
    def paint(size: Size) -> U8:
        return fill([corners * (size[1], size[0])], size)

    return paint
