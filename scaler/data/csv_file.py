"""Tables of the user's (CSV), read strictly: every line has the columns that the first one names."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from scaler.errors import ScalerError

DELIMITERS = (",", ";", "\t")

Row = tuple[int, dict[str, str]]


def read_csv(path: Path, needed: Sequence[str], known: Sequence[str], role: str) -> tuple[list[str], list[Row]]:
    """The names of the columns, and the lines that are not empty, each with its number (the first line is 1).

    The first line names the columns; they are parted by comma, semicolon or tabulator. Cells lose the blanks around
    them.

    Args:
        path: UTF-8, with or without byte order mark.
        needed: columns that must be there.
        known: all columns with a meaning; a name that is nearly one of these is refused.
        role: which file it is and what names it, for the message that it is missing.

    Raises:
        ScalerError: no such file, not CSV in UTF-8, a needed column missing, two of one name, a misspelt one, or a line
            of another number of cells; with the line.
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
        raise ScalerError(f"{path}: no such table; {role}, with the columns {', '.join(known)}.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ScalerError(f"{path}: not readable as a table ({error}); save it as CSV in UTF-8.") from None
    for line, row in rows:
        if len(row) != len(names):
            raise ScalerError(
                f"{path}: line {line}: {len(row)} cells, expected {len(names)} ({', '.join(names)}); a name that holds "
                f"{delimiter!r} must stand in double quotes."
            )
    return names, [(line, dict(zip(names, (c.strip() for c in row), strict=True))) for line, row in rows]


def _cells(line: str, delimiter: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, strict=True), [])]


def _check_names(path: Path, names: list[str], needed: Sequence[str], known: Sequence[str]) -> None:
    for missing in (name for name in needed if name not in names):
        others = [name for name in known if name not in needed]
        optional = f", and of {', '.join(others)} those that you have" if others else ""
        raise ScalerError(
            f"{path}: no column named {missing}; the first line has {', '.join(map(repr, names)) or 'nothing'}. "
            f"Expected column names, parted by commas: {', '.join(needed)}{optional}."
        )
    for name in names:
        if names.count(name) > 1:
            raise ScalerError(f"{path}: two columns named {name!r}; keep one.")
        near = get_close_matches(name.casefold(), known, n=1, cutoff=0.8)
        if near and name not in known and near[0] not in names:
            raise ScalerError(f"{path}: column {name!r}: did you mean {near[0]!r}? Rename it, or take it out.")
