"""`python -m scaler import ... --out FOLDER`: annotations into the general form of a data set."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scaler.artifacts.filehash import sha256
from scaler.artifacts.writing import write_file
from scaler.data.problems import Problems
from scaler.errors import ScalerError
from scaler.exchange.merge import Merged, Tally
from scaler.exchange.parsing import read_json
from scaler.exchange.pictures import pictures_by_id
from scaler.exchange.reading import date_of, fingerprint, merged, paired, read_document, told
from scaler.exchange.shapes import Options
from scaler.use.write import write_png

RECORD = "import.json"
FORMAT = "scaler-import"
FOLDERS = ("images", "masks", "marks")


def import_annotations(
    kind: str,
    source: Path,
    out: Path,
    options: Options,
    *,
    link: bool = False,
    overwrite: bool = False,
    date: str | None = None,
) -> list[str]:
    """Read a source and lay it down as `out/{images,masks,marks}` with `out/import.json`; all of it or nothing.

    Args:
        kind: a key of `scaler.exchange.reading.READERS`.
        source: file or folder.
        out: a new or an existing data set; files that are there with the same content are left alone.
        options: how to read.
        link: link images instead of copying them.
        overwrite: replace files of other content.
        date: of the annotations, for the record; default: the source's own.

    Returns:
        The summary, line by line.

    Raises:
        ScalerError: anything is wrong with the source or its images, or a file is in the way. Nothing was written then.
    """
    _imports(out / RECORD)
    document = read_document(kind, source, options)
    problems, tally = Problems(source), Tally()
    pairs = paired(document, options, problems)
    try:
        out.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".import-", dir=out))
    except OSError as error:
        raise ScalerError(f"{out}: cannot be written to ({error.strerror}); choose another --out.") from None
    try:
        for result in merged(pairs, options, problems, tally):
            _stage(result, staging, link=link)
        problems.raise_if_any()
        made = {name: sum(1 for path in (staging / name).rglob("*") if not path.is_dir()) for name in FOLDERS}
        kept = _place(staging, out, overwrite)
    except OSError as error:
        raise ScalerError(
            f"{error.filename or out}: cannot be written ({error.strerror}); make room or check it."
        ) from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    counts: dict[str, Any] = {
        **made,
        "objects": dict(sorted(tally.objects.items())),
        **dict(sorted(tally.counts.items())),
    }
    entry = {
        "source": str(source),
        "sha256": fingerprint(document),
        "date": date or date_of(document),
        "format": kind,
        "options": _plain(options),
        "counts": counts,
    }
    _record(out / RECORD, entry)
    head = f"{out}: {made['images']} images, {made['masks']} masks, {made['marks']} marks files"
    return [head + (f"; {kept} files were there already" if kept else ""), *told(document, tally, options)]


def _stage(result: Merged, staging: Path, *, link: bool) -> None:
    picture = result.picture
    target = staging / "images" / f"{picture.id}{picture.suffix}"
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(picture.content, bytes):
        target.write_bytes(picture.content)
    elif link:
        target.symlink_to(picture.content.resolve())
    else:
        shutil.copyfile(picture.content, target)
    if result.mask is not None:
        write_png(staging / "masks" / f"{picture.id}.png", result.mask * 255)
    if result.marks is not None:
        write_png(staging / "marks" / f"{picture.id}.png", result.marks)


def _place(staging: Path, out: Path, overwrite: bool) -> int:
    """Move everything to its place, after a look at what is there; returns how many files were there already."""
    moves: list[tuple[Path, Path, Path | None]] = []
    kept = 0
    problems = Problems(out)
    for folder in FOLDERS:
        there = pictures_by_id(out / folder) if (out / folder).is_dir() else {}
        for path in sorted(path for path in (staging / folder).rglob("*") if not path.is_dir()):
            target = out / path.relative_to(staging)
            stem = target.relative_to(out / folder).with_suffix("").as_posix()
            old = there.get(stem)
            if old == target and sha256(old) == sha256(path):
                kept += 1
                continue
            if old is not None and not overwrite:
                problems.add(
                    f"{old}: is there already, with other content; another --out, or --overwrite to replace it."
                )
            moves.append((path, target, old))
    problems.raise_if_any()
    for path, target, old in moves:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
        if old is not None and old != target:
            old.unlink()
    return kept


def _plain(options: Options) -> dict[str, Any]:
    values = asdict(options)
    values["images"] = None if options.images is None else str(options.images)
    return values


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
        raise ScalerError(f"{path}: not a record of imports; move it away.")
    return list(content["imports"])
