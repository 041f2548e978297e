"""One run in memory, and the page that is made of it."""

from __future__ import annotations

import pytest

from scaler.pages.report.inputs import ReportInputs
from scaler.pages.report.page import build_report
from tests.pages.report.world import make_inputs


@pytest.fixture(scope="session")
def inputs() -> ReportInputs:
    return make_inputs()


@pytest.fixture(scope="session")
def page(inputs: ReportInputs) -> str:
    return build_report(inputs)
