"""Faults of a data set, collected so that the user mends them in one go."""

from __future__ import annotations

from pathlib import Path

from scaler.errors import ScalerError

MOST = 20


class Problems:
    """A list of faults, a line each; the first `MOST` are shown."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self._lines: list[str] = []

    def add(self, line: str) -> None:
        """Note one fault: which file, what was expected, what came, what to do."""
        self._lines.append(line)

    @property
    def full(self) -> bool:
        """Whether as many were found as will be shown, so that looking for more is of no use."""
        return len(self._lines) >= MOST

    def raise_if_any(self) -> None:
        """Tell all faults at once.

        Raises:
            ScalerError: there is at least one.
        """
        if not self._lines:
            return
        more = len(self._lines) - MOST
        tail = [f"... and {more} more"] if more > 0 else ["... and maybe more: reading stopped here"] * (more == 0)
        head = f"{self._source}: the data set cannot be used yet:"
        raise ScalerError("\n".join([head, *(f"- {line}" for line in self._lines[:MOST]), *tail]))
