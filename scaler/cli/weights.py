"""`python -m scaler weights`: list, fetch, verify and find official checkpoints."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scaler.errors import ScalerError

if TYPE_CHECKING:
    from scaler.models.weights.registry import Checkpoint

weights = typer.Typer(
    help="List, fetch, verify and find official checkpoints.\n\n"
    "They are kept in one folder for all checkouts; SCALER_WEIGHTS=/path sets it.",
    rich_markup_mode=None,
)
GENERIC = "sam:\n  weights: {path}\n  sha256: {sha256}"


@weights.command("list")
def list_all(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with everything known.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table of docs/weights.md.")] = False,
) -> None:
    """List the checkpoints, and which of them are here; files are not read."""
    from scaler.models.weights import registry
    from scaler.models.weights.store import SETTING, store_folder

    if as_json and markdown:
        raise typer.BadParameter("--json and --markdown are two forms of one output; choose one")
    if markdown:
        print(registry.markdown_table())
        return
    rows = [_row(entry) for entry in registry.checkpoints()]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    print(f"store: {store_folder()}  ({SETTING} changes it)\n")
    table = [("name", "size", "licence", "in store", "linked")]
    for row in rows:
        linked = "yes" if row["linked"] else "no"
        size = registry.megabytes(row["size"])
        table.append((row["name"], size, row["licence"], row["in_store"], linked))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


@weights.command()
def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Names from the list, or official file names.")],
) -> None:
    """Download checkpoints, or verify what is here, and link them into weights/."""
    from scaler.models.weights import download, registry
    from scaler.models.weights.link import link, project_path
    from scaler.models.weights.store import store_folder

    entries = [registry.by_name(name) for name in names]  # all names are checked before anything is fetched
    failed = False
    for entry in entries:
        try:
            path, digest = download.fetch(entry, store_folder())
            done = link(path)
        except ScalerError as error:
            failed = True
            print(f"error: {error}", file=sys.stderr)
            continue
        except KeyboardInterrupt:
            print(f"interrupted: `weights fetch {entry.name}` continues from here", file=sys.stderr)
            raise typer.Exit(130) from None
        _explain(entry, path, digest)
        print(f"{done}\nIn params.yaml:\n{entry.params_lines(project_path(entry.file).as_posix())}\n")
    if failed:
        raise typer.Exit(1)


@weights.command()
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME|FILE", help="Names or files.", show_default="everything in the store"),
    ] = None,
) -> None:
    """Compute checksums and say what the files are."""
    from scaler.models.weights import registry
    from scaler.models.weights.store import store_folder, stored

    folder = store_folder()
    chosen = names or [entry.name for entry in registry.checkpoints() if stored(entry, folder).is_file()]
    if not chosen:
        print(f"nothing to verify: no official file is in {folder}")
    failed = False
    for name in chosen:
        try:
            _verify(name, folder)
        except ScalerError as error:
            failed = True
            print(f"error: {error}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)


@weights.command()
def where(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A name, or an official file name.")] = None,
) -> None:
    """Print the store's folder, or the path of one file."""
    from scaler.models.weights import registry
    from scaler.models.weights.store import store_folder, stored

    if name is None:
        print(store_folder())
        return
    entry = registry.by_name(name)
    path = stored(entry, store_folder())
    print(path)
    if not path.is_file():  # on stderr, so that a script reads the path alone
        print(f"not there yet: python -m scaler weights fetch {entry.name}", file=sys.stderr)


def _row(entry: Checkpoint) -> dict[str, Any]:
    from scaler.models.weights.link import is_linked
    from scaler.models.weights.store import store_folder, stored

    path = stored(entry, store_folder())
    here = "no"
    if path.is_file():
        here = "yes" if entry.size in (None, path.stat().st_size) else "wrong size"
    return entry.model_dump() | {"path": str(path), "in_store": here, "linked": is_linked(path)}


def _verify(name: str, folder: Path) -> None:
    from scaler.artifacts.filehash import sha256
    from scaler.models.weights import registry
    from scaler.models.weights.link import is_linked, project_path
    from scaler.models.weights.store import check, stored

    entry, path = registry.find(name), Path(name)
    if entry is not None and not path.is_file():
        path = stored(entry, folder)
    if not path.is_file():
        entry = entry or (None if path.suffix or len(path.parts) > 1 else registry.by_name(name))
        hint = f" Fetch it: python -m scaler weights fetch {entry.name}" if entry else ""
        raise ScalerError(f"weights: no file at {path}.{hint}")
    entry = entry or registry.find(path.name)
    digest = sha256(path) if entry is None else check(path, entry)
    entry = entry or next((other for other in registry.checkpoints() if other.sha256 == digest), None)
    _explain(entry, path, digest)
    shown = (project_path(path.name) if entry is not None and is_linked(path) else path).as_posix()
    lines = entry.params_lines(shown) if entry else GENERIC.format(path=shown, sha256=digest)
    print(f"In params.yaml:\n{lines}\n")


def _explain(entry: Checkpoint | None, path: Path, digest: str) -> None:
    unknown = "not in the registry: nothing is known about this file"
    verdict = unknown if entry is None else f"{entry.name}: {entry.purpose}; the checksum matches the registry"
    print(f"{path}\n  SHA-256  {digest}\n  {verdict}")
