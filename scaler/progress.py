"""What a person sees of the work: messages and progress bars, on the terminal and in the log of a stage.

`log.info` goes to stdout, `log.warning` to stderr, plain; `log.debug` goes to the log file alone, which has the time in
front of each line. Commands and stages call `show_messages` once; a stage writes its file within `log_file`.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from scaler.errors import ScalerError

NEUTRAL = True  # it shows what is done, and does none of it

SECONDS_BETWEEN_LINES = 10.0  # of a progress bar, where there is no terminal to redraw it on

log = logging.getLogger("scaler")


class _Terminal(logging.Handler):
    """Plain messages beside the progress bars; stdout and stderr are those of the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        stream = sys.stdout if record.levelno < logging.WARNING else sys.stderr
        if sys.stderr.isatty():
            tqdm.write(self.format(record), file=stream)
        else:
            print(self.format(record), file=stream)
        stream.flush()


class _File(logging.FileHandler):
    """A log that cannot be written (a full disk) is no reason to stop."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Pass over it."""


class _Bar(tqdm):  # type: ignore[type-arg]  # generic for the type checker alone
    """A progress bar that also leaves a line in the log file now and then."""

    hidden = False
    _logged: float | None = None

    def display(self, *arguments: Any, **options: Any) -> Any:
        """Draw, and log if it is time."""
        now = time.monotonic()
        self._logged = self._logged or now
        if now - self._logged >= SECONDS_BETWEEN_LINES:
            self._logged = now
            log.debug("%s", self)
        return super().display(*arguments, **options)


def progress(total: int, what: str, *, initial: int = 0, unit: str = "step") -> tqdm[Any]:
    """A progress bar on stderr; call `.update()` on it and close it by `with`."""
    terminal = sys.stderr.isatty()
    return _Bar(
        total=total,
        initial=initial,
        desc=what,
        unit=unit,
        dynamic_ncols=terminal,
        ncols=None if terminal else 100,
        mininterval=0.2 if terminal else SECONDS_BETWEEN_LINES,
        ascii=not terminal,
        disable=_Bar.hidden,
    )


def show_messages() -> None:
    """Show messages on the terminal from now on."""
    log.setLevel(logging.DEBUG)
    if not any(isinstance(handler, _Terminal) for handler in log.handlers):
        handler = _Terminal(logging.INFO)
        log.addHandler(handler)


def hide_messages() -> None:
    """Show neither messages nor progress bars: another process that does the same shows them."""
    log.setLevel(logging.ERROR)
    _Bar.hidden = True


@contextmanager
def log_file(path: Path, title: str) -> Iterator[None]:
    """Append all messages, warnings of libraries, and the error if there is one, to the log at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = _File(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%Y-%m-%d %H:%M:%S"))
    warnings = logging.getLogger("py.warnings")
    log.addHandler(handler)
    warnings.addHandler(handler)
    logging.captureWarnings(True)
    try:
        log.debug(title)
        yield
    except ScalerError as error:
        log.debug("error: %s", error)
        raise
    except BaseException:
        log.debug(traceback.format_exc())
        raise
    finally:
        logging.captureWarnings(False)
        warnings.removeHandler(handler)
        log.removeHandler(handler)
        with suppress(OSError):
            handler.close()
