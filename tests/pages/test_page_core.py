"""Overview, list and single image in Chromium, from file://; nothing may be logged as wrong or asked of elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import h5py
import numpy as np
import pytest

from scaler.artifacts.run import Run
from tests.pages.browser import data, go, opened_page, until
from tests.pages.conftest import HOSTILE


def names(page: Any) -> list[str]:
    """The images that the list shows, from the top."""
    return [text for text in page.locator(".images .name").all_inner_texts() if text]


def column(page: Any, run: str, stop: str, key: str, split: str = "train") -> dict[str, Any]:
    """Image id -> value."""
    images, table = data(page, f"{run}/images"), data(page, f"{run}/table/{stop}")
    values = table[key] if key in table else images[key]
    rows = [row for row, own in enumerate(images["split"]) if own == split]
    return {images["id"][row]: values[row] for row in rows}


def canvas(page: Any, selector: str) -> np.ndarray:
    """(H, W) red channel of a canvas."""
    script = """selector => {
        const shown = document.querySelector(selector), copy = document.createElement('canvas');
        copy.width = shown.width;
        copy.height = shown.height;
        const context = copy.getContext('2d', {willReadFrequently: true});
        context.drawImage(shown, 0, 0);
        const pixels = context.getImageData(0, 0, copy.width, copy.height);
        return [copy.width, [...pixels.data].filter((_, i) => i % 4 === 0)];
    }"""
    width, values = page.evaluate(script, selector)
    return np.array(values).reshape(-1, width)


def test_the_first_screen_tells_how_it_went_and_leads_to_the_images(page: Any) -> None:
    run = data(page, "a/run")
    assert page.inner_text("h1") == run["story"]["headline"]
    assert run["story"]["well"].replace("\xa0", " ") in page.inner_text("main").replace("\xa0", " ")
    link = page.locator(".ready li", has_text="Farthest from the truth").locator("a", has_text="train")
    count = int(link.inner_text().split()[0])
    link.click()
    page.wait_for_selector(".images")
    assert page.inner_text(".about").startswith(f"{count} of 12 train images")
    assert len(names(page)) == count


@pytest.mark.parametrize("order", ["up", "down"])
def test_the_list_sorts_by_any_column(page: Any, order: str) -> None:
    go(page, view="table", split="train", stop="round_1")
    head = page.locator(".images thead button", has_text="teacher with SAM")
    for _ in range(1 if order == "up" else 2):
        before = page.get_attribute("#page", "data-ready")
        head.click()
        until(page, "ready => document.getElementById('page').dataset.ready !== ready", before)
    values = column(page, "a", "round_1", "iou")
    assert [values[name] for name in names(page)] == sorted(values.values(), reverse=order == "down")
    assert page.locator(".images th[aria-sort]").count() == 1


def test_ready_views_show_what_they_say(page: Any) -> None:
    go(page, view="table", split="train", stop="round_2", ready="disagreement")
    values = column(page, "a", "round_2", "iou")
    assert [values[name] for name in names(page)] == sorted(value for value in values.values() if value < 0.5)
    go(page, ready="changed")
    changes = column(page, "a", "round_2", "change")
    assert [changes[name] for name in names(page)] == sorted((v for v in changes.values() if v > 0.1), reverse=True)
    go(page, ready="marks")
    kept = [column(page, "a", "round_2", f"{source}_marks") for source in ("teacher", "sam")]
    wrong = {name for name in kept[0] if min(k[name] for k in kept if k[name] is not None) < 1}
    assert set(names(page)) == wrong


def test_hostile_names_are_only_text(page: Any) -> None:
    go(page, view="table", split="train")
    assert set(HOSTILE) <= set(names(page))
    for name in HOSTILE:
        go(page, view="detail", image=name)
        assert page.inner_text("h1") == name
        assert page.locator("h1 *").count() == 0
    page.fill("input[aria-label=note]", '<img src=x onerror="alert(1)">')
    page.locator("input[aria-label=note]").blur()
    go(page, view="selection")
    assert page.locator('main img[src="x"]').count() == 0


def test_a_link_opens_the_very_same_view(chromium: Any, index: Path) -> None:
    link = f"#view=detail&image={quote(HOSTILE[0], safe='')}&stop=round_1&mode=swipe&a=image&b=truth"
    with opened_page(chromium, index, viewport={"width": 820, "height": 1180}) as page:
        page.goto(index.as_uri() + link)
        page.reload()
        page.wait_for_selector(".slider")
        assert page.inner_text("h1") == HOSTILE[0]
        assert page.inner_text(".slider b") == "Round 1"
        assert "left: image" in page.inner_text("main")
        assert page.evaluate("document.documentElement.scrollWidth") <= 820


def test_the_slider_goes_through_all_stops_and_back_goes_back(page: Any) -> None:
    go(page, view="detail", image="t0", stop="init")
    for title in ("Warm-up", "Round 1", "Round 2"):
        page.keyboard.press("]")
        until(page, "title => document.querySelector('.slider b').textContent === title", title)
    page.go_back()
    until(page, "document.querySelector('.slider b').textContent === 'Round 1'")
    page.locator("#stop").fill("0")
    until(page, "document.querySelector('.slider b').textContent === 'Initialization'")
    assert page.evaluate("SCALER.state.stop") == "init"


def test_the_layers_are_what_the_artifacts_hold_and_the_lines_read_them(page: Any, runs: list[Path]) -> None:
    go(page, view="detail", image="t1", stop="round_1", split="train")
    run = Run(runs[0])
    row, stop = run.ids.index("t1"), next(stop for stop in run.stops if stop.name == "round_1")
    titles = page.locator(".strip .layer").all_inner_texts()
    for source, title in (("teacher", "teacher"), ("sam", "SAM"), ("consensus", "consensus"), ("segmenter", "student")):
        label = run.label(stop, source, row)  # type: ignore[arg-type]
        assert label is not None
        shown = canvas(page, f".strip .layer:nth-of-type({titles.index(title) + 1}) canvas")
        assert np.array_equal(shown, label), title
    page.locator(".paths summary").click()
    lines = dict(
        zip(page.locator(".paths th").all_inner_texts(), page.locator(".paths code").all_inner_texts(), strict=True)
    )
    for title, source in (("teacher", "teacher"), ("SAM", "sam"), ("consensus", "consensus")):
        match = re.fullmatch(r'h5py\.File\("(.+)"\)\["(.+)"\]\[(\d+)\]', lines[title])
        assert match is not None
        with h5py.File(match[1]) as file:
            assert np.array_equal(file[match[2]][int(match[3])], run.label(stop, source, row))  # type: ignore[arg-type]
    run.close()


def test_the_weighting_is_told_with_its_numbers_and_equations(page: Any) -> None:
    go(page, view="detail", image="t2", stop="round_2", split="train")
    told = page.inner_text(".sentences")
    for key, equation in (("entropy", "eq 5"), ("weight", "eq 4"), ("pixel_weight", "eq 6")):
        for source in ("teacher", "sam"):
            assert f"{column(page, 'a', 'round_2', f'{source}_{key}')['t2']:.2f} ({equation}" in told
    go(page, image="e0", split="test")
    assert "nothing learned from it" in page.inner_text(".sentences")


def test_swipe_and_overlay_answer_to_keys_and_pointer(page: Any) -> None:
    go(page, view="detail", image="t0", mode="swipe", a="image", b="truth")
    clip = "document.querySelector('.above').style.clipPath"
    assert "50%" in page.evaluate(clip)
    page.locator(".swipe").press("ArrowLeft")
    assert "51%" in page.evaluate(clip)
    box = page.locator(".frame").bounding_box()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 20)
    assert "75%" in page.evaluate(clip)
    go(page, mode="overlay", a="teacher", b="sam", opacity="100")
    full = canvas(page, ".big")
    go(page, opacity="0")
    assert not np.array_equal(canvas(page, ".big"), full)


def test_keys_move_open_and_mark(page: Any) -> None:
    go(page, view="table", split="train", sort="id")
    order = names(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("n")
    assert page.evaluate("id => SCALER.marks.get(id).verdict", order[1]) == "annotate"
    page.keyboard.press("n")
    assert page.evaluate("SCALER.marks.all().length") == 0
    page.keyboard.press("Enter")
    until(page, "document.querySelector('.slider') !== null")
    assert page.inner_text("h1") == order[1]
    page.keyboard.press("ArrowRight")
    until(page, "name => document.querySelector('h1').textContent === name", order[2])
    page.keyboard.press("Escape")
    until(page, "document.querySelector('.images') !== null")
    page.keyboard.press("/")
    page.keyboard.type("t1")
    until(page, "document.querySelector('.about').textContent.startsWith('1 of')")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.evaluate("document.getElementById('help').open")


def test_light_and_dark_are_kept(page: Any) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(paper)
    page.keyboard.press("t")
    assert page.evaluate(paper) != before
    page.reload()
    page.wait_for_selector("#page[data-ready]")
    assert page.evaluate(paper) != before
