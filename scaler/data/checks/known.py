"""Sets of the field that are recognised, and whether they hold as many images as in the papers."""

from __future__ import annotations

from pathlib import Path

from scaler.data.checks.findings import Findings
from scaler.data.checks.inventory import Item
from scaler.data.known_sets import unusual_counts
from scaler.params import PrepareDataParams


def check_known(source: Path, params: PrepareDataParams, items: list[Item], findings: Findings) -> None:
    """A warning per set whose count differs from the papers', with the mistake that it looks like."""
    for sentence in unusual_counts(source, params, [item.sample for item in items]):
        cure = "compare with docs/your_data.md; figures are comparable only on the same images"
        findings.add("warning", "set_count", ["."], sentence, cure)
