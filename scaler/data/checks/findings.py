"""What the doctor says: findings of three severities, each with its files, the reason and the cure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from scaler.errors import ScalerError

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
SHOWN = 8  # findings of one kind that the terminal and one message show


@dataclass(frozen=True)
class Finding:
    """One fault or oddity.

    Attributes:
        severity: "error": the data cannot be used; "warning": they can, but probably something is wrong; "note": how
            something unusual is treated.
        kind: a stable word for scripts, such as "mask_empty".
        files: as the user would find them, relative to the source with "/"; never empty ("." is the source itself).
        reason, cure: what was found, and what to do about it; sentences without a final full stop.
        ids: images that show it, for thumbnails.
    """

    severity: Severity
    kind: str
    files: tuple[str, ...]
    reason: str
    cure: str
    ids: tuple[str, ...] = ()


@dataclass
class Findings:
    """All findings about one source, and the facts that were counted.

    Attributes:
        source: the folder.
        facts: see `scaler.data.checks.facts.facts`; plain values for JSON.
        items: in the order in which they were found.
    """

    source: Path
    facts: dict[str, Any] = field(default_factory=dict)
    items: list[Finding] = field(default_factory=list)

    def add(
        self, severity: Severity, kind: str, files: Sequence[str], reason: str, cure: str, ids: Sequence[str] = ()
    ) -> None:
        """Note one finding."""
        self.items.append(Finding(severity, kind, tuple(files) or (".",), reason, cure, tuple(ids)))

    def of(self, severity: Severity) -> list[Finding]:
        """The findings of one severity."""
        return [item for item in self.items if item.severity == severity]

    def groups(self, severity: Severity) -> Iterator[tuple[str, list[Finding]]]:
        """The findings of one severity by kind, the kinds in the order of their first finding."""
        kinds: dict[str, list[Finding]] = {}
        for item in self.of(severity):
            kinds.setdefault(item.kind, []).append(item)
        yield from kinds.items()

    def raise_if_errors(self) -> None:
        """Tell all errors at once.

        Raises:
            ScalerError: there is at least one.
        """
        if self.of("error"):
            head = f"{self.source}: the data set cannot be used yet:"
            raise ScalerError("\n".join([head, *self.lines("error")]))

    def lines(self, severity: Severity) -> list[str]:
        """A line per finding, at most `SHOWN` of a kind; names are quoted where they hold odd characters."""
        told: list[str] = []
        for kind, group in self.groups(severity):
            told += [f"- {_told(item)} [{kind}]" for item in group[:SHOWN]]
            if len(group) > SHOWN:
                told.append(f"  ... and {len(group) - SHOWN} more of this kind")
        return told

    def as_json(self) -> dict[str, Any]:
        """Plain values with stable keys: source, counts, facts, findings."""
        return {
            "source": printable(str(self.source)),
            "counts": {severity: len(self.of(severity)) for severity in SEVERITIES},
            "facts": self.facts,
            "findings": [
                {
                    "severity": item.severity,
                    "kind": item.kind,
                    "files": [printable(name) for name in item.files],
                    "reason": printable(item.reason),
                    "cure": printable(item.cure),
                }
                for item in self.items
            ],
        }


def printable(text: str) -> str:
    """The text with control characters and broken UTF-8 (surrogates) as escapes, so that every terminal can show it."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _told(item: Finding) -> str:
    shown = ", ".join(item.files[:3]) + (f" and {len(item.files) - 3} more" if len(item.files) > 3 else "")
    return printable(f"{shown}: {item.reason}; {item.cure}.")
