"""`python -m scaler import ... --into DATA_SET --corrections`: corrected labels into a data set, with a record of it.

For each label that differs from what is there, in this order: the old file is copied to
`<folder>_before/<id>.<n><suffix>`, a row is added to `corrections.csv`, the new file replaces the old one. A run that
was interrupted between these steps is completed by the same command: no row is written twice, no label is lost.
"""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from scaler.artifacts.filehash import sha256
from scaler.artifacts.writing import write_file
from scaler.data import points_files
from scaler.data.decode import SUFFIXES
from scaler.data.images import read_marks, read_mask
from scaler.data.points import draw
from scaler.errors import Fault, Faults, ScalerError, fault_table
from scaler.exchange.image_files import files_by_id
from scaler.exchange.merge import Labels
from scaler.exchange.parsing import broken
from scaler.exchange.raster import png_bytes
from scaler.exchange.reading import opened
from scaler.exchange.shapes import U8, ImportOptions

RECORD = "corrections.csv"
BROKEN_LIST = "corrections_broken.csv"
COLUMNS = (
    "when", "by", "id", "label", "change", "pixels_added", "pixels_removed",
    "before", "before_sha256", "after_sha256", "source", "source_sha256",
)  # fmt: skip


@dataclass(frozen=True)
class LabelFolders:
    """Where a data set keeps its labels: its folder, and the names of the sub-folders for masks and marks."""

    root: Path
    masks: str = "masks"
    marks: str = "marks"


@dataclass(frozen=True)
class _Change:
    """A label that is to become another: the kind's folder, the old file, the new file's bytes."""

    id: str
    folder: str
    old: Path | None
    content: bytes
    added: int
    removed: int


def import_corrections(
    kind: str, source: Path, folders: LabelFolders, options: ImportOptions, *, by: str, date: str | None = None
) -> list[str]:
    """Bring the labels of a source into a data set that has the images already.

    Args:
        kind, source, options: as for `scaler.exchange.importing.import_annotations`; `options.images` is where the data
            set has its images (default: `images` in it). With `skip_broken`, images of broken entries keep what they
            have.
        folders: the data set.
        by: who made the corrections.
        date: when; default: the source's own date.

    Returns:
        The summary, line by line.

    Raises:
        ScalerError: as `import_annotations`; or the data set lacks one of the images. Nothing was changed then.
    """
    root = folders.root
    if not by.strip() or any(letter < " " for letter in by):
        raise ScalerError(Fault("option", (), "--by: expected a name", "say who made the corrections"))
    if not root.is_dir():
        raise broken(root, "no such data set", "name an existing one with --into", "folder_missing")
    options = replace(options, images=options.images or root / "images")
    rows = _rows(root / RECORD)
    suffixes = {folders.masks: SUFFIXES, folders.marks: (*SUFFIXES, *points_files.SUFFIXES)}
    existing = {name: files_by_id(root / name, kinds) for name, kinds in suffixes.items() if (root / name).is_dir()}
    changes: list[_Change | None] = []
    with opened(kind, source, options) as reading:
        for labels in reading.labels(scan=False):
            changes += _changes(labels, folders, existing, reading.faults)
        left_out = reading.finish()
        common = (date or reading.date(), by, str(source), reading.fingerprint())
    made = [change for change in changes if change is not None]
    try:
        for change in made:
            _apply(change, root, rows, common)
    except OSError as error:
        reason = f"cannot be written ({error.strerror})"
        raise broken(error.filename or root, reason, "fix that, and run the same command again", "write") from None
    if options.skip_broken:
        write_file(root / BROKEN_LIST, fault_table(left_out).encode())
    new = sum(change.old is None for change in made)
    head = f"{root}: {len(made) - new} labels corrected, {new} added, {len(changes) - len(made)} unchanged"
    tail = [f"the broken entries are listed in {root / BROKEN_LIST}"] if left_out else []
    return [head, *reading.summary(), *tail]


def _changes(
    labels: Labels, folders: LabelFolders, existing: dict[str, dict[str, Path]], faults: Faults
) -> list[_Change | None]:
    """The labels of an image that the source has; None for one that is there as it is."""
    key, found = labels.image.id, list[_Change | None]()
    for folder, label, is_mask in ((folders.masks, labels.mask, True), (folders.marks, labels.marks, False)):
        if label is None:
            continue
        old = existing.get(folder, {}).get(key)
        with faults.collect([key]):
            before = np.zeros_like(label) if old is None else read_mask(old) if is_mask else _marks(old, label.shape)
            if old is not None and before.shape != label.shape:
                raise broken(old, "has another size than its image", "correct or remove it first", "size_differs")
            if old is not None and (before == label).all():
                found.append(None)
            else:
                added, removed = int(((label > 0) & (before == 0)).sum()), int(((label == 0) & (before > 0)).sum())
                found.append(_Change(key, folder, old, png_bytes(label * 255 if is_mask else label), added, removed))
    return found


def _marks(path: Path, shape: tuple[int, ...]) -> U8:
    """What a marks file says, points being single pixels."""
    if points_files.is_points(path):
        return draw(points_files.read_points(path), (shape[0], shape[1]), size=max(shape), radius=0)
    return read_marks(path, "fg1_bg2")


def _apply(change: _Change, root: Path, rows: list[dict[str, str]], common: tuple[str, str, str, str]) -> None:
    when, by, source, source_digest = common
    after = hashlib.sha256(change.content).hexdigest()
    kept, before = _keep(change, root) if change.old is not None else ("", "")
    row = {
        "when": when, "by": by, "id": change.id, "label": change.folder,
        "change": "corrected" if change.old is not None else "added",
        "pixels_added": str(change.added), "pixels_removed": str(change.removed),
        "before": kept, "before_sha256": before, "after_sha256": after,
        "source": source, "source_sha256": source_digest,
    }  # fmt: skip
    last = next((r for r in reversed(rows) if (r["id"], r["label"]) == (change.id, change.folder)), None)
    cut_off = last is not None and (last["before_sha256"], last["after_sha256"]) == (before, after)
    if not cut_off:
        rows.append(row)
        write_file(root / RECORD, _csv(rows))
    target = root / change.folder / f"{change.id}.png"
    write_file(target, change.content)
    if change.old is not None and change.old != target:
        change.old.unlink()


def _keep(change: _Change, root: Path) -> tuple[str, str]:
    """Copy the old label aside, under the next free number; (path below the data set, SHA-256)."""
    assert change.old is not None
    digest, number = sha256(change.old), 1
    while True:
        copy = root / f"{change.folder}_before" / f"{change.id}.{number}{change.old.suffix}"
        if not copy.exists():
            break
        if sha256(copy) == digest:
            return copy.relative_to(root).as_posix(), digest
        number += 1
    write_file(copy, change.old.read_bytes())
    return copy.relative_to(root).as_posix(), digest


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows = [dict(row) for row in reader]
            columns = tuple(reader.fieldnames or ())
    except (UnicodeDecodeError, csv.Error, OSError):
        rows, columns = [], ()
    if columns != COLUMNS or any(None in row or None in row.values() for row in rows):
        reason = f"not a record of corrections with the columns {', '.join(COLUMNS)}"
        raise broken(path, reason, "move it to another folder", "record")
    return rows


def _csv(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode(errors="surrogateescape")
