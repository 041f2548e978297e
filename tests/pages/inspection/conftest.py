"""One drawn run is written for all tests here; those that change it take a copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scaler.pages.inspection.bake import bake
from tests.pages.inspection.browser import opened_page
from tests.pages.inspection.world import make_results

HOSTILE = ["<script>alert(1)</script>", "=cmd\"'&,", "sub/<b>x"]


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Initialization, warm-up and two rounds of 7 training (marked), 3 validation and 4 test images."""
    return make_results(tmp_path_factory.mktemp("project") / "results", marked=True)


@pytest.fixture
def copy(results: Path, tmp_path: Path) -> Path:
    """The same run, to be changed."""
    return Path(shutil.copytree(results, tmp_path / "results"))


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs on the same images, some of hostile names, of unequal length."""
    folder = tmp_path_factory.mktemp("runs")
    ids = {"train": [*HOSTILE, *(f"t{i}" for i in range(9))], "val": ["v0", "v1"], "test": ["e0", "e1", "e2"]}
    return [make_results(folder / name, ids, rounds, marked=True, seed=rounds) for name, rounds in (("a", 2), ("b", 1))]


@pytest.fixture(scope="session")
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
