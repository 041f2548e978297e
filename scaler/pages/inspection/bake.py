"""The page as a folder of files that opens by double click: no server, no network."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from scaler.errors import ScalerError
from scaler.pages.assets import PAGE, safe_json
from scaler.pages.inspection.content import NAMES, VERSION, Content

INDEX = "index.html"
SUFFIXES = (".html", ".css", ".js", ".txt")  # what belongs to the page; its notes for developers do not
FIRST_DATA = "data/index.js"


def page_files() -> dict[str, Path]:
    """Name in the folder -> file, of everything that is the same for every run."""
    found = sorted(path for path in PAGE.rglob("*") if path.suffix in SUFFIXES)
    return {path.relative_to(PAGE).as_posix(): path for path in found}


def index_of(contents: Sequence[Content]) -> dict[str, Any]:
    """The value of the key `index`."""
    runs = [content.run.path.as_posix() for content in contents]
    return {"version": VERSION, "runs": list(NAMES[: len(contents)]), "title": " and ".join(runs)}


def script(key: str, value: Any) -> str:
    """A data file: a classic script of ASCII, where no string can end the script, begin a comment or break a line."""
    return f"SCALER.put({json.dumps(key)},{safe_json(value)});\n"


def data_names(contents: Sequence[Content]) -> list[str]:
    """Names of all data files."""
    named = zip(NAMES, contents, strict=False)
    return [FIRST_DATA, *(f"data/{name}/{key}.js" for name, content in named for key in content.all_keys())]


def data_files(contents: Sequence[Content]) -> Iterator[tuple[str, str]]:
    """(name, text) of every data file, one at a time."""
    yield FIRST_DATA, script("index", index_of(contents))
    for name, content in zip(NAMES, contents, strict=False):
        for key in content.all_keys():
            yield f"data/{name}/{key}.js", script(f"{name}/{key}", content.value(key))


def side_files(contents: Sequence[Content], advance: Callable[[], Any] = lambda: None) -> Iterator[tuple[str, str]]:
    """(name, text) of everything but `index.html`; `advance` is called after each data file."""
    for name, path in page_files().items():
        if name != INDEX:
            yield name, path.read_text(encoding="utf-8")
    for name, text in data_files(contents):
        yield name, text
        advance()


def remove_others(folder: Path, contents: Sequence[Content]) -> None:
    """Remove what an older page of more rounds or images left in a folder that was written file by file."""
    kept = {INDEX, *page_files(), *data_names(contents)}
    for path in sorted(folder.rglob("*"), reverse=True):  # contents before their folders
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(folder).as_posix() not in kept and not path.name.startswith("."):
            path.unlink()


def write_page(contents: Sequence[Content], out: Path, advance: Callable[[], Any] = lambda: None) -> Path:
    """Write the page into a folder, beside it first: an older page there is replaced when the new one is whole.

    Args:
        contents: one run, or two side by side.
        out: the folder; its parents are made.
        advance: called after each data file.

    Returns:
        The page to open.

    Raises:
        ScalerError: there is something else than an older page at `out`, or it cannot be written.
    """
    out = out.resolve()
    refuse_foreign(out)
    fresh, older = (out.with_name(f".{out.name}.{word}") for word in ("new", "old"))
    try:
        for rest in (fresh, older):
            shutil.rmtree(rest, ignore_errors=True)
        for name, text in side_files(contents, advance):
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        shutil.copyfile(PAGE / INDEX, fresh / INDEX)
        if out.exists():
            out.rename(older)
        fresh.rename(out)
    except OSError as error:
        raise ScalerError(f"{error.filename or out}: cannot be written ({error.strerror}); free some space.") from None
    finally:
        if older.exists() and not out.exists():
            older.rename(out)
        for rest in (fresh, older):
            shutil.rmtree(rest, ignore_errors=True)
    return out / INDEX


def refuse_foreign(out: Path) -> None:
    """Check that writing a page to a folder destroys nothing but an older page.

    Raises:
        ScalerError: there is a file, a folder of other things, or a page to which something has been added.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not _is_page(out):
        raise ScalerError(f"{out}: expected nothing there, or an older inspection page; choose another --out.")
    strange = [path for path in sorted(out.rglob("*")) if path.is_file() and not _is_ours(path.relative_to(out))]
    if strange:
        raise ScalerError(
            f"{strange[0]}: does not belong to the inspection page that would be replaced; move it elsewhere, or "
            "choose another --out."
        )


def _is_page(folder: Path) -> bool:
    try:
        with (folder / FIRST_DATA).open("rb") as file:
            return file.read(32).startswith(b'SCALER.put("index",')
    except OSError:
        return False


def _is_ours(name: Path) -> bool:
    """By its place: an older version's page may have had other files of the same kinds."""
    top = name.parts[0]
    return name.suffix in SUFFIXES if top in ("data", "js", "css", "vendor") else name.suffix in (".html", ".css")
