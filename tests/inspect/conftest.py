"""One drawn run is written for all tests here; those that change it take a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.inspect.world import make_results


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Initialization, warm-up and two rounds of 7 training (marked), 3 validation and 4 test images."""
    return make_results(tmp_path_factory.mktemp("project") / "results", marked=True)


@pytest.fixture
def copy(results: Path, tmp_path: Path) -> Path:
    """The same run, to be changed."""
    return Path(shutil.copytree(results, tmp_path / "results"))
