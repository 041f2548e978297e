"""The report: it needs nothing but itself, takes hostile names, shows the run's numbers, and has tables beside it."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import json
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

from scaler.artifacts.run import Run
from scaler.metrics.names import CURVES, METRICS, MODELS
from scaler.pages.report.gallery import galleries
from scaler.pages.report.page import build_report, label_quality, metric_table, set_tables
from scaler.pages.report.tables import cold_start_csv, cold_starts, sidecar_texts
from scaler.pages.story import signed
from scaler.pages.table import measure
from tests.pages.browser import opened_page
from tests.pages.conftest import Reported, report_of
from tests.pages.elements import Elements
from tests.pages.world import make_results

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE images; --",
    "a&b</style></title><svg onload=alert(1)>",
    "{{ 7 * 7 }} {% raw %}",
    "../../etc/passwd\u202egnp",
]


def test_the_page_needs_nothing_but_itself(reported: Reported) -> None:
    page = reported.page
    assert page.isascii()
    assert len(page) < 2_000_000
    assert not re.search(
        r"https?://(?!www\.w3\.org/2000/svg|github\.com/leeoniya/uPlot)|url\((?!data:image/jpeg;base64,)|@import|//cdn",
        page,
    )
    for tag, attributes in Elements(page).elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form")
        assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("data:image/png;base64,", "#"))


def test_the_policy_allows_exactly_this_style_and_script(reported: Reported) -> None:
    elements = Elements(reported.page).elements
    policy = next(a["content"] for _, a in elements if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.split(maxsplit=1) for rule in str(policy).split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    for tag in ("style", "script"):
        bodies = re.findall(f"<{tag}>(.*?)</{tag}>", reported.page, re.DOTALL)
        assert len(bodies) == 1
        digest = base64.b64encode(hashlib.sha256(bodies[0].encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """A run of hostile names, of images and of test sets."""
    ids = {"train": [f"t{i}" for i in range(5)], "val": ["v"], "test": HOSTILE}
    folder = tmp_path_factory.mktemp("hostile") / "results"
    return report_of(make_results(folder, ids, rounds=1, sets=("CAMO", "NC4K<b>", "CAMO")))


def test_hostile_names_stay_text(hostile: Reported, chromium: Any, tmp_path: Path) -> None:
    parsed = Elements(hostile.page)
    for name in [*HOSTILE, "NC4K<b>"]:
        assert name in parsed.text
    assert not any(attributes.get("src") == "x" for _, attributes in parsed.elements)
    assert "49" not in re.findall(r"<h4>(.*?)</h4>", hostile.page)
    path = tmp_path / "report.html"
    path.write_text(hostile.page)
    with opened_page(chromium, path) as page:
        assert page.locator("h4").all_inner_texts().count(HOSTILE[0]) == 1


def test_charts_are_drawn_and_buttons_work(reported: Reported, chromium: Any, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(reported.page)
    with opened_page(chromium, path, viewport={"width": 420, "height": 900}) as page:
        charts = reported.page.count('<figure class="chart">')
        assert page.locator(".chart canvas").count() == charts > 15
        assert page.evaluate("document.documentElement.scrollWidth") <= 420
        last = reported.measured.scores[-1]["test"].summary["sam"]["iou"]
        assert f"SAM{last:.3f}" in page.locator(".opening .u-legend").inner_text().replace("\n", "").replace("\t", "")
        page.click("button[value=val]")
        assert page.locator("[data-split=val] canvas").first.is_visible()
        assert not page.locator("[data-split=test] canvas").first.is_visible()
        page.click("#gallery-train button[value=train-changed]")
        train = galleries(reported.measured, 4)[1]
        names = [text for text in page.locator("#gallery-train .card h4").all_inner_texts() if text]
        shown = [reported.measured.run.ids[row] for row in train.groups[1].members]
        assert [name for name in names if name in shown][:4] == shown
        before = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.click("#theme")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before


def test_numbers_on_the_page_are_those_of_the_run(reported: Reported) -> None:
    text, measured = Elements(reported.page).text, reported.measured
    for scores in measured.scores:
        for split in ("test", "val"):
            for model in MODELS:
                for name in METRICS:
                    assert f"{scores[split].summary[model][name]:.3f}" in text
    for row in label_quality(measured):
        for value in (*row["iou"].values(), row["agreement"], *row["weight"].values(), row["views"]):
            assert f"{value:.3f}" in text
    assert all(title in text for title in measured.titles)
    row = metric_table(measured, "test", ("iou", "mae"))[-1]["cells"]["segmenter"]
    first, last = (measured.scores[i]["test"].summary["segmenter"] for i in (0, -1))
    assert row["iou"]["change"] == signed(last["iou"] - first["iou"])
    assert row["iou"]["trend"] == row["mae"]["trend"] == "better"  # a lower error is better


def test_the_same_run_gives_the_same_bytes(reported: Reported) -> None:
    again = report_of(reported.measured.run.path)
    assert again.page == reported.page
    assert not re.search(r"20\d\d-\d\d-\d\d", Elements(again.page).text)
    assert sidecar_texts(again.measured, again.logs) == sidecar_texts(reported.measured, reported.logs)


def test_a_run_without_logs_and_settings_still_makes_a_report(reported: Reported) -> None:
    bare = dataclasses.replace(reported.measured, params={})
    assert "no pseudo-label was used" in build_report(bare, [], 12)
    assert sidecar_texts(bare, [])["training.csv"].startswith("stage,round,epoch,loss")


def test_tables_are_what_the_engines_read(reported: Reported) -> None:
    measured, logs = reported.measured, reported.logs
    texts = sidecar_texts(measured, logs)
    values = json.loads(texts["metrics.json"])
    assert list(values) == ["final", "initialization", "gain"]
    final, start = (values[k]["test"]["segmenter"]["iou"] for k in ("final", "initialization"))
    assert values["gain"]["test"]["segmenter"]["iou"] == pytest.approx(final - start, abs=2e-6)
    tables = {name: pd.read_csv(io.StringIO(text)) for name, text in texts.items() if name.endswith(".csv")}
    rounds, training, curves = tables["rounds.csv"], tables["training.csv"], tables["f_measure.csv"]
    assert rounds.columns.tolist() == ["step", "round", "split", "model", *METRICS]
    assert len(rounds) == len(measured.stops) * 2 * len(MODELS)
    assert training.columns.tolist()[:4] == ["stage", "round", "epoch", "loss"]
    assert len(training) == sum(len(log.columns["epoch"]) for log in logs)
    warm = training[training["stage"] == "warm_up"]
    assert (warm[["n_difficult", "n_normal", "n_simple"]].sum(axis=1) == 5).all()
    assert training["w_teacher"].isna().any()  # a stage without weights leaves them empty
    assert tables["iou.csv"].columns.tolist() == ["step", "round", "segmenter", "teacher", "sam"]
    last = measured.scores[-1]["test"]
    assert tables["iou.csv"]["sam"].iloc[-1] == pytest.approx(last.summary["sam"]["iou"], abs=1e-6)
    expected = last.curves["teacher"][CURVES.index("f_measure")]
    assert curves["teacher final"].to_numpy() == pytest.approx(expected, abs=1e-6)


def test_each_test_set_has_its_row_for_each_model(hostile: Reported, reported: Reported) -> None:
    assert set_tables(reported.measured) == []
    assert 'id="sets"' not in reported.page
    tables = set_tables(hostile.measured)
    assert [table["title"] for table in tables] == ["Segmenter", "Teacher", "SAM"]
    assert [(row["name"], row["count"]) for row in tables[0]["rows"]] == [("CAMO", 4), ("NC4K<b>", 2)]
    last, first = (hostile.measured.scores[i]["test"].sets["CAMO"]["sam"]["iou"] for i in (-1, 0))
    cell = tables[2]["rows"][0]["cells"][-1]
    assert cell == {"value": f"{last:.3f}", "change": signed(last - first), "trend": cell["trend"]}


@pytest.mark.parametrize("protocol", [True, False])
def test_the_papers_protocol_is_the_first_thing_said(reported: Reported, protocol: bool) -> None:
    params = reported.measured.params | {"prepare_data": {"paper_protocol": protocol}}
    page = build_report(dataclasses.replace(reported.measured, params=params), reported.logs, 2)
    text = " ".join(Elements(page.split("<main>")[1]).text.split())
    assert text.startswith("Paper protocol: validation images may be test images") is protocol
    assert ("Paper protocol" in text) is protocol


def test_cold_starts_are_listed_by_stop(reported: Reported) -> None:
    measured, name = reported.measured, reported.measured.stops[-1].name
    rows, title = measured.learning()[:2], measured.titles[-1]
    cold = [row in (0, *rows) for row in range(len(measured.run.ids))]  # the first has its mask: it learns from that
    changed = dataclasses.replace(measured, at=measured.at | {name: measured.at[name] | {"cold": cold}})
    assert cold_starts(changed)[title] == rows
    table = pd.read_csv(io.StringIO(cold_start_csv(changed)))
    own = table[table["round"] == title]
    assert own["id"].tolist() == [measured.run.ids[row] for row in rows]
    label = measured.run.label(measured.stops[-1], "sam", rows[0])
    assert label is not None
    p = np.clip(label / 255, 1e-9, 1 - 1e-9)
    entropy = -(p * np.log2(p) + (1 - p) * np.log2(1 - p)).mean()
    assert own["sam_entropy"].iloc[0] == pytest.approx(entropy, abs=1e-4)
    page = build_report(changed, reported.logs, 2)
    assert measured.run.ids[rows[0]] in page[page.index('id="cold"') : page.index('id="training"')]


def test_pictures_come_in_the_order_they_promise(reported: Reported) -> None:
    measured = reported.measured
    test, train = galleries(measured, 4)
    scores = measured.at[measured.stops[-1].name]["segmenter_truth"]
    rows = list(measured.run.rows("test"))
    assert [scores[row] for row in test.groups[0].members] == sorted(scores[row] for row in rows)[:4]
    changes = measured.images["change"]
    expected = sorted((changes[row] for row in measured.learning()), reverse=True)[:4]
    assert [changes[row] for row in train.groups[1].members] == pytest.approx(expected)
    card = next(card for card in test.cards if card.name == measured.run.ids[test.groups[0].members[0]])
    assert card.ranks["test-worst"] == 0
    assert [cell.title for cell in card.cells] == ["Init.", "Warm-up", "Round 1", "Round 2"]
    unknown = next(card for card in galleries(measured, 16)[1].cards if card.name == measured.run.ids[1])
    assert (unknown.truth, unknown.change, unknown.cells[0].first_iou) == ("", "", "")


def test_lines_read_what_is_shown(reported: Reported) -> None:
    for gallery in galleries(reported.measured, 2):
        for card in gallery.cards:
            for line in (*card.lines, *card.cells[-1].lines):
                match = re.match(r'h5py\.File\("(.+)"\)\["(.+)"\]\[(\d+)\]', line)
                assert match is not None
                with h5py.File(match[1]) as file:
                    assert file[match[2]][int(match[3])].shape[:2] == (32, 32)


def test_evaluations_without_predictions_have_no_test_pictures(copy: Path) -> None:
    with Run(copy) as run:
        measured = measure(run)
        for stop in run.stops:
            run._files.close()
            with h5py.File(stop.evaluation, "r+") as file:
                for model in MODELS:
                    del file[f"test/{model}/prediction"]
        assert [gallery.key for gallery in galleries(measured, 2)] == ["train"]
