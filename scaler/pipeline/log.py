"""The log of a stage: what it says on the terminal, with the time, in a file that outlives the terminal."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from scaler.errors import ScalerError

SECONDS_BETWEEN_PROGRESS_LINES = 10.0


@contextmanager
def logged(path: Path, title: str) -> Iterator[None]:
    """Append all that is printed, and the error if there is one, to the log at `path`.

    A log that cannot be written (a full disk) is no reason to stop, so its own errors are passed over.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _line(path, title)
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Tee(before[0], path), _Tee(before[1], path)
    try:
        yield
    except ScalerError as error:
        _line(path, f"error: {error}")
        raise
    except BaseException:
        _line(path, traceback.format_exc())
        raise
    finally:
        sys.stdout, sys.stderr = before


class _Tee:
    """A text stream that also writes whole lines to a log, and of a progress bar one line now and then."""

    def __init__(self, stream: TextIO, path: Path) -> None:
        self._stream, self._path = stream, path
        self._pending = ""
        self._last_progress = time.monotonic()

    def write(self, text: str) -> int:
        for part in text.splitlines(keepends=True):
            self._pending += part
            if part.endswith("\n"):
                _line(self._path, self._pending)
                self._pending = ""
            elif part.endswith("\r"):
                self._progress()
        return self._stream.write(text)

    def _progress(self) -> None:
        if self._pending.strip() and time.monotonic() - self._last_progress > SECONDS_BETWEEN_PROGRESS_LINES:
            _line(self._path, self._pending)
            self._last_progress = time.monotonic()
        self._pending = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _line(path: Path, text: str) -> None:
    with suppress(OSError), path.open("a", encoding="utf-8") as file:
        file.write(f"{datetime.now():%Y-%m-%d %H:%M:%S}  {text.strip()}\n")
