"""Shared by all tests: the checkout's root, and a miniature `params.yaml`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from scaler.params import Params, load_params

ROOT = Path(__file__).resolve().parents[1]
LONGEST = (
    "engines/test_graphs.py",
    "models/test_whole_runs.py",
    "engines/",
    "models/",
)


@pytest.fixture(autouse=True, scope="session")
def _bounded_threads() -> None:
    """The models are tiny: a second thread saves nothing, and on a busy machine the two wait for each other."""
    torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that no worker is left with one of them at the end."""
    items.sort(key=_place)  # stable: within a file the order stays
    for item in items:
        if item.get_closest_marker("exhaustive"):
            item.add_marker(pytest.mark.timeout(3600))  # a large model on a slow laptop


def _place(item: pytest.Item) -> int:
    path = item.path.relative_to(ROOT / "tests").as_posix()
    return next((place for place, part in enumerate(LONGEST) if path.startswith(part)), len(LONGEST))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked `gpu` are skipped where there is no CUDA device."""
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")


@pytest.fixture
def params() -> Params:
    """The committed parameters."""
    return load_params(ROOT / "params.yaml")


def with_values(params: Params, **blocks: dict[str, object]) -> Params:
    """A copy of `params` with some values of some blocks changed, checked like a file."""
    values = params.model_dump()
    for block, changed in blocks.items():
        values[block] |= changed
    return Params.model_validate(values)
