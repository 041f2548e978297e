"""Reading JSON and XML that others wrote: every value is checked, every message names the place."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import defusedxml
import defusedxml.ElementTree
import numpy as np

from scaler.errors import Fault, ScalerError
from scaler.exchange.shapes import F64

NAMES = {dict: "an object", list: "a list", str: "text", int: "a whole number", bool: "true or false"}
BROKEN = "annotation_broken"
DATA_URI = "data:"
LFS = "version https://git-lfs"


def broken(where: str | Path, reason: str, remedy: str = "", kind: str = BROKEN) -> ScalerError:
    """The error for one entry of a source."""
    return ScalerError(Fault(kind, (where,), reason, remedy))


def read_text(path: Path) -> str:
    """A UTF-8 file, with or without byte order mark.

    Raises:
        ScalerError: it is missing, unreadable, or not UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise broken(path, "not UTF-8 text", "export it again, or save it as UTF-8", "not_utf8") from None
    except OSError as error:
        raise broken(path, f"cannot be read ({error.strerror})", "check its path and permissions", "read") from None
    if text.startswith(LFS):
        raise broken(path, "a Git LFS pointer, not the file itself", "run git lfs pull", "lfs_pointer")
    return text


def read_json(path: Path) -> Any:
    """The value of a JSON file.

    Raises:
        ScalerError: as `read_text`; or not valid JSON, with line and column.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"line {error.lineno}, column {error.colno}: not valid JSON ({error.msg})"
    except RecursionError:
        reason = "nested too deeply for an annotation file"
    raise broken(path, reason, "export the file again", "not_json")


def read_xml(path: Path) -> Element:
    """The root of an XML file; entities and external references are refused.

    Raises:
        ScalerError: as `read_text`; or not valid XML, with line and column.
    """
    text = read_text(path)
    try:
        root: Element = defusedxml.ElementTree.fromstring(text)
        return root
    except ParseError as error:
        line, column = error.position
        reason = f"line {line}, column {column + 1}: not valid XML ({error})"
    except defusedxml.DefusedXmlException as error:
        reason = f"defines XML entities, which no annotation tool writes ({error})"
    raise broken(path, reason, "export the file again", "not_xml")


def expect(value: Any, kind: type, where: str) -> Any:
    """`value`, if it is of this JSON type.

    Raises:
        ScalerError: it is not.
    """
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise broken(where, f"expected {NAMES[kind]}, got {shown(value)}")
    return value


def field(owner: dict[str, Any], key: str, kind: type, where: str) -> Any:
    """The value of a required key.

    Raises:
        ScalerError: it is missing, or of another type.
    """
    if key not in owner:
        raise broken(where, f"{key!r} is missing", "check that the file is in this format")
    return expect(owner[key], kind, f"{where}: {key}")


def size_of(height: Any, width: Any, where: str) -> tuple[int, int]:
    """(H, W) from two whole numbers (or text of such).

    Raises:
        ScalerError: they are not whole numbers above 0.
    """
    found = []
    for name, value in (("height", height), ("width", width)):
        numeric = number(value, f"{where}: {name}")
        if numeric < 1 or numeric != int(numeric):
            raise broken(f"{where}: {name}", f"expected a whole number above 0, got {shown(value)}")
        found.append(int(numeric))
    return found[0], found[1]


def number(value: Any, where: str) -> float:
    """A finite number, or text of one.

    Raises:
        ScalerError: it is none.
    """
    try:
        result = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        result = math.nan
    if not math.isfinite(result):
        raise broken(where, f"expected a finite number, got {shown(value)}")
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
        raise broken(where, f"{len(numbers)} coordinates; expected pairs of x and y")
    return array.reshape(-1, 2)


def pairs(values: Any, where: str) -> F64:
    """`coordinates` of a list of [x, y].

    Raises:
        ScalerError: as `coordinates`, or a point that is no pair.
    """
    if any(len(expect(pair, list, where)) != 2 for pair in values):
        raise broken(where, "expected points of x and y")
    return coordinates([value for pair in values for value in pair], where)


def ring(values: Iterable[Any] | F64, where: str) -> F64:
    """`coordinates` of a polygon: at least three points.

    Raises:
        ScalerError: as `coordinates`, or fewer points.
    """
    points = values if isinstance(values, np.ndarray) else coordinates(values, where)
    if len(points) < 3:
        reason = f"a polygon of {len(points)} points; expected at least 3"
        raise broken(where, reason, "delete it, or draw it again", "polygon_without_area")
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
            raise broken(where, f"expected run lengths from 0, got {shown(value)}")
        found.append(int(numeric))
    if sum(found) != total:
        reason = f"the run lengths cover {sum(found)} pixels, but the mask has {total}"
        raise broken(where, reason, "export the file again", "run_lengths")
    return found


def base64_bytes(value: Any, where: str) -> bytes:
    """The bytes of base64 text, which may be wrapped into lines or begin as a data URI does (data:image/png;base64,).

    Raises:
        ScalerError: it is no such text.
    """
    text = "".join(expect(value, str, where).split())
    try:
        return base64.b64decode(text.partition(",")[2] if text.startswith(DATA_URI) else text, validate=True)
    except (binascii.Error, ValueError):
        raise broken(where, "not base64 text", "save the file again in the tool that wrote it") from None


def wh(size: Iterable[float]) -> str:
    """(H, W) as people write it: "width x height"."""
    height, width = size
    return f"{width:.0f} x {height:.0f}"


def shown(value: Any, most: int = 60) -> str:
    """A value for a message."""
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."
