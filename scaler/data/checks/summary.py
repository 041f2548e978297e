"""An examination as text for a terminal or a log."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scaler.data.checks.examine import Examination
from scaler.data.checks.guess import Guess
from scaler.errors import SEVERITIES, Fault, groups, printable

SCREEN = 24  # lines of a terminal
FEWEST = 4  # kinds of faults that get a line, however little room there is


def summary(examination: Examination, *, full: bool = False) -> str:
    """What was found, what is wrong, and whether the data can be used.

    If all of it is longer than a screen, each kind of fault gets one line, unless `full` asks for everything.
    """
    head = [f"{printable(str(examination.faults.source))}:"]
    if not examination.facts and not examination.faults.items:
        return "\n".join([*head, "  generated from a recipe: nothing to check"])
    head += _facts(examination.facts) if examination.facts else []
    tail = ["", _verdict(examination)]
    if examination.guess is not None and examination.guess.masks:
        tail += _settings(examination.guess)
    everything = [*head, *_all(examination), *tail]
    if full or len(everything) <= SCREEN:
        return "\n".join(everything)
    more = "All findings: --all, or --html FILE for a page with pictures, or --json."
    return "\n".join([*head, "", *_short(examination, SCREEN - len(head) - len(tail) - 2), *tail[:2], more, *tail[2:]])


def _facts(facts: dict[str, Any]) -> list[str]:
    lines = [
        f"  {split}: {row['images']} images, {row['masks']} masks, {row['marks']} marks"
        for split, row in facts["splits"].items()
    ]
    sizes = facts["image_sizes"]
    if sizes["different"]:
        (w, h), (width, height) = sizes["smallest"], sizes["largest"]
        lines.append(f"  sizes: {sizes['different']} different, {w} x {h} to {width} x {height}")
    for what, read in (("masks", facts["mask_readings"]), ("marks", facts["marks_readings"])):
        if read:
            readings = "; ".join(f"{count} read as {name}" for name, count in read.items())
            grey = f" ({facts['grey_share']:.1%} of the pixels are grey)" if what == "masks" else ""
            lines.append(f"  {what}: {readings}{grey if facts['grey_share'] else ''}")
    if facts["foreground_share"]["quantiles"]:
        least, _, median, _, most = facts["foreground_share"]["quantiles"]
        share = f"{least:.2%} to {most:.2%} of the image, median {median:.2%}"
        lines.append(f"  object: {share}; {facts['empty_masks']} empty and {facts['full_masks']} full masks")
    return lines


def _all(examination: Examination) -> Iterable[str]:
    for severity in SEVERITIES:
        lines = examination.faults.lines(severity)
        if lines:
            yield from ("", f"{len(examination.faults.of(severity))} {severity}(s):", *lines)


def _short(examination: Examination, room: int) -> list[str]:
    """A line per kind, errors first: what it is, how many, and the first of them."""
    source, width = examination.faults.source, shutil.get_terminal_size((100, SCREEN)).columns
    kinds: list[list[Fault]] = []
    for severity in SEVERITIES:
        kinds += groups(examination.faults.of(severity))
    shown = len(kinds) if len(kinds) <= room else max(FEWEST, room - 1)
    lines = []
    for group in kinds[:shown]:
        line = f"{group[0].severity}: {_brief(group, source)}"
        most = 2 * width if group[0].severity == "error" else width  # what to do about an error is worth two lines
        lines.append(line if len(line) <= most else line[: most - 4] + " ...")
    if len(kinds) > shown:
        lines.append(f"... and {sum(map(len, kinds[shown:]))} findings of {len(kinds) - shown} more kinds")
    return lines


def _brief(group: list[Fault], source: Path) -> str:
    first = group[0].relative_to(source)
    if len(group) == 1:
        return first.line()
    where = f" ({len(group)} x, first {first.files[0]})" if first.files else f" ({len(group)} x)"
    remedy = f"; {first.remedy}" if first.remedy else ""
    return printable(f"{first.reason}{where}{remedy}.")


def _settings(guess: Guess) -> list[str]:
    return [f"Nobody described this folder. These lines of params.yaml read it ({guess.certainty}):", *guess.block()]


def _verdict(examination: Examination) -> str:
    counts = ", ".join(f"{len(examination.faults.of(severity))} {severity}s" for severity in SEVERITIES)
    usable = "cannot be used yet" if examination.faults.of("error") else "can be used"
    return f"The data {usable} ({counts})."
