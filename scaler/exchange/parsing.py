"""Reading JSON and XML of strangers: every value is checked, every message says where."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import defusedxml
import defusedxml.ElementTree
import numpy as np

from scaler.errors import ScalerError
from scaler.exchange.shapes import F64

NAMES = {dict: "an object", list: "a list", str: "a text", int: "a whole number", bool: "true or false"}


def read_text(path: Path) -> str:
    """A UTF-8 file, with or without byte order mark.

    Raises:
        ScalerError: it is missing, unreadable, or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        cure = "unpack it first" if path.suffix.lower() == ".zip" else "export it again, as UTF-8"
        raise ScalerError(f"{path}: no UTF-8 text; {cure}.") from None
    except OSError as error:
        raise ScalerError(f"{path}: not readable ({error.strerror}); check the path and its permissions.") from None


def read_json(path: Path) -> Any:
    """The value of a JSON file.

    Raises:
        ScalerError: as `read_text`; or no JSON, with line and column.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ScalerError(
            f"{path}: line {error.lineno}, column {error.colno}: no valid JSON ({error.msg}). Export the file again."
        ) from None
    except RecursionError:
        raise ScalerError(f"{path}: nested too deeply for an annotation file. Export the file again.") from None


def read_xml(path: Path) -> Element:
    """The root of an XML file; entities and outer references are refused.

    Raises:
        ScalerError: as `read_text`; or no XML, with line and column.
    """
    text = read_text(path)
    try:
        root: Element = defusedxml.ElementTree.fromstring(text)
    except ParseError as error:
        line, column = error.position
        raise ScalerError(
            f"{path}: line {line}, column {column + 1}: no valid XML ({error}). Export the file again."
        ) from None
    except defusedxml.DefusedXmlException as error:
        raise ScalerError(f"{path}: defines XML entities, which no annotation tool writes ({error}).") from None
    return root


def expect(value: Any, kind: type, where: str) -> Any:
    """`value`, if it is of this JSON type.

    Raises:
        ScalerError: it is not.
    """
    fits = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    if not fits:
        raise ScalerError(f"{where}: expected {NAMES[kind]}, got {_shown(value)}.")
    return value


def field(owner: dict[str, Any], key: str, kind: type, where: str) -> Any:
    """The value of a key that must be there.

    Raises:
        ScalerError: it is missing, or of another type.
    """
    if key not in owner:
        raise ScalerError(f"{where}: {key!r} is missing; is the file really in this format?")
    return expect(owner[key], kind, f"{where}: {key}")


def size_of(height: Any, width: Any, where: str) -> tuple[int, int]:
    """(H, W) from two whole numbers (or texts of such).

    Raises:
        ScalerError: they are not whole numbers above 0.
    """
    found = []
    for name, value in (("height", height), ("width", width)):
        numeric = number(value, f"{where}: {name}")
        if numeric < 1 or numeric != int(numeric):
            raise ScalerError(f"{where}: {name}: expected a whole number from 1, got {_shown(value)}.")
        found.append(int(numeric))
    return found[0], found[1]


def number(value: Any, where: str) -> float:
    """A finite number, or a text that is one.

    Raises:
        ScalerError: it is none.
    """
    try:
        result = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        result = math.nan
    if not math.isfinite(result):
        raise ScalerError(f"{where}: expected a finite number, got {_shown(value)}.")
    return result


def coordinates(values: Iterable[Any], where: str) -> F64:
    """(n, 2) float64 from a flat sequence x, y, x, y, ...

    Raises:
        ScalerError: an odd count, or a value that is no finite number.
    """
    numbers = list(values)
    try:
        array = np.asarray(numbers, np.float64)
    except (TypeError, ValueError, OverflowError):
        array = np.full(1, np.nan)
    if array.ndim != 1 or not np.isfinite(array).all():  # one by one, so that the message shows the culprit
        array = np.asarray([number(value, where) for value in numbers])
    if len(numbers) % 2:
        raise ScalerError(f"{where}: {len(numbers)} coordinates; expected pairs of x and y.")
    return array.reshape(-1, 2)


def ring(values: Iterable[Any], where: str) -> F64:
    """`coordinates` of a polygon: at least three points.

    Raises:
        ScalerError: as `coordinates`, or fewer points.
    """
    points = coordinates(values, where)
    if len(points) < 3:
        raise ScalerError(
            f"{where}: a polygon of {len(points)} points; expected at least 3. Remove it, or draw it again."
        )
    return points


def counts(values: Iterable[Any], total: int, where: str) -> list[int]:
    """Run lengths that add up to `total` pixels.

    Raises:
        ScalerError: they are no whole numbers from 0, or add up to something else.
    """
    found = []
    for value in values:
        numeric = number(value, where)
        if numeric < 0 or numeric != int(numeric):
            raise ScalerError(f"{where}: expected run lengths from 0, got {_shown(value)}.")
        found.append(int(numeric))
    if sum(found) != total:
        raise ScalerError(f"{where}: the run lengths cover {sum(found)} pixels, the mask has {total}.")
    return found


def safe_name(name: Any, where: str, *, cure: str = "Give names below the images folder.") -> str:
    r"""An image's path with "/" between its parts ("\" is one too), which leads nowhere outside its folder.

    Raises:
        ScalerError: it is empty, absolute, has ".." or control characters.
    """
    text = str(expect(name, str, f"{where}: image name")).replace("\\", "/")
    path = PurePosixPath(text)
    drive = len(text) > 1 and text[1] == ":"
    if not path.name or path.is_absolute() or drive or ".." in path.parts:
        raise ScalerError(f"{where}: image name {_shown(name)} leads outside the images folder, or nowhere. {cure}")
    if any(letter < " " or "\ud800" <= letter <= "\udfff" for letter in text):
        raise ScalerError(f"{where}: image name {_shown(name)} holds characters that are no text; rename the image.")
    if any(part.startswith(".") for part in path.parts):
        raise ScalerError(
            f"{where}: image name {_shown(name)} is a hidden one, which no reader sees; rename the image."
        )
    return str(path)


def _shown(value: Any, most: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."
