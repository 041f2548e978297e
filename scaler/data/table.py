"""A CSV table that names images, masks, marks, splits, sets and groups."""

from __future__ import annotations

from pathlib import Path

from scaler.data.csv_file import read_csv
from scaler.data.decode import SUFFIXES
from scaler.data.layouts import SPLITS
from scaler.data.points_files import SUFFIXES as POINTS_SUFFIXES
from scaler.data.source_files import SourceFiles
from scaler.errors import Fault, Faults, ScalerError
from scaler.params import PrepareDataParams

COLUMNS = ("image", "mask", "marks", "split", "set", "group")
ROLE_SPELLINGS = {"training": "train", "valid": "val", "validation": "val", "testing": "test"}


class _Rows:
    """The rows of one table, added one by one to the files that they name."""

    def __init__(self, root: Path, table: Path, faults: Faults) -> None:
        self.root, self.table, self.faults = root, table, faults
        self.found = SourceFiles()

    def fault(self, line: int, reason: str, remedy: str) -> None:
        self.faults.add(Fault("table_row", (self.table,), f"line {line}: {reason}", remedy))

    def add(self, line: int, row: dict[str, str], group: str) -> None:
        """Add one image with its labels, split, set and group."""
        found, image = self.found, self.file(line, "image", row)
        if image is None:
            if not row["image"]:
                self.fault(line, "no image named", f"write its path below {self.root}, or remove the line")
            return
        image_id = image.relative_to(self.root).with_suffix("").as_posix()
        if image_id in found.images:
            twin = found.images[image_id]
            self.fault(line, f"{image} and {twin} have the same image id {image_id!r}", "keep one line")
            return
        split = row.get("split", "")
        role = next((s for s in SPLITS if s == ROLE_SPELLINGS.get(split.casefold(), split.casefold())), None)
        if split and role is None:
            self.fault(line, f"split {split!r}", "write train, val or test, or leave it empty")
        found.images[image_id] = image
        found.sets[image_id] = row.get("set", "")
        found.mask_remedies[image_id] = f"name it in the column mask ({self.table}: line {line})"
        for key, store in (("mask", found.masks), ("marks", found.marks)):
            if (path := self.file(line, key, row)) is not None:
                store[image_id] = path
        if role is not None:
            found.roles[image_id] = role
        if group:
            found.groups[image_id] = group

    def file(self, line: int, key: str, row: dict[str, str]) -> Path | None:
        """The file that a cell names, or None without one, or with a fault."""
        name = row.get(key, "")
        if not name:
            return None
        name = name if "\\" not in name or (self.root / name).is_file() else name.replace("\\", "/")  # of Windows
        path = self.root / name
        expected = (*SUFFIXES, *(POINTS_SUFFIXES if key == "marks" else ()))
        if Path(name).is_absolute() or ".." in Path(name).parts:
            reason = f"{key} {name!r}: must be inside {self.root}, so that changes in it are noticed"
            self.fault(line, reason, "move it there; a link is fine")
        elif path.suffix.lower() not in expected:
            self.fault(line, f"{key} {name!r}: not a file that is read", f"expected one of {', '.join(expected)}")
        elif not path.is_file():
            self.fault(line, f"{key} {name!r}: no such file in {self.root}", "correct the name")
        else:
            return path
        return None


def read_table(root: Path, params: PrepareDataParams, faults: Faults) -> SourceFiles:
    """The files that the table `prepare_data.table` in the source folder names, a row per image.

    Columns: image (required); mask, marks: paths below the source, empty for none; split: train, val, test, or empty;
    set; group, or the column that `prepare_data.groups` names. An id is the path of the image without suffix.
    `faults` gets errors for single rows and a note about unknown columns.

    Raises:
        ScalerError: there is no table, or it is not readable.
    """
    path = root / params.table
    if Path(params.table).is_absolute() or ".." in Path(params.table).parts:
        reason = f"prepare_data.table: the table must be inside {root}, so that changes to it are noticed"
        raise ScalerError(Fault("table_outside", (params.table,), reason, "move it there"))
    names, rows = read_csv(path, ("image",), COLUMNS, "layout csv reads the table that prepare_data.table names")
    group_column = params.groups if params.groups in names else "group"
    others = [name for name in names if name not in (*COLUMNS, group_column)]
    if others:
        faults.add(Fault("columns_ignored", (path,), f"columns not used: {', '.join(others)}", severity="note"))
    table = _Rows(root, path, faults)
    for line, row in rows:
        table.add(line, row, row.get(group_column, ""))
    if not rows:
        faults.add(Fault("table_empty", (path,), "names no image", "write a line per image"))
    if params.groups is not None and params.groups not in names:
        if "(" not in params.groups:
            reason = f"prepare_data.groups: no column {params.groups!r}; there are {', '.join(names)}"
            remedy = "name a column, or write a regular expression with parentheses"
            raise ScalerError(Fault("groups_column", (path,), reason, remedy))
        table.found.groups.clear()  # an expression on the ids takes the place of the column
    return table.found
