"""What the pages hold beside their numbers (templates, style, scripts), and how it gets into one HTML file."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

FOLDER = Path(__file__).with_name("assets")
PAGE = FOLDER / "page"  # the inspection page; report and check page take its style, the report its chart kit
STYLE = "page/style.css"
CHARTS = ("page/vendor/uPlot.iife.min.js", "page/js/dom.js", "page/js/theme.js", "page/js/charts.js")
CHART_STYLE = "page/vendor/uPlot.min.css"
HARMFUL = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}  # could end a script or begin a comment


def asset(name: str) -> str:
    """The text of a file in `assets/`."""
    return (FOLDER / name).read_text(encoding="utf-8")


def safe_json(value: Any) -> str:
    """ASCII JSON for a script: no string in it can end the script, begin a comment or break a line."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).translate(HARMFUL)


def render(template: str, *, style: str = "", script: str = "", **values: Any) -> str:
    """One HTML document that needs nothing but itself.

    Args:
        template: name of a template; it extends `base.html`.
        style: CSS after that of all pages.
        script: JavaScript after the chart kit; without it the page has no script at all.
        values: what the template shows; everything but markup is escaped.

    Returns:
        ASCII HTML, the same for the same values. Its content policy allows this style, this script and pictures in
        data URIs, and nothing else.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["data"] = lambda value: Markup(safe_json(value))
    style = (asset(CHART_STYLE) if script else "") + asset(STYLE) + style
    if script:
        script = "\n".join(['"use strict";\nvar SCALER = {};', *map(asset, CHARTS), script])
        script = script.encode("ascii", "backslashreplace").decode("ascii")  # in strings alone: the same to a browser
    page = environment.get_template(template).render(
        page_style=Markup(style),
        page_script=Markup(script),
        policy=f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; "
        f"script-src {_quoted(script)}; base-uri 'none'; form-action 'none'",
        **values,
    )
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")  # safe whatever encoding a browser guesses


def _quoted(script: str) -> str:
    return f"'{_hash(script)}'" if script else "'none'"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("ascii")).digest()).decode("ascii")
