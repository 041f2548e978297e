"""The check page: what `python -m scaler check` found in a data set. Names of files are hostile input."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from scaler.data.checks.examine import Examination
from scaler.data.checks.guess import guess
from scaler.data.folder import Sample
from scaler.data.images import read_image, read_mask
from scaler.data.reading import read_marks_of
from scaler.errors import SEVERITIES, Fault, ScalerError, groups, printable
from scaler.pages.assets import render
from scaler.pages.pictures import thumbnail
from scaler.params import PrepareDataParams

PICTURED = 6  # findings of one kind that get thumbnails
PICTURES = 120  # in the whole page
LISTED = 100  # findings of one kind that are listed
SEVERITY = {
    "error": ("Errors", "The data cannot be used until these are fixed."),
    "warning": ("Warnings", "The data can be used, but look at these first."),
    "note": ("Notes", "Something unusual, and how it is handled."),
}


def build_page(examination: Examination, params: PrepareDataParams | None) -> str:
    """The whole page, without script and without external resource; the same data give the same text."""
    return render(
        "check.html",
        source=str(examination.faults.source),
        facts=examination.facts,
        sections=_sections(examination, params),
        counts={severity: len(examination.faults.of(severity)) for severity in SEVERITIES},
        shares=_bars(examination.facts),
        values=_condensed(examination.facts.get("mask_values", [])),
        printable=printable,
    )


def _sections(examination: Examination, params: PrepareDataParams | None) -> list[dict[str, Any]]:
    samples = {look.sample.id: look.sample for look in examination.looks}
    source = examination.faults.source
    rules = guess(source) if params is None else params
    drawn: dict[str, str | None] = {}

    def pictures(fault: Fault) -> list[tuple[str, str]]:
        for name in fault.ids[:2]:
            if name in samples and name not in drawn and len(drawn) < PICTURES:
                drawn[name] = _thumbnail(samples[name], rules)
        return [(name, uri) for name in fault.ids[:2] if (uri := drawn.get(name))]

    sections = []
    for severity in SEVERITIES:
        panels = [
            {
                "kind": group[0].kind,
                "count": len(group),
                "cards": [card for card in map(pictures, group[:PICTURED]) if card],
                "rows": [fault.relative_to(source) for fault in group[:LISTED]],
                "more": max(0, len(group) - LISTED),
            }
            for group in groups(examination.faults.of(severity))
        ]
        if panels:
            title, meaning = SEVERITY[severity]
            sections.append({"id": severity, "title": title, "meaning": meaning, "groups": panels})
    return sections


def _thumbnail(sample: Sample, params: PrepareDataParams) -> str | None:
    """The image with its mask's outline and its marks; without what cannot be read or has another size."""
    try:
        image = read_image(sample.image, params.image_white)
    except ScalerError:
        return None
    mask = marks = None
    with suppress(ScalerError):
        mask = None if sample.mask is None else read_mask(sample.mask, params.mask_threshold)
    with suppress(ScalerError):
        marks = read_marks_of(sample, image.shape[:2], params)
    fits = [None if layer is None or layer.shape != image.shape[:2] else layer for layer in (mask, marks)]
    return thumbnail(image, *fits)


def _bars(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """The shares of the object as rows of a bar chart, widths in percent of the greatest."""
    share = facts.get("foreground_share", {"counts": []})
    top = max([1, *share["counts"]])
    edges = share.get("edges", [])
    return [
        {
            "label": f"{_percent(low)} to {_percent(high)}",
            "count": count,
            "width": round(100 * count / top),
        }
        for low, high, count in zip(edges[:-1], edges[1:], share["counts"], strict=True)
    ]


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def _condensed(rows: list[dict[str, int]]) -> list[dict[str, Any]]:
    """The histogram of mask values, neighbours with few pixels joined: at most some twenty rows."""
    if len(rows) <= 12:
        return [{"label": str(row["value"]), **row} for row in rows]
    joined: list[dict[str, Any]] = []
    for low, high in ((0, 0), (1, 1), (2, 7), (8, 63), (64, 127), (128, 191), (192, 247), (248, 254), (255, 255)):
        part = [row for row in rows if low <= row["value"] <= high]
        if part:
            sums = {key: sum(row[key] for row in part) for key in ("background", "foreground")}
            joined.append({"label": str(low) if low == high else f"{low} to {high}", **sums})
    return joined
