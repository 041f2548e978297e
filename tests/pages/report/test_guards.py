"""The report's guards: each test set by itself, the paper's protocol said first, cold starts listed."""

from __future__ import annotations

import dataclasses
import io
import re

import numpy as np
import pandas as pd
import pytest

from scaler.pages.report.cold import cold_images, cold_start_csv
from scaler.pages.report.inputs import ReportInputs
from scaler.pages.report.page import build_report
from scaler.pages.report.sets import set_tables
from tests.pages.report.world import make_inputs


@pytest.fixture(scope="module")
def inputs() -> ReportInputs:
    return make_inputs(rounds=1, count=8)


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.split("<main>")[1]).split())


def test_one_set_has_no_table_of_sets(inputs: ReportInputs) -> None:
    assert set_tables(inputs) == []
    assert 'id="sets"' not in build_report(inputs)


def test_each_set_has_its_row_for_each_model() -> None:
    inputs = make_inputs(rounds=1, count=8, sets=("CAMO", "NC4K<b>", "CAMO"))
    tables = set_tables(inputs)
    assert [table["title"] for table in tables] == ["Segmenter", "Teacher", "SAM"]
    assert [(row["name"], row["count"]) for row in tables[0]["rows"]] == [("CAMO", 5), ("NC4K<b>", 3)]
    last, first = (inputs.rounds[i].scores["test"].sets["CAMO"]["sam"]["iou"] for i in (-1, 0))
    cell = tables[2]["rows"][0]["cells"][-1]
    assert cell["value"] == f"{last:.3f}"
    assert float(cell["change"].replace("\u2212", "-").replace("\xb1", "")) == pytest.approx(last - first, abs=6e-4)
    page = build_report(inputs)
    assert "NC4K&lt;b&gt;" in page
    assert "<b>CAMO" not in page


@pytest.mark.parametrize("protocol", [True, False])
def test_the_papers_protocol_is_the_first_thing_said(inputs: ReportInputs, protocol: bool) -> None:
    params = inputs.params | {"prepare_data": {"paper_protocol": protocol}}
    text = text_of(build_report(dataclasses.replace(inputs, params=params)))
    assert text.startswith("Paper protocol: validation images may be test images") is protocol
    assert ("Paper protocol" in text) is protocol


def test_cold_starts_are_listed_by_stop(inputs: ReportInputs) -> None:
    before = {image.id for image in cold_images(inputs)["Round 1"]}
    assert not before & {inputs.train.ids[i] for i in (0, 1, 2, 4)}
    view = inputs.rounds[-1]
    assert view.sam_labels is not None
    assert view.segmenter_labels is not None
    sam, teacher = (np.array(labels.maps[name]) for labels, name in (
        (view.sam_labels, "probability"), (view.segmenter_labels, "teacher")))  # fmt: skip
    sam[:3], teacher[:3] = 0, 0  # the first is labelled: it learns from its mask
    teacher[2, 5:20, 5:20] = 255  # and here the teacher sees an object
    sam[4], teacher[4] = 128, 127  # undecided everywhere
    blind = dataclasses.replace(
        view,
        sam_labels=dataclasses.replace(view.sam_labels, maps=view.sam_labels.maps | {"probability": sam}),
        segmenter_labels=dataclasses.replace(
            view.segmenter_labels, maps=view.segmenter_labels.maps | {"teacher": teacher}
        ),
    )
    changed = dataclasses.replace(inputs, rounds=[*inputs.rounds[:-1], blind])
    found = cold_images(changed)["Round 1"]
    assert {image.id for image in found} - before == {inputs.train.ids[1], inputs.train.ids[4]}
    by_id = {image.id: image for image in found}
    assert by_id[inputs.train.ids[1]].area == {"teacher": 0.0, "sam": 0.0}
    assert by_id[inputs.train.ids[4]].entropy["sam"] == pytest.approx(1.0, abs=1e-4)
    table = pd.read_csv(io.StringIO(cold_start_csv(changed)))
    assert table[table["round"] == "Round 1"]["id"].tolist() == [image.id for image in found]
    page = build_report(changed)
    assert inputs.train.ids[4] in page[page.index('id="cold"') : page.index('id="training"')]
