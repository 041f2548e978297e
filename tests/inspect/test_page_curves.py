"""Curves, comparison and selection in Chromium, from file://."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pycocotools.mask as coco
import pytest

from scaler.evaluation import to_native
from scaler.inspect.bake import bake
from scaler.inspect.run import Run
from tests.inspect.browser import opened_page
from tests.inspect.world import make_results

HOSTILE = ["<script>alert(1)</script>", "=cmd\"'&,", "sub/<b>x"]

# pycocotools' arrays do not know NumPy 2's copy argument
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs on the same images, some of hostile names, of unequal length."""
    folder = tmp_path_factory.mktemp("runs")
    ids = {"train": [*HOSTILE, *(f"t{i}" for i in range(9))], "val": ["v0", "v1"], "test": ["e0", "e1", "e2"]}
    return [make_results(folder / name, ids, rounds, marked=True, seed=rounds) for name, rounds in (("a", 2), ("b", 1))]


@pytest.fixture(scope="module")
def index(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of both."""
    out = tmp_path_factory.mktemp("page") / "page"
    bake(runs, out)
    return out / "index.html"


@pytest.fixture
def page(index: Path) -> Iterator[Any]:
    """The page, in which nothing may go wrong."""
    with opened_page(index, viewport={"width": 1280, "height": 900}) as opened:
        opened.wait_for_selector("#page[data-ready]")
        yield opened


def go(page: Any, **state: str) -> None:
    ready = page.get_attribute("#page", "data-ready")
    page.evaluate("state => SCALER.go(state)", state)
    page.wait_for_function("ready => document.getElementById('page').dataset.ready !== ready", arg=ready)


def data(page: Any, key: str) -> Any:
    return page.evaluate("key => SCALER.need(key)", key)


def shown(page: Any) -> list[str]:
    """Ids of the images that the table shows."""
    page.wait_for_selector("#page[data-view=table] table.images")
    return list(
        page.evaluate("SCALER.current(SCALER.state).then(rows => rows.map(row => SCALER.have('a/images').id[row]))")
    )


def click_chart(page: Any, chart: str, stop: int, value: float) -> None:
    """Click where a value of the y axis (0 to 1) lies at a stop."""
    over = page.locator(f"{chart} .u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    count = len(data(page, "a/run")["stops"])
    x = box["width"] * (stop + 0.2) / (count - 0.6)
    page.mouse.move(box["x"] + x, box["y"] + box["height"] * (1 - value))
    page.mouse.click(box["x"] + x, box["y"] + box["height"] * (1 - value))


def test_a_click_between_quantiles_shows_their_images(page: Any) -> None:
    go(page, view="curves", split="train")
    quantiles = data(page, "a/run")["distributions"]["round_1"]["train"]["sam_weight"]
    low, high = quantiles[1], quantiles[2]
    assert high - low > 0.01
    click_chart(page, "figure[data-column=sam_weight]", 2, (low + high) / 2)
    found = shown(page)
    weights = dict(zip(data(page, "a/images")["id"], data(page, "a/table/round_1")["sam_weight"], strict=True))
    expected = [name for name, weight in weights.items() if weight is not None and low <= weight <= high]
    assert 0 < len(expected) < 12
    assert found == sorted(expected, key=lambda name: weights[name])
    assert "round_1" in page.url
    page.click("button.range")
    page.wait_for_function("!SCALER.state.range")
    assert len(shown(page)) == 12


def test_the_figures_of_a_chart_lead_to_the_same_images(page: Any) -> None:
    go(page, view="curves", split="train")
    figure = page.locator("figure[data-column=teacher_entropy]")
    figure.locator("summary").click()
    links = figure.locator("tbody a")
    assert links.count() == 6 * 4
    links.first.click()  # the highest twentieth at the initialization
    found = shown(page)
    entropy = data(page, "a/table/init")["teacher_entropy"][:12]
    assert found[0] == data(page, "a/images")["id"][int(np.argmax(entropy))]
    assert "init" in page.evaluate("SCALER.state.stop")


def test_a_click_on_a_branch_shows_its_images(page: Any) -> None:
    run = data(page, "a/run")
    learning = [row for row in range(12) if not data(page, "a/images")["labelled"][row]]
    for stop in (1, 3):
        name = run["stops"][stop]["name"]
        shares = run["shares"][name]["teacher"]
        assert abs(sum(shares) - 1) < 0.001
        branch = int(np.argmax(shares))
        go(page, view="curves", split="train")
        click_chart(page, ".piled >> nth=0 >>", stop, sum(shares[:branch]) + shares[branch] / 2)
        ids, branches = data(page, "a/images")["id"], data(page, f"a/table/{name}")["teacher_branch"]
        assert set(shown(page)) == {ids[row] for row in learning if branches[row] == branch}


def test_a_click_on_a_metric_shows_the_worst_images_of_that_model(page: Any) -> None:
    go(page, view="curves", on="test", metric="iou")
    values = {
        model: data(page, "a/run")["curves"]["test"][model]["iou"][3] for model in ("segmenter", "teacher", "sam")
    }
    page.locator("section .chart >> nth=0").locator(".u-over").click(position={"x": 1100, "y": 5})
    found = shown(page)
    key = page.evaluate("SCALER.state.sort")
    assert key == f"{max(values, key=lambda model: values[model])}_truth"
    last = page.evaluate("SCALER.state.stop")
    truth = dict(zip(data(page, "a/images")["id"], data(page, f"a/table/{last}")[key], strict=True))
    assert found == sorted(["e0", "e1", "e2"], key=lambda name: truth[name])


def test_two_runs_side_by_side(page: Any) -> None:
    go(page, view="compare", split="train", column="teacher_truth", on="val")
    cells = page.locator(".compare table >> nth=0").locator("tbody tr").first.locator("td").all_inner_texts()
    a, b = (data(page, f"{run}/run")["curves"]["val"]["segmenter"]["iou"][-1] for run in "ab")
    assert [float(text) for text in cells[:2]] == [round(a, 3), round(b, 3)]
    assert abs(float(cells[2].replace("−", "-")) - (b - a)) < 0.0011
    one, two = data(page, "a/table/round_2")["teacher_truth"], data(page, "b/table/round_1")["teacher_truth"]
    ids = data(page, "a/images")["id"]
    rows = [row for row in range(12) if one[row] is not None and two[row] is not None]
    expected = sorted(rows, key=lambda row: -abs(two[row] - one[row]))
    lines = page.locator(".compare tr[data-id]")
    assert [lines.nth(n).get_attribute("data-id") for n in range(len(rows))] == [ids[row] for row in expected]
    page.select_option("select[aria-label=order]", "up")
    page.wait_for_function(
        "id => document.querySelector('.compare tr[data-id]').dataset.id === id",
        arg=ids[max(rows, key=lambda row: two[row] - one[row])],
    )
    page.locator("tr[data-id='t5'] a").nth(1).click()
    page.wait_for_selector("#page[data-view=detail]")
    assert page.evaluate("[SCALER.state.run, SCALER.state.image]") == ["b", "t5"]


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
    page.get_by_role("button", name="take back").click()
    page.wait_for_function("SCALER.marks.all().length === 2")
    page.evaluate("SCALER.marks.replace([])")
    page.set_input_files("input[type=file]", saved)
    page.wait_for_function("SCALER.marks.all().length === 2")
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
        row = ids.index(image["file_name"].removesuffix(".jpg"))
        label = run.label(stop, "sam", row)
        assert label is not None
        expected = to_native(label, (image["height"], image["width"])) >= 0.5
        parts = [entry["segmentation"] for entry in root["annotations"] if entry["image_id"] == image["id"]]
        masks = [coco.decode({**part, "counts": part["counts"].encode()}) for part in parts]
        np.testing.assert_array_equal(sum(masks, np.zeros(expected.shape, np.uint8)), expected)
    run.close()
    with zipfile.ZipFile(io.BytesIO(taken(page, "labelme"))) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(f"{name}.json" for name in ids)
        assert json.loads(archive.read("sub/<b>x.json"))["imagePath"] == "<b>x.jpg"
    with zipfile.ZipFile(io.BytesIO(taken(page, "label-studio"))) as archive:
        assert archive.namelist() == ["tasks.json", "labeling_config.xml"]
    assert taken(page, "cvat").startswith(b"<?xml")
    assert b"'=cmd" in taken(page, "csv")


def test_images_without_such_a_label_are_left_out_by_name(page: Any) -> None:
    page.evaluate("SCALER.marks.replace(['e0', 't1', 'gone'].map(id => [id, {verdict: 'accept'}]))")
    go(page, view="selection", label="consensus")
    root = json.loads(taken(page, "coco"))
    assert [image["file_name"] for image in root["images"]] == ["t1.jpg"]
    page.wait_for_selector(".told p")
    told = " ".join(page.locator(".told p").all_inner_texts())
    assert '"e0"' in told
    assert '"gone"' in told


def test_names_in_an_archive_stay_in_its_folder(page: Any) -> None:
    files = [["../../etc/x.json", "1"], ["/etc/x.json", "2"], ["C:\\x.json", "3"], ["a/B.json", "ö"], ["a/b.json", "5"]]
    raw = bytes(page.evaluate("files => SCALER.download.zip(files).flatMap(part => [...part])", files))
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == ["_/_/etc/x.json", "_/etc/x.json", "__x.json", "a/B.json", "a/b_2.json"]
        assert archive.read("a/B.json").decode() == "ö"


def test_the_page_lives_where_nothing_can_be_kept(index: Path) -> None:
    with opened_page(index) as page:
        page.wait_for_selector("#page[data-ready]")
        page.evaluate("Object.defineProperty(window, 'localStorage', {get() { throw new Error('no'); }})")
        go(page, view="selection")
        mark_all(page, "accept")
        page.wait_for_selector("text=Your browser keeps nothing")
        assert page.evaluate("SCALER.marks.all().length") == 12
