"""`python -m scaler import ... --out FOLDER`: annotations into the general form of a data set."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from scaler.artifacts.filehash import sha256
from scaler.artifacts.writing import write_file
from scaler.errors import Fault, Faults, fault_table
from scaler.exchange.image_files import files_by_id
from scaler.exchange.merge import Labels
from scaler.exchange.parsing import broken, read_json
from scaler.exchange.raster import png_bytes
from scaler.exchange.reading import Reading, opened
from scaler.exchange.shapes import ImportOptions
from scaler.exchange.staging import staged, staged_files

RECORD = "import.json"
BROKEN_LIST = "import_broken.csv"
FORMAT = "scaler-import"
FOLDERS = ("images", "masks", "marks")


def import_annotations(
    kind: str,
    source: Path,
    out: Path,
    options: ImportOptions,
    *,
    link: bool = False,
    overwrite: bool = False,
    date: str | None = None,
) -> list[str]:
    """Read a source and write it as `out/{images,masks,marks}` with `out/import.json`; all of it or nothing.

    Args:
        kind: a key of `scaler.exchange.reading.READERS`.
        source: file or folder.
        out: a new or an existing data set; files that are there with the same content are left alone.
        options: how to read; with `skip_broken` what was left out is listed in `out/import_broken.csv`.
        link: link images instead of copying them.
        overwrite: replace files of other content.
        date: of the annotations, for the record; default: the source's own.

    Returns:
        The summary, line by line.

    Raises:
        ScalerError: every fault of the source and its images, or a file is in the way. Nothing was written then.
    """
    _imports(out / RECORD)
    with opened(kind, source, options) as reading, staged(out) as staging:
        if link and reading.folder not in (source, source.parent):
            raise broken(source, "--link cannot link into a zip", "unpack it, or leave out --link", "zip")
        for labels in reading.labels():
            _stage(labels, staging, link=link)
        left_out = reading.finish()
        made = {name: len(staged_files(staging / name)) for name in FOLDERS}
        if not made["images"]:
            raise broken(source, "no image is left without its broken entries", kind="source_empty")
        kept = _move(staging, out, overwrite)
        if options.skip_broken:
            write_file(out / BROKEN_LIST, fault_table(left_out).encode())
        _record(out / RECORD, _entry(kind, reading, made, date))
    head = f"{out}: {made['images']} images, {made['masks']} masks, {made['marks']} marks files"
    tail = [f"the broken entries are listed in {out / BROKEN_LIST}"] if left_out else []
    return [head + (f"; {kept} files were there already" if kept else ""), *reading.summary(), *tail]


def _stage(labels: Labels, staging: Path, *, link: bool) -> None:
    image = labels.image
    target = staging / "images" / f"{image.id}{image.suffix}"
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(image.content, bytes):
        target.write_bytes(image.content)
    elif link:
        target.symlink_to(image.content.resolve())
    else:
        shutil.copyfile(image.content, target)
    for folder, label, top in (("masks", labels.mask, 255), ("marks", labels.marks, 1)):
        if label is not None:
            target = staging / folder / f"{image.id}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(png_bytes(label * np.uint8(top)))


def _move(staging: Path, out: Path, overwrite: bool) -> int:
    """Move everything to its place, unless something else is there; returns how many files were there already."""
    moves: list[tuple[Path, Path, Path | None]] = []
    kept = 0
    faults = Faults(out)
    for folder in FOLDERS:
        there = files_by_id(out / folder) if (out / folder).is_dir() else {}
        for path in staged_files(staging / folder):
            target = out / path.relative_to(staging)
            old = there.get(target.relative_to(out / folder).with_suffix("").as_posix())
            if old == target and sha256(old) == sha256(path):
                kept += 1
                continue
            if old is not None and not overwrite:
                reason = "is there already, with other content"
                faults.add(Fault("in_the_way", (old,), reason, "choose another --out, or --overwrite to replace it"))
            moves.append((path, target, old))
    faults.raise_if_errors()
    for path, target, old in moves:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
        if old is not None and old != target:
            old.unlink()
    return kept


def _entry(kind: str, reading: Reading, made: dict[str, int], date: str | None) -> dict[str, Any]:
    options, tally = asdict(reading.options), reading.tally
    options["images"] = None if reading.options.images is None else str(reading.options.images)
    left_out = {"broken entries left out": len(reading.faults.of("error"))} if reading.options.skip_broken else {}
    return {
        "source": str(reading.source),
        "sha256": reading.fingerprint(),
        "date": date or reading.date(),
        "format": kind,
        "options": options,
        "counts": {
            **made, **left_out, "objects": dict(sorted(tally.objects.items())), **dict(sorted(tally.counts.items()))
        },
    }  # fmt: skip


def _record(path: Path, entry: dict[str, Any]) -> None:
    """Add an entry to the list of imports, unless it is the last one already."""
    entry = json.loads(json.dumps(entry))
    imports = _imports(path)
    if not imports or imports[-1] != entry:
        text = json.dumps({"format": FORMAT, "imports": [*imports, entry]}, indent=2, ensure_ascii=True) + "\n"
        write_file(path, text.encode())


def _imports(path: Path) -> list[Any]:
    if not path.exists():
        return []
    content = read_json(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT or not isinstance(content.get("imports"), list):
        raise broken(path, "not a record of imports", "move it to another folder", "record")
    return list(content["imports"])
