"""Writing several files as one: all of them appear in the target folder, or none."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scaler.exchange.parsing import broken


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """A temporary folder inside `out` to write into; what is not moved out of it by the end is removed.

    Raises:
        ScalerError: the disk is full, or a folder cannot be written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".staging-", dir=out))
    except OSError as error:
        raise broken(out, f"cannot be written to ({error.strerror})", "choose another --out", "write") from None
    try:
        yield staging
    except OSError as error:
        place = Path(error.filename or out)
        raise broken(
            place, f"cannot be written ({error.strerror})", "make room, or check the folder", "write"
        ) from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def staged_files(staging: Path) -> list[Path]:
    """The files in a staging folder, links among them, sorted."""
    return sorted(path for path in staging.rglob("*") if not path.is_dir())
