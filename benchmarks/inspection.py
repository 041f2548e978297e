"""The inspection page of a large run: time to bake it, its size on the disk, and time to first sight in Chromium.

    python -m benchmarks inspection [--images 4000] [--rounds 10] [--size 96] [--tile 192] [--keep DIR]

The run is drawn, not trained: real artifacts with textures and blobs, three quarters of the images for training. It is
baked as `python -m scaler inspect` does, and opened from the disk (`file://`) by headless Chromium, each time in a
fresh profile; a view counts as seen when the page says that it is ready and the next frame has been painted.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import print_table
from scaler.artifacts.paths import stops
from scaler.artifacts.run import Run
from scaler.pages.inspection.bake import data_names, write_page
from scaler.pages.inspection.content import Content
from scaler.progress import progress
from tests.pages.world import guesses, scenes, write_evaluation, write_labels, write_models, write_split

DRAWN = 48  # different scenes; the others are these, shifted
MODELS = ("segmenter", "teacher", "sam")
REPEATS = 5
SEEN = """() => new Promise((resolve) => {
  const look = () => document.querySelector("#page[data-ready]")
    ? requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now()))) : setTimeout(look, 5);
  look();
})"""


def write_run(results: Path, images: int, rounds: int, size: int) -> None:
    """Draw a run of so many images, with initialization and warm-up before the rounds."""
    counts = {"train": images - 2 * (images // 8), "val": images // 8, "test": images // 8}
    ids = {split: [f"{split}/image_{i:05}" for i in range(count)] for split, count in counts.items()}
    image, mask = scenes(DRAWN, size, 0)
    with progress(rounds + 3, "drawing a run", unit="stop") as bar:
        for split, count in counts.items():
            labelled = np.arange(count) % 8 == 0 if split == "train" else np.ones(count, dtype=bool)
            write_split(results, split, ids[split], many(image, count), many(mask, count), labelled=labelled)
        bar.update()
        masks = {split: many(mask, counts[split]) for split in ("val", "test")}
        for number, stop in enumerate(stops(results, [f"round_{i + 1}" for i in range(rounds)])):
            drawn = {m: guesses(mask, 0.35 + 0.04 * number, 10 * number + i) for i, m in enumerate(MODELS)}
            write_models(stop, number)
            predictions = {s: {m: many(stack, counts[s]) for m, stack in drawn.items()} for s in masks}
            write_evaluation(stop.evaluation, ids, predictions, masks)
            own = {m: many(stack, counts["train"]) for m, stack in drawn.items()}
            maps = {"probability": own["teacher"], "teacher": own["teacher"], "student": own["segmenter"]}
            write_labels(stop.labels("segmenter_labels"), ids["train"], maps, shards=8)
            if stop.folder == stop.sam_folder:
                write_labels(stop.labels("sam_labels"), ids["train"], {"probability": own["sam"]}, shards=8)
            bar.update()


def many(stack: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """`count` pictures: those of the stack, each time shifted to another place."""
    side = stack.shape[1]
    return np.stack([np.roll(stack[i % len(stack)], (7 * (i // len(stack))) % side, axis=1) for i in range(count)])


def bake(results: Path, out: Path, tile: int) -> dict[str, str]:
    """Write the page; what it took."""
    start = time.perf_counter()
    run = Run(results)
    with progress(len(run.ids), "measuring", unit="image") as bar:
        content = Content(run, tile, bar.update)
        content.value("images")
    measured = time.perf_counter()
    with progress(len(data_names([content])), "writing", unit="file") as bar:
        write_page([content], out, bar.update)
    written = time.perf_counter()
    files = [path for path in out.rglob("*") if path.is_file()]
    return {
        "images x stops": f"{len(run.ids)} x {len(run.stops)}",
        "measuring": f"{measured - start:.1f} s",
        "writing": f"{written - measured:.1f} s",
        "size of the page": f"{sum(path.stat().st_size for path in files) / 1e6:.0f} MB in {len(files)} files",
    }


@contextmanager
def chromium() -> Iterator[Callable[[str], float]]:
    """A function that opens an address in a fresh profile and returns the milliseconds until it is seen."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        sys.exit("no Chromium is installed: apt-get install chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])

        def seen(address: str) -> float:
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            try:
                page = context.new_page()
                page.goto(address)
                return float(page.evaluate(SEEN))
            finally:
                context.close()

        yield seen
        browser.close()


def look(out: Path) -> dict[str, str]:
    """Time to first sight of the views that a reader may begin with."""
    address = (out / "index.html").resolve().as_uri()
    views = {"first screen": "", "table": "#view=table&split=train", "curves": "#view=curves"}
    views["one image"] = "#view=detail&image=test%2Fimage_00100&split=test"
    with chromium() as seen, progress(REPEATS * len(views), "opening", unit="view") as bar:
        times: dict[str, list[float]] = {name: [] for name in views}
        for _ in range(REPEATS):
            for name, place in views.items():
                times[name].append(seen(address + place))
                bar.update()
    return {
        f"{name}, first sight": f"{statistics.median(own):.0f} ms ({min(own):.0f} to {max(own):.0f})"
        for name, own in times.items()
    }


def main(arguments: list[str]) -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("images", 4000), ("rounds", 10), ("size", 96), ("tile", 192)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--keep", type=Path, help="folder for the run and its page (default: removed afterwards)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        if not (folder / "results").exists():
            write_run(folder / "results", options.images, options.rounds, options.size)
        rows = bake(folder / "results", folder / "page", options.tile) | look(folder / "page")
    what = f"{options.images} images, {options.rounds} rounds, {options.size} px"
    print_table({what: name, "value": value} for name, value in rows.items())
