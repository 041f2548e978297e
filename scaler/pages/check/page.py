"""The doctor's page: one HTML file that needs nothing but itself. Names of files are hostile input."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from scaler.data.checks.examine import Examination
from scaler.data.checks.guess import guess
from scaler.data.folder import Sample
from scaler.errors import SEVERITIES, Fault, groups, printable
from scaler.pages.check.thumbnails import thumbnail
from scaler.params import PrepareDataParams

PICTURED = 6  # findings of one kind that get thumbnails
PICTURES = 120  # in the whole page
LISTED = 100  # findings of one kind that are listed
TITLES = {"error": "Errors", "warning": "Warnings", "note": "Notes"}
SAY = {
    "error": "These stop the data from being used.",
    "warning": "The data can be used, but look at these first.",
    "note": "What is unusual, and how it is treated.",
}


def build_page(examination: Examination, params: PrepareDataParams | None) -> str:
    """The whole page, without script and without external resource; the same data give the same text."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["printable"] = printable
    house = (resources.files("scaler.pages.report") / "report.css").read_text(encoding="utf-8")
    style = house + _asset("check.css")
    return environment.get_template("check.html").render(
        style=Markup(style),
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        source=examination.faults.source,
        facts=examination.facts,
        sections=_sections(examination, params),
        counts={severity: len(examination.faults.of(severity)) for severity in SEVERITIES},
        shares=_bars(examination.facts),
        values=_condensed(examination.facts.get("mask_values", [])),
    )


def _asset(name: str) -> str:
    return (resources.files("scaler.pages.check") / name).read_text(encoding="utf-8")


def _sections(examination: Examination, params: PrepareDataParams | None) -> list[dict[str, Any]]:
    samples = {look.sample.id: look.sample for look in examination.looks}
    source = examination.faults.source
    rules = guess(source) if params is None else params
    drawn: dict[str, str | None] = {}
    sections = []
    for severity in SEVERITIES:
        panels = []
        for group in groups(examination.faults.of(severity)):
            shown = [_card(item, samples, rules, drawn) for item in group[:PICTURED]]
            panels.append(
                {
                    "kind": group[0].kind,
                    "count": len(group),
                    "cards": [card for card in shown if card["pictures"]],
                    "rows": [item.relative_to(source) for item in group[:LISTED]],
                    "more": max(0, len(group) - LISTED),
                }
            )
        if panels:
            sections.append({"id": severity, "title": TITLES[severity], "say": SAY[severity], "groups": panels})
    return sections


def _card(
    fault: Fault, samples: dict[str, Sample], params: PrepareDataParams, drawn: dict[str, str | None]
) -> dict[str, Any]:
    pictures = []
    for name in fault.ids[:2]:
        if name in samples and (name in drawn or len(drawn) < PICTURES):
            if name not in drawn:
                drawn[name] = thumbnail(samples[name], params)
            if drawn[name]:
                pictures.append((name, drawn[name]))
    return {"pictures": pictures}


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
