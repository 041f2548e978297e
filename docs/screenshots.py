"""The pictures in the docs: the two pages of the run in `results`, as headless Chromium shows them.

    python -m docs.screenshots

Made of the laboratory run, whose scenes are nobody's; run it after `make run`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).with_name("images")
REPORT, PAGE = (Path("results", name).absolute() for name in ("report.html", "inspection/index.html"))
VIEWS = {
    "inspection_overview": "",
    "inspection_images": "#view=table&ready=disagreement",
    "inspection_image": "#view=detail&ready=changed&image={image}",
    "inspection_curves": "#view=curves",
    "inspection_selection": "#view=selection&ready=disagreement",
}
MARKED = "a => a.forEach((id, i) => SCALER.marks.set(id, {verdict: SCALER.marks.VERDICTS[i % 3]}))"
FIRST = "ready => SCALER.current({...SCALER.state, ready, split: 'train'})"
NAMES = "rows => SCALER.need('a/images').then(images => rows.map(row => [images.id[row], images.truth_area[row]]))"


def main() -> None:
    """Take one picture of each view, 1280 pixels wide."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as driver:
        page = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"]).new_page(
            viewport={"width": 1280, "height": 860}, color_scheme="light"
        )
        page.goto(REPORT.as_uri())
        page.screenshot(path=IMAGES / "report.png")
        page.goto(PAGE.as_uri())
        page.wait_for_selector("#page[data-ready]")
        shown = {ready: page.evaluate(NAMES, page.evaluate(FIRST, ready)) for ready in ("disagreement", "changed")}
        page.evaluate(MARKED, [name for name, _ in shown["disagreement"][:4]])
        changed = next(name for name, area in shown["changed"] if area)
        for name, view in VIEWS.items():
            page.goto(PAGE.as_uri() + view.format(image=changed.replace("/", "%2F")))
            page.reload()
            page.wait_for_selector("#page[data-ready]")
            page.wait_for_timeout(800)  # pictures are drawn after the page is there
            page.screenshot(path=IMAGES / f"{name}.png")
            print(IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
