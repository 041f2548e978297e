"""Curves and the comparison of two runs in Chromium, from file://."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.pages.browser import data, go, until


def shown(page: Any) -> list[str]:
    """Ids of the images that the table shows."""
    page.wait_for_selector("#page[data-view=table] table.images")
    return list(
        page.evaluate("SCALER.current(SCALER.state).then(rows => rows.map(row => SCALER.have('a/images').id[row]))")
    )


def click_chart(page: Any, chart: str, stop: int, value: float, margin: float = 0.2) -> None:
    """Click where a value of the y axis (0 to 1) lies at a stop; `margin`: stops that the x axis reaches further."""
    over = page.locator(f"{chart} .u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    count = len(data(page, "a/run")["stops"])
    x = box["width"] * (stop + margin) / (count - 1 + 2 * margin)
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
    until(page, "!SCALER.state.range")
    assert len(shown(page)) == 12


def test_the_figures_of_a_chart_lead_to_the_same_images(page: Any) -> None:
    go(page, view="curves", split="train")
    figure = page.locator("figure[data-column=teacher_entropy]")
    figure.locator("summary").click()
    links = figure.locator("tbody a")
    links.last.wait_for()  # the table is built when it is opened
    assert links.count() == 6 * 4
    links.first.click()  # the highest twentieth at the initialization
    found = shown(page)
    entropy = data(page, "a/table/init")["teacher_entropy"][:12]
    assert found[0] == data(page, "a/images")["id"][int(np.argmax(entropy))]
    assert "init" in page.evaluate("SCALER.state.stop")


def test_a_click_on_a_branch_shows_its_images(page: Any) -> None:
    run = data(page, "a/run")
    learning = [row for row in range(12) if not data(page, "a/images")["labelled"][row]]
    ids, tried = data(page, "a/images")["id"], set()
    for stop in range(1, 4):
        name = run["stops"][stop]["name"]
        shares = run["shares"][name]["teacher"]
        assert abs(sum(shares) - 1) < 0.001
        for branch in range(3):
            if shares[branch] > 0.1:
                go(page, view="curves", split="train")
                click_chart(page, ".brief .plot >> nth=0 >>", stop, sum(shares[:branch]) + shares[branch] / 2, 0.5)
                branches = data(page, f"a/table/{name}")["teacher_branch"]
                assert set(shown(page)) == {ids[row] for row in learning if branches[row] == branch}
                tried.add(branch)
    assert len(tried) > 1


def test_a_click_on_a_metric_shows_the_worst_images_of_that_model(page: Any) -> None:
    go(page, view="curves", on="test", metric="iou")
    values = {
        model: data(page, "a/run")["curves"]["test"][model]["iou"][3] for model in ("segmenter", "teacher", "sam")
    }
    page.locator("section .plot >> nth=0").locator(".u-over").click(position={"x": 1100, "y": 5})
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
    until(
        page,
        "id => document.querySelector('.compare tr[data-id]').dataset.id === id",
        ids[max(rows, key=lambda row: two[row] - one[row])],
    )
    page.locator("tr[data-id='t5'] a").nth(1).click()
    page.wait_for_selector("#page[data-view=detail]")
    assert page.evaluate("[SCALER.state.run, SCALER.state.image]") == ["b", "t5"]
