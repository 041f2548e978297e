"""Progress with time left, on a terminal as a bar, in a log file as a line now and then."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

SECONDS_BETWEEN_LOG_LINES = 10.0


def progress(total: int, what: str, *, initial: int = 0, unit: str = "step") -> tqdm[Any]:
    """A progress bar on stderr; call `.update()` on it and close it by `with`."""
    terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        initial=initial,
        desc=what,
        unit=unit,
        dynamic_ncols=terminal,
        ncols=None if terminal else 100,
        mininterval=0.2 if terminal else SECONDS_BETWEEN_LOG_LINES,
        ascii=not terminal,
    )
