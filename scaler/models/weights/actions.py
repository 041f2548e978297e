"""What `python -m scaler weights` does; kept out of `command.py`, so that other commands start without it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from scaler.artifacts.filehash import sha256
from scaler.errors import ScalerError
from scaler.models.weights import download, registry
from scaler.models.weights.link import is_linked, link, project_path
from scaler.models.weights.registry import Checkpoint
from scaler.models.weights.store import SETTING, check, expected_sha256, store_folder, stored

GENERIC = "sam:\n  weights: {path}\n  sha256: {sha256}"


def run_list(arguments: argparse.Namespace) -> int:
    """Print the registry and what of it is on this machine; files are not read, only looked at."""
    if arguments.markdown:
        print(registry.markdown_table())
        return 0
    rows = [_row(entry) for entry in registry.checkpoints()]
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return 0
    print(f"store: {store_folder()}  ({SETTING} changes it)\n")
    shown = [("name", "size", "licence", "in store", "linked", "checksum")]
    shown += [
        (
            row["name"],
            registry.megabytes(row["size"]),
            row["licence"],
            row["in_store"],
            "yes" if row["linked"] else "no",
            row["checksum"],
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in shown) for column in range(len(shown[0]))]
    for line in shown:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    return 0


def run_fetch(arguments: argparse.Namespace) -> int:
    """Download what is missing, verify, link; the names are all checked before anything is fetched."""
    entries = [registry.by_name(name) for name in arguments.names]
    failed = 0
    for entry in entries:
        try:
            path, digest = download.fetch(entry, store_folder())
            done = link(path)
        except ScalerError as error:
            failed += 1
            print(f"error: {error}", file=sys.stderr)
            continue
        except KeyboardInterrupt:
            print(f"interrupted: `weights fetch {entry.name}` goes on from where it was", file=sys.stderr)
            return 130
        _explain(entry, path, digest)
        print(f"{done}\nIn params.yaml:\n{entry.params_lines(project_path(entry.file).as_posix(), digest)}\n")
    return 1 if failed else 0


def run_verify(arguments: argparse.Namespace) -> int:
    """Compute the checksum of each file (of everything in the store, if none is named) and say what it is."""
    folder = store_folder()
    names = arguments.names or [entry.name for entry in registry.checkpoints() if stored(entry, folder).is_file()]
    if not names:
        print(f"nothing to verify: no official file is in {folder}")
    failed = 0
    for name in names:
        try:
            _verify(name, folder)
        except ScalerError as error:
            failed += 1
            print(f"error: {error}", file=sys.stderr)
    return 1 if failed else 0


def run_where(arguments: argparse.Namespace) -> int:
    """Print the folder, or where a file lies or belongs; nothing else goes to stdout, for use in scripts."""
    folder = store_folder()
    if arguments.name is None:
        print(folder)
        return 0
    entry = registry.by_name(arguments.name)
    path = stored(entry, folder)
    print(path)
    if not path.is_file():
        print(f"not there yet: python -m scaler weights fetch {entry.name}", file=sys.stderr)
    return 0


def _row(entry: Checkpoint) -> dict[str, Any]:
    path = stored(entry, store_folder())
    here = "no"
    if path.is_file():
        here = "yes" if entry.size in (None, path.stat().st_size) else "wrong size"
    expected, says = expected_sha256(entry, store_folder())
    state = {
        "path": str(path),
        "in_store": here,
        "linked": is_linked(path),
        "checksum": says,
        "expected_sha256": expected,
    }
    return entry.model_dump() | state


def _verify(name: str, folder: Path) -> None:
    entry, path = registry.find(name), Path(name)
    if entry is not None and not path.is_file():
        path = stored(entry, folder)
    if not path.is_file():
        entry = entry or (None if path.suffix or len(path.parts) > 1 else registry.by_name(name))
        hint = f" Fetch it: python -m scaler weights fetch {entry.name}" if entry else ""
        raise ScalerError(f"weights: no file at {path}.{hint}")
    entry = entry or registry.find(path.name)
    if entry is not None:
        digest = check(path, entry, folder)
    else:
        digest = sha256(path)
        entry = next((other for other in registry.checkpoints() if other.sha256 == digest), None)
    _explain(entry, path, digest)
    shown = project_path(path.name) if entry is not None and is_linked(path) else path
    lines = (
        entry.params_lines(shown.as_posix(), digest) if entry else GENERIC.format(path=shown.as_posix(), sha256=digest)
    )
    print(f"In params.yaml:\n{lines}\n")


def _explain(entry: Checkpoint | None, path: Path, digest: str) -> None:
    if entry is None:
        verdict = "not in the registry, so nothing is known about it"
    elif entry.sha256 == digest:
        verdict = f"{entry.name}: {entry.purpose}; the checksum is the registry's"
    else:
        verdict = f"{entry.name}: {entry.purpose}; the registry knows no checksum ({_basis(entry, digest)})"
    print(f"{path}\n  SHA-256  {digest}\n  {verdict}")


def _basis(entry: Checkpoint, digest: str) -> str:
    if expected_sha256(entry, store_folder())[0] == digest:
        return "equal to the pin of the first download"
    known = [what for what, value in (("size", entry.size), ("first digits", entry.sha256_prefix)) if value is not None]
    return f"only {' and '.join(known)} could be compared" if known else "nothing could be compared"


ACTIONS = {"list": run_list, "fetch": run_fetch, "verify": run_verify, "where": run_where}
