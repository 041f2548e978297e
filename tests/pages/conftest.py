"""One browser, and drawn runs that are written, measured and baked once; tests that change a run take a copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scaler.artifacts.run import Run, TrainingLog
from scaler.pages.inspection.bake import write_page
from scaler.pages.inspection.content import Content
from scaler.pages.report.page import build_report
from scaler.pages.table import Measured, measure
from tests.pages.browser import browser, opened_page
from tests.pages.world import make_results

HOSTILE = ["<script>alert(1)</script>", "=cmd\"'&,", "sub/<b>x"]


@dataclass(frozen=True)
class Reported:
    """A measured run, its logs and its report of four images a group."""

    measured: Measured
    logs: list[TrainingLog]
    page: str


def report_of(folder: Path) -> Reported:
    with Run(folder) as run:
        measured, logs = measure(run), run.training_logs()
        return Reported(measured, logs, build_report(measured, logs, 4))


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Initialization, warm-up and two rounds of 7 training (marked), 3 validation and 4 test images."""
    return make_results(tmp_path_factory.mktemp("project") / "results", marked=True)


@pytest.fixture(scope="session")
def content(results: Path) -> Content:
    """The same run for the inspection page; measured once."""
    return Content(Run(results), 192)


@pytest.fixture
def copy(results: Path, tmp_path: Path) -> Path:
    """The same run, to be changed."""
    return Path(shutil.copytree(results, tmp_path / "results"))


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """A run of 16 training and test images in which both models get better, and its report."""
    ids = {
        split: [f"{split}/{i:03}" for i in range(count)] for split, count in (("train", 16), ("val", 5), ("test", 16))
    }
    return report_of(make_results(tmp_path_factory.mktemp("reported") / "results", ids))


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs on the same images, some of hostile names, of unequal length."""
    folder = tmp_path_factory.mktemp("runs")
    ids = {"train": [*HOSTILE, *(f"t{i}" for i in range(9))], "val": ["v0", "v1"], "test": ["e0", "e1", "e2"]}
    return [make_results(folder / name, ids, rounds, marked=True, seed=rounds) for name, rounds in (("a", 2), ("b", 1))]


@pytest.fixture(scope="session")
def index(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inspection page of both."""
    out = tmp_path_factory.mktemp("page") / "page"
    return write_page([Content(Run(folder), 192) for folder in runs], out)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The one browser of all tests here."""
    with browser() as opened:
        yield opened


@pytest.fixture
def page(chromium: Any, index: Path) -> Iterator[Any]:
    """The inspection page, in which nothing may go wrong."""
    with opened_page(chromium, index, viewport={"width": 1280, "height": 900}) as opened:
        opened.wait_for_selector("#page[data-ready]")
        yield opened
