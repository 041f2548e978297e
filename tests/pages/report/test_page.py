"""The report page as a document: it needs nothing but itself, takes hostile names, and shows the run's numbers."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re

from scaler.metrics.names import METRICS, MODELS
from scaler.pages.report.inputs import ReportInputs
from scaler.pages.report.page import build_report, metric_table
from scaler.pages.report.quality import label_quality
from scaler.pages.report.story import signed
from scaler.pages.report.tables import f_measure_csv, iou_csv, metrics_json, rounds_csv, training_csv
from tests.pages.report.elements import Elements
from tests.pages.report.world import make_inputs

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE images; --",
    "a&b</style></title><svg onload=alert(1)>",
    "{{ 7 * 7 }} {% raw %}",
    "../../etc/passwd\u202egnp",
]


def test_the_page_needs_nothing_but_itself(page: str) -> None:
    assert page.isascii()
    assert len(page) < 4_000_000
    assert not re.search(r"https?://|url\((?!data:image/png;base64,)|@import|//cdn", page)
    for tag, attributes in Elements(page).elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form")
        assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("data:image/png;base64,", "#"))


def test_the_policy_allows_exactly_this_style_and_script(page: str) -> None:
    policy = next(a["content"] for t, a in Elements(page).elements if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.split(maxsplit=1) for rule in str(policy).split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    for tag in ("style", "script"):
        bodies = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert len(bodies) == 1
        digest = base64.b64encode(hashlib.sha256(bodies[0].encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"


def test_hostile_names_stay_text() -> None:
    inputs = make_inputs(rounds=1, count=len(HOSTILE), images=len(HOSTILE), test_ids=HOSTILE)
    page = build_report(inputs)
    parsed, harmless = Elements(page), Elements(build_report(make_inputs(1, len(HOSTILE), images=len(HOSTILE))))
    assert [tag for tag, _ in parsed.elements] == [tag for tag, _ in harmless.elements]
    for name in HOSTILE:
        assert name in parsed.text
    assert "49" not in re.findall(r"<h4>(.*?)</h4>", page)


def test_numbers_on_the_page_are_those_of_the_run(inputs: ReportInputs, page: str) -> None:
    text = Elements(page).text
    for split in ("test", "val"):
        for view in inputs.rounds:
            for model in MODELS:
                for name in METRICS:
                    assert f"{view.scores[split].summary[model][name]:.3f}" in text
    for row in label_quality(inputs):
        for value in (*row.iou.values(), row.agreement, *row.weight.values()):
            assert f"{value:.3f}" in text
    for view in inputs.rounds:
        assert view.title in text
    row = metric_table(inputs, "test", ("iou", "mae"))[-1]["cells"]["segmenter"]
    first, last = (inputs.rounds[i].scores["test"].summary["segmenter"] for i in (0, -1))
    assert row["iou"]["change"] == signed(last["iou"] - first["iou"])
    assert row["iou"]["trend"] == row["mae"]["trend"] == "better"  # a lower error is better


def test_the_same_run_gives_the_same_bytes(inputs: ReportInputs, page: str) -> None:
    again = make_inputs()
    assert build_report(again) == page
    assert not re.search(r"20\d\d-\d\d-\d\d", Elements(page).text)
    for writer in (metrics_json, rounds_csv, training_csv, iou_csv, f_measure_csv):
        assert writer(inputs) == writer(again)


def test_one_image_and_no_epoch_still_make_a_report() -> None:
    inputs = make_inputs(rounds=1, count=2, images=12)
    bare = dataclasses.replace(inputs, training=[], params={}, artifacts=[])
    page = build_report(bare)
    assert "no pseudo-label was used" in page
    assert training_csv(bare).startswith("stage,round,epoch,loss")
