"""CSV tables, read strictly: every line has the columns that the first line names."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from scaler.errors import Fault, ScalerError

DELIMITERS = (",", ";", "\t")

Row = tuple[int, dict[str, str]]


def read_csv(path: Path, needed: Sequence[str], known: Sequence[str], role: str) -> tuple[list[str], list[Row]]:
    """The column names, and the non-empty lines with their numbers (the first line is 1).

    Columns are separated by comma, semicolon or tab. White space around cells is removed.

    Args:
        path: UTF-8, with or without a byte order mark.
        needed: required columns.
        known: all columns that have a meaning; a name that is nearly one of these is refused.
        role: what the file is for, used in the message if it is missing.

    Raises:
        ScalerError: the file is missing or is not CSV in UTF-8, a column is missing, duplicated or misspelt, or lines
            have the wrong number of cells.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            delimiter = next((d for d in DELIMITERS if needed[0] in _cells(head, d)), ",")
            names = _cells(head, delimiter)
            _check_names(path, names, needed, known)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            rows = [(reader.line_num + 1, row) for row in reader if any(cell.strip() for cell in row)]
    except FileNotFoundError:
        remedy = f"{role}, with the columns {', '.join(known)}"
        raise ScalerError(Fault("table_missing", (path,), "no such table", remedy)) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = f"not readable as a table ({error})"
        raise ScalerError(Fault("table_unreadable", (path,), reason, "save it as CSV in UTF-8")) from None
    wrong = [
        Fault(
            "table_cells",
            (path,),
            f"line {line}: expected {len(names)} cells ({', '.join(names)}), found {len(row)}",
            f"put names that contain {delimiter!r} in double quotes",
        )
        for line, row in rows
        if len(row) != len(names)
    ]
    if wrong:
        raise ScalerError(*wrong)
    return names, [(line, dict(zip(names, (c.strip() for c in row), strict=True))) for line, row in rows]


def _cells(line: str, delimiter: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, strict=True), [])]


def _check_names(path: Path, names: list[str], needed: Sequence[str], known: Sequence[str]) -> None:
    for missing in (name for name in needed if name not in names):
        others = [name for name in known if name not in needed]
        optional = f" and optionally {', '.join(others)}" if others else ""
        reason = f"no column named {missing}; the first line has {', '.join(map(repr, names)) or 'nothing'}"
        remedy = f"write the column names in the first line: {', '.join(needed)}{optional}"
        raise ScalerError(Fault("table_columns", (path,), reason, remedy))
    for name in names:
        if names.count(name) > 1:
            raise ScalerError(Fault("table_columns", (path,), f"two columns named {name!r}", "keep one"))
        near = get_close_matches(name.casefold(), known, n=1, cutoff=0.8)
        if near and name not in known and near[0] not in names:
            reason = f"column {name!r} is nearly {near[0]!r}, which has a meaning"
            raise ScalerError(Fault("table_columns", (path,), reason, "rename or remove it"))
