"""Faults as records, and the one exception that is meant for the user.

A `Fault` says what is wrong in separate fields. It becomes a sentence only when a person reads it: in `str(fault)`,
in `str(error)` and in `Faults.lines`. No code reads these sentences back: to tell faults apart, compare `kind`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path
from typing import Literal

NEUTRAL = True  # what goes wrong makes no result

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
SHOWN_FILES = 3  # in one line
SHOWN_LINES = 8  # of one kind


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong or unusual.

    Attributes:
        kind: a stable word for code and scripts, such as "mask_empty".
        files: what is at fault: files or folders; empty for a setting or a command.
        reason: what was expected and what was found; no full stop at the end.
        remedy: what to do about it; no full stop at the end.
        severity: "error": the data cannot be used; "warning": they can, but something is probably wrong; "note": how
            something unusual is treated.
        ids: the images that it concerns.
    """

    kind: str
    files: tuple[str | PathLike[str], ...]
    reason: str
    remedy: str = ""
    severity: Severity = "error"
    ids: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.line()

    def line(self, *, source: str | PathLike[str] | None = None) -> str:
        """One sentence: files, reason, remedy; file names are relative to `source` if it is given."""
        names = [name if source is None else _below(name, source) for name in (fspath(item) for item in self.files)]
        shown = ", ".join(names[:SHOWN_FILES])
        if len(names) > SHOWN_FILES:
            shown += f" and {len(names) - SHOWN_FILES} more"
        body = f"{self.reason}; {self.remedy}" if self.remedy else self.reason
        ending = "" if body.endswith((".", "!", "?")) else "."
        return printable((f"{shown}: " if shown else "") + body + ending)

    def relative_to(self, source: str | PathLike[str]) -> Fault:
        """The same fault with file names relative to `source`, "/" between their parts."""
        return replace(self, files=tuple(_below(fspath(name), source) for name in self.files))


class ScalerError(Exception):
    """Something that the user can fix. Commands print it without a traceback and exit with 1.

    Args:
        faults: one or more; a plain message stands for a fault of kind "other".
        source: what the faults were found in; they are listed below a headline that names it.
    """

    def __init__(self, *faults: Fault | str, source: str | PathLike[str] | None = None) -> None:
        super().__init__(*faults)
        self.faults = tuple(item if isinstance(item, Fault) else Fault("other", (), item) for item in faults)
        self.source = source

    def __str__(self) -> str:
        if self.source is None:
            plain = [item if isinstance(item, str) else str(item) for item in self.args]
            return "\n".join(plain)
        head = f"{printable(fspath(self.source))}: cannot be used yet:"
        return "\n".join([head, *grouped_lines(self.faults, self.source)])


class Faults:
    """All faults of one source, collected so that they are reported together.

    Attributes:
        source: the folder or file.
        items: in the order in which they were found.
    """

    def __init__(self, source: Path) -> None:
        self.source = source
        self.items: list[Fault] = []

    def add(self, *faults: Fault) -> None:
        """Note faults."""
        self.items.extend(faults)

    @contextmanager
    def collect(
        self, ids: Iterable[str] = (), kind: str | None = None, severity: Severity | None = None
    ) -> Iterator[None]:
        """A block whose `ScalerError` is recorded instead of raised.

        Args:
            ids: the images that its faults concern, if they do not say so themselves.
            kind: what to call its faults; None keeps their own kinds.
            severity: of its faults; None keeps their own.
        """
        try:
            yield
        except ScalerError as error:
            self.add(
                *(
                    replace(
                        item,
                        ids=item.ids or tuple(ids),
                        kind=kind or item.kind,
                        severity=severity or item.severity,
                    )
                    for item in error.faults
                )
            )

    def count(self, kind: str) -> int:
        """How many faults of one kind there are."""
        return sum(item.kind == kind for item in self.items)

    def of(self, severity: Severity) -> list[Fault]:
        """The faults of one severity."""
        return [item for item in self.items if item.severity == severity]

    def lines(self, severity: Severity) -> list[str]:
        """The faults of one severity as text; see `grouped_lines`."""
        return grouped_lines(self.of(severity), self.source)

    def raise_if_errors(self) -> None:
        """Report all errors at once.

        Raises:
            ScalerError: there is at least one error.
        """
        errors = self.of("error")
        if errors:
            raise ScalerError(*errors, source=self.source)


def groups(faults: Iterable[Fault]) -> list[list[Fault]]:
    """The faults by kind, the kinds in the order of their first fault."""
    kinds: dict[str, list[Fault]] = {}
    for item in faults:
        kinds.setdefault(item.kind, []).append(item)
    return list(kinds.values())


def grouped_lines(faults: Sequence[Fault], source: str | PathLike[str] | None = None) -> list[str]:
    """A line per fault; those of a kind that agree but for their files share one line, at most `SHOWN_LINES` a kind."""
    lines: list[str] = []
    for group in groups(faults):
        merged = merge(group)
        lines += [f"- {item.line(source=source)} [{item.kind}]" for item in merged[:SHOWN_LINES]]
        if len(merged) > SHOWN_LINES:
            lines.append(f"  ... and {len(merged) - SHOWN_LINES} more of this kind")
    return lines


def merge(faults: Iterable[Fault]) -> list[Fault]:
    """One fault for all that agree in everything but files and ids."""
    alike: dict[tuple[str, str, str, str], list[Fault]] = {}
    for item in faults:
        alike.setdefault((item.kind, item.severity, item.reason, item.remedy), []).append(item)
    return [
        replace(
            same[0],
            files=tuple(dict.fromkeys(name for item in same for name in item.files)),
            ids=tuple(dict.fromkeys(name for item in same for name in item.ids)),
        )
        for same in alike.values()
    ]


def fault_table(faults: Iterable[Fault]) -> str:
    """The faults as CSV, a line each: entry (the files), images (the ids), kind, reason, remedy."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("entry", "images", "kind", "reason", "remedy"))
    for item in faults:
        writer.writerow((" ".join(map(str, item.files)), " ".join(item.ids), item.kind, item.reason, item.remedy))
    return text.getvalue().encode(errors="backslashreplace").decode()  # names may hold bytes that are no UTF-8


def printable(text: str) -> str:
    """The text with control characters and undecodable bytes (surrogates) as escapes, so that any terminal shows it."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _below(name: str, source: str | PathLike[str]) -> str:
    """`name` relative to `source` if it lies there; "." for the source itself."""
    path = Path(name)
    return path.relative_to(source).as_posix() if path.is_relative_to(source) else path.as_posix()
