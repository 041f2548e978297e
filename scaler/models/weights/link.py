"""`weights/` in the project: links into the store, so that `params.yaml` holds the same path on every machine."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from scaler.artifacts.filehash import sha256
from scaler.errors import ScalerError

PROJECT_FOLDER = Path("weights")


def project_path(file: str, folder: Path = PROJECT_FOLDER) -> Path:
    """The path for `params.yaml`: relative to the project's root, where every command runs."""
    return folder / file


def is_linked(source: Path, folder: Path = PROJECT_FOLDER) -> bool:
    """Whether the project's `weights/<file>` is the store's file, or a copy of the same size."""
    target = project_path(source.name, folder)
    if not (target.exists() and source.exists()):
        return False
    return target.samefile(source) or (not target.is_symlink() and target.stat().st_size == source.stat().st_size)


def link(source: Path, folder: Path = PROJECT_FOLDER) -> str:
    """Make the project's `weights/<file>` the store's `source`: a symbolic link, or a copy where links fail.

    The folder gets a `.gitignore` of its own. A link that points elsewhere is replaced; a file is never overwritten.

    Returns:
        What was done, a sentence.

    Raises:
        ScalerError: there is another file of that name.
    """
    target = project_path(source.name, folder)
    folder.mkdir(exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    if target.is_symlink():
        if target.exists() and target.samefile(source):
            return f"{target} links to it already."
    elif target.exists():
        if sha256(target) == sha256(source):
            return f"{target} is a copy of it already."
        raise ScalerError(
            f"{target}: expected nothing here, or a copy of {source}, found another file. Move it away and try again."
        )
    return _put(source, target)


def _put(source: Path, target: Path) -> str:
    """Put link or copy in place in one step, so that a running stage never sees half a file."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        new = Path(folder) / target.name
        try:
            new.symlink_to(source.absolute())
            what = f"{target} -> {source}"
        except OSError as error:
            shutil.copyfile(source, new)
            what = f"{target}: a copy of {source}, since links fail here ({error})."
        new.replace(target)
    return what
