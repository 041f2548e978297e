"""One tiny run is made for all tests here; none changes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaler.params import Params, load_params
from tests.conftest import ROOT
from tests.use.models import make_run, tiny_params


@pytest.fixture(autouse=True)
def _float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Maps are compared to one part in 255: too fine for bf16, which some CPUs would use."""
    monkeypatch.setattr("scaler.training.device._cpu_multiplies_bf16", lambda: False)


@pytest.fixture(scope="session")
def tiny() -> Params:
    return tiny_params(load_params(ROOT / "params.yaml"))


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, tiny: Params) -> Path:
    """Folder of a round: segmenter.h5, sam.h5, evaluation.h5."""
    return make_run(tmp_path_factory.mktemp("project"), tiny)
