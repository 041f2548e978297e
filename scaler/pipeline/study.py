"""Runs the cells of a study that have no rows yet; rows are appended to one CSV as they come."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaler.artifacts.code import code_version
from scaler.artifacts.locking import file_lock
from scaler.artifacts.writing import write_file
from scaler.errors import ScalerError
from scaler.metrics.names import METRICS
from scaler.pipeline.cell import ROWS, write_cell
from scaler.pipeline.grid import Cell, Study
from scaler.pipeline.work import WORK
from scaler.progress import log

COLUMNS = ("recipe", "supervision", "seed", "step", "model", *METRICS)
COLUMNS += ("seconds", "memory_mb", "gpu_memory_mb", "processor", "values", "code")
ADDED = {"gpu_memory_mb"}  # columns that older files do not have
ROOT = Path(__file__).resolve().parents[2]
TAIL = 12  # lines of a failed cell's log that are shown
Row = dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """What one call did.

    Attributes:
        done: cells that have rows now.
        failed: names of cells that stopped with an error.
        elsewhere: names of cells that another process was computing.
    """

    done: int
    failed: list[str]
    elsewhere: list[str]


def read_rows(path: Path) -> list[Row]:
    """The rows so far; [] where there is no file.

    Raises:
        ScalerError: the columns are others.
    """
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    if set(reader.fieldnames or ()) | ADDED != set(COLUMNS):
        raise ScalerError(f"{path}: expected the columns {', '.join(COLUMNS)}. Name another folder by --out.")
    return [dict.fromkeys(ADDED, "") | row for row in rows]


def split_rows(rows: Iterable[Row], cells: Sequence[Cell]) -> tuple[list[Row], list[Row]]:
    """Rows that belong to the study as it is now, and those of its cells that were made with other values."""
    digests = {tuple(map(str, cell.key)): cell.digest for cell in cells}
    valid, outdated = list[Row](), list[Row]()
    for row in rows:
        digest = digests.get((row["recipe"], row["supervision"], row["seed"]))
        if digest is not None:
            (valid if row["values"] == digest else outdated).append(row)
    return valid, outdated


def run_missing(name: str, study: Study, cells: Sequence[Cell], table: Path) -> Outcome:
    """Compute the cells that `table` lacks, one after another; a cell with rows is never computed again.

    Call it in several processes at once to compute several cells at a time: each takes what no other is computing.

    Args:
        name: of the study.
        study: the study.
        cells: those to compute.
        table: CSV to append to.

    Returns:
        What was done. A cell that fails does not stop the others.
    """
    work = WORK / "studies" / name
    failed, elsewhere, done = list[str](), list[str](), 0
    for number, cell in enumerate(cells, 1):
        with ExitStack() as stack:
            try:
                lock = work / "locks" / f"{cell.folder}.lock"
                stack.enter_context(file_lock(lock, f"another process computes {cell.name}", wait=False))
            except ScalerError:
                elsewhere.append(cell.name)
                continue
            if _has_rows(cell, table):
                done += 1
                continue
            log.info(f"study {name}: {number} of {len(cells)}: {cell.name}")
            begin = time.monotonic()
            if not _compute(cell, study, work, table):
                failed.append(cell.name)
                continue
            done += 1
            log.info(f"study {name}: {number} of {len(cells)}: done in {time.monotonic() - begin:.0f} s")
    return Outcome(done, failed, elsewhere)


def clear_work(name: str) -> None:
    """Remove what is kept for cells to come; call it when none is missing."""
    shutil.rmtree(WORK / "studies" / name, ignore_errors=True)


def _has_rows(cell: Cell, table: Path) -> bool:
    valid, _ = split_rows(read_rows(table), [cell])
    return bool(valid)


def _compute(cell: Cell, study: Study, work: Path, table: Path) -> bool:
    folder = (work / cell.folder).absolute()
    write_cell(folder, cell, study, work / "shared")
    record = folder / "log.txt"
    with record.open("w", encoding="utf-8") as file:
        process = subprocess.run(
            [sys.executable, "-m", "scaler.pipeline.cell", str(folder)], cwd=ROOT, stdout=file, stderr=file, check=False
        )
    if process.returncode:
        lines = record.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]
        log.error("\n".join([f"{cell.name} failed; the end of {record}:", *(f"    {line}" for line in lines)]))
        return False
    rows = json.loads((folder / ROWS).read_text(encoding="utf-8"))
    place = {"recipe": cell.recipe, "supervision": cell.supervision, "seed": cell.seed}
    made = {"values": cell.digest, "code": _code()}
    append_rows(table, [place | row | made for row in rows])
    shutil.rmtree(folder)
    return True


def append_rows(table: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Add rows to the CSV, all or none; rows of the same cell with other values give way."""
    with file_lock(WORK / "locks" / f"{table.parent.name}_{table.name}.lock", f"another process writes {table}"):
        new = [{column: str(row[column]) for column in COLUMNS} for row in rows]
        places = {_place(row) for row in new}
        kept = [row for row in read_rows(table) if _place(row) not in places]
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows([*kept, *new])
        write_file(table, text.getvalue().encode())


def _place(row: Row) -> tuple[str, str, str]:
    return row["recipe"], row["supervision"], row["seed"]


def _code() -> str:
    """Version of the code that trains and scores, short."""
    return code_version("stages.train_segmenter", ("stages.train_sam", "stages.evaluate"))[:12]
