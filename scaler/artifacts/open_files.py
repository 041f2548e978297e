"""Artifacts that stay open between reads."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import ExitStack
from pathlib import Path

import h5py

from scaler.artifacts.reading import open_artifact

OPEN_FILES = 128  # kept open at a time


class OpenFiles:
    """Artifacts that stay open, the least recently used ones closed when they become too many."""

    def __init__(self) -> None:
        self._open: OrderedDict[Path, tuple[ExitStack, h5py.File]] = OrderedDict()
        self._kinds: dict[Path, str] = {}

    def get(self, path: Path, kind: str | None = None) -> h5py.File:
        """Open an artifact; the first time its kind must be given, and its checksum is verified."""
        if path not in self._open:
            stack = ExitStack()
            is_new = path not in self._kinds
            file = stack.enter_context(open_artifact(path, kind or self._kinds[path], verify=is_new))
            self._kinds[path] = file.attrs["kind"]
            self._open[path] = (stack, file)
            if len(self._open) > OPEN_FILES:
                self._open.popitem(last=False)[1][0].close()
        self._open.move_to_end(path)
        return self._open[path][1]

    def close(self) -> None:
        """Close all of them."""
        while self._open:
            self._open.popitem()[1][0].close()
