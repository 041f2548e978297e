"""The switch of the fast paths."""

from __future__ import annotations

import pytest

from scaler.plain import is_plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [("", False), ("metrics", True), ("attention, metrics", True), ("all", True), ("metric", False), ("1", False)],
)
def test_names_switch_fast_paths_off(value: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALER_PLAIN", value)
    assert is_plain("metrics") is expected
