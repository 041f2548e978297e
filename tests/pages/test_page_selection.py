"""Marks, and what goes out of the page, in Chromium, from file://."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pycocotools.mask as coco
import pytest

from scaler.artifacts.run import Run
from scaler.metrics.evaluation import to_native
from scaler.metrics.overlap import binarize
from tests.pages.browser import data, go, opened_page, until
from tests.pages.conftest import HOSTILE

# pycocotools' arrays do not know NumPy 2's copy argument
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def mark_all(page: Any, verdict: str) -> None:
    page.get_by_role("button", name=f"{verdict} all").click()


def test_marks_of_many_are_kept_taken_back_saved_and_read(index: Path, page: Any, tmp_path: Path) -> None:
    go(page, view="table", split="train", q="<")
    go(page, view="selection")
    mark_all(page, "annotate")
    names = [HOSTILE[0], HOSTILE[2]]
    assert page.locator(".marked th[scope=row]").all_inner_texts() == names
    page.locator(".marked input").first.fill('a "note"\n<b>')
    page.locator(".marked input").first.blur()
    page.get_by_role("button", name=f"reject {HOSTILE[2]}").click()
    page.reload()
    page.wait_for_selector(".marked")
    assert page.evaluate("SCALER.marks.all().map(([id, mark]) => [id, mark.verdict])") == [
        [names[0], "annotate"],
        [names[1], "reject"],
    ]
    with page.expect_download() as waiting:
        page.get_by_role("button", name="save marks to a file").click()
    saved = tmp_path / "marks.json"
    waiting.value.save_as(saved)
    assert [mark["id"] for mark in json.loads(saved.read_text())["marks"]] == names
    go(page, q="")
    mark_all(page, "accept")
    assert page.locator(".marked tbody tr").count() == 12
    page.get_by_role("button", name="undo").click()
    until(page, "SCALER.marks.all().length === 2")
    page.evaluate("SCALER.marks.replace([])")
    page.set_input_files("input[type=file]", saved)
    until(page, "SCALER.marks.all().length === 2")
    assert page.evaluate("id => SCALER.marks.get(id).note", names[0]).startswith('a "note"')
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"marks": 3}')
    page.set_input_files("input[type=file]", wrong)
    page.wait_for_selector("text=wrong.json: not read")
    assert page.evaluate("SCALER.marks.all().length") == 2


def taken(page: Any, kind: str) -> bytes:
    with page.expect_download() as waiting:
        page.click(f"button[data-format={kind}]")
    return Path(waiting.value.path()).read_bytes()


def test_what_goes_out_is_what_the_run_holds(runs: list[Path], page: Any) -> None:
    go(page, view="table", split="train")
    go(page, view="selection", label="sam", stop="round_1")
    mark_all(page, "annotate")
    ids = data(page, "a/images")["id"][:12]
    assert sorted(taken(page, "list").decode().splitlines()) == sorted(ids)
    root = json.loads(taken(page, "coco"))
    run = Run(runs[0])
    stop = next(stop for stop in run.stops if stop.name == "round_1")
    for image in root["images"]:
        row = ids.index(image["file_name"].removesuffix(".png"))
        label = run.label(stop, "sam", row)
        assert label is not None
        expected = binarize(to_native(label, (image["height"], image["width"])))
        parts = [entry["segmentation"] for entry in root["annotations"] if entry["image_id"] == image["id"]]
        masks = [coco.decode({**part, "counts": part["counts"].encode()}) for part in parts]
        np.testing.assert_array_equal(sum(masks, np.zeros(expected.shape, np.uint8)), expected)
    run.close()
    with zipfile.ZipFile(io.BytesIO(taken(page, "labelme"))) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(f"{name}.json" for name in ids)
        assert json.loads(archive.read("sub/<b>x.json"))["imagePath"] == "<b>x.png"
    with zipfile.ZipFile(io.BytesIO(taken(page, "label-studio"))) as archive:
        assert archive.namelist() == ["tasks.json", "labeling_config.xml"]
    assert taken(page, "cvat").startswith(b"<?xml")
    assert b"'=cmd" in taken(page, "csv")


def test_images_without_such_a_label_are_left_out_by_name(page: Any) -> None:
    page.evaluate("SCALER.marks.replace(['e0', 't1', 'gone'].map(id => [id, {verdict: 'accept'}]))")
    go(page, view="selection", label="consensus")
    root = json.loads(taken(page, "coco"))
    assert [image["file_name"] for image in root["images"]] == ["t1.png"]
    page.wait_for_selector(".outcome p")
    told = " ".join(page.locator(".outcome p").all_inner_texts())
    assert '"e0"' in told
    assert '"gone"' in told
    assert page.locator("text=image files end in").count() == 1  # drawn images have no files, here those of evaluation
    go(page, view="selection", label="sam")
    root = json.loads(taken(page, "coco"))
    assert sorted(image["file_name"] for image in root["images"]) == ["e0.jpg", "t1.png"]


def test_names_in_an_archive_stay_in_its_folder(page: Any) -> None:
    files = [["../../etc/x.json", "1"], ["/etc/x.json", "2"], ["C:\\x.json", "3"], ["a/B.json", "ö"], ["a/b.json", "5"]]
    raw = bytes(page.evaluate("files => SCALER.download.zip(files).flatMap(part => [...part])", files))
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == ["_/_/etc/x.json", "_/etc/x.json", "__x.json", "a/B.json", "a/b_2.json"]
        assert archive.read("a/B.json").decode() == "ö"


def test_the_page_lives_where_nothing_can_be_kept(chromium: Any, index: Path) -> None:
    with opened_page(chromium, index) as page:
        page.wait_for_selector("#page[data-ready]")
        page.evaluate("Object.defineProperty(window, 'localStorage', {get() { throw new Error('no'); }})")
        go(page, view="selection")
        mark_all(page, "accept")
        page.wait_for_selector("text=Your browser keeps nothing")
        assert page.evaluate("SCALER.marks.all().length") == 12
