"""A table of the user's (CSV) that names images, masks, marks, splits, sets and groups."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from scaler.data.csv_file import read_csv
from scaler.data.decode import SUFFIXES
from scaler.data.layouts import SPLITS
from scaler.data.layouts_files import Found
from scaler.data.points_files import SUFFIXES as POINTS_SUFFIXES
from scaler.data.problems import Problems
from scaler.errors import ScalerError
from scaler.params import PrepareDataParams

COLUMNS = ("image", "mask", "marks", "split", "set", "group")
ROLE_SPELLINGS = {"training": "train", "valid": "val", "validation": "val", "testing": "test"}


def read_table(root: Path, params: PrepareDataParams, problems: Problems) -> Found:
    """The files that the table `prepare_data.table` in the source folder names, a row per image.

    Columns: image (must be there), mask, marks: paths below the source, empty where there is none; split: train, val,
    test, or empty; set; group, or the column that `prepare_data.groups` names. The first line names the columns; they
    are parted by comma, semicolon or tabulator. Other columns are passed over, and told. An id is the path of the image
    without suffix.

    Raises:
        ScalerError: no table, or none that can be read; faults of single rows go to `problems`, with their line.
    """
    path = root / params.table
    if Path(params.table).is_absolute() or ".." in Path(params.table).parts:
        raise ScalerError(
            f"prepare_data.table: {params.table}: the table must lie inside {root}, so that changes to it are noticed."
        )
    names, rows = read_csv(path, ("image",), COLUMNS, "layout csv reads the table that prepare_data.table names")
    group_column = params.groups if params.groups in names else "group"
    found = Found(notes=_note_others(path, names, group_column))
    for line, row in rows:
        _add_row(found, root, f"{path}: line {line}", row, row.get(group_column, ""), problems)
    if not found.images:
        problems.raise_if_any()
        raise ScalerError(f"{path}: names no image; expected a line per image below the line of column names.")
    if params.groups is not None and params.groups not in names and "(" not in params.groups:
        raise ScalerError(
            f"prepare_data.groups: {params.groups!r} is no column of {path}, which has {', '.join(names)}, and no "
            "regular expression with a part in parentheses."
        )
    if params.groups is not None and params.groups not in names:
        found.groups.clear()  # an expression on the ids takes the place of the column
    return found


def _note_others(path: Path, names: list[str], group_column: str) -> list[str]:
    others = [name for name in names if name not in (*COLUMNS, group_column)]
    return [f"table: {path.name}: passed over the columns {', '.join(others)}"] if others else []


def _add_row(found: Found, root: Path, where: str, row: dict[str, str], group: str, problems: Problems) -> None:
    image = _file(root, where, "image", row, problems)
    if image is None:
        if not row["image"]:
            problems.add(f"{where}: no image named; give its path below {root}, or remove the line.")
        return
    image_id = PurePosixPath(row["image"]).with_suffix("").as_posix()
    if image_id in found.images:
        problems.add(
            f"{where}: {image} and {found.images[image_id]} are the same image id {image_id!r}; keep one line."
        )
        return
    split = row.get("split", "")
    role = next((s for s in SPLITS if s == ROLE_SPELLINGS.get(split.casefold(), split.casefold())), None)
    if split and role is None:
        problems.add(f"{where}: split {split!r}; expected train, val, test, or nothing.")
    found.images[image_id] = image
    found.sets[image_id] = row.get("set", "")
    found.cures[image_id] = f"name it in the column mask ({where})"
    mask, marks = (_file(root, where, key, row, problems) for key in ("mask", "marks"))
    for value, store in ((mask, found.masks), (marks, found.marks)):
        if value is not None:
            store[image_id] = value
    if role is not None:
        found.roles[image_id] = role
    if group:
        found.groups[image_id] = group


def _file(root: Path, where: str, key: str, row: dict[str, str], problems: Problems) -> Path | None:
    name = row.get(key, "")
    if not name:
        return None
    path = root / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        problems.add(
            f"{where}: {key} {name!r}: must lie inside {root}, so that changes in it are noticed; a link is fine."
        )
    elif path.suffix.lower() not in (expected := (*SUFFIXES, *(POINTS_SUFFIXES if key == "marks" else ()))):
        problems.add(f"{where}: {key} {name!r}: expected a file such as {', '.join(expected)}.")
    elif not path.is_file():
        hint = "; write paths with /" if "\\" in name else ""
        problems.add(f"{where}: {key} {name!r}: no such file in {root}; mend the name{hint}.")
    else:
        return path
    return None
