"""The log of a stage."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from scaler.errors import ScalerError
from scaler.pipeline import log
from scaler.pipeline.log import logged


def test_what_is_printed_reaches_terminal_and_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "logs" / "a.log"
    with logged(path, "python -m stages.a"):
        print("going on from step 3")
        print("to the other stream", file=sys.stderr)
    with logged(path, "python -m stages.a"):
        print("again")
    captured = capsys.readouterr()
    assert captured.out == "going on from step 3\nagain\n"
    assert captured.err == "to the other stream\n"
    texts = [line.split("  ", 1)[1] for line in path.read_text().splitlines()]
    assert texts == ["python -m stages.a", "going on from step 3", "to the other stream", "python -m stages.a", "again"]


def test_the_error_is_in_the_log(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with pytest.raises(ScalerError), logged(path, "a"):
        raise ScalerError("no mask")
    with pytest.raises(ZeroDivisionError), logged(path, "a"):
        _ = 1 / 0
    text = path.read_text()
    assert "error: no mask" in text
    assert text.count("Traceback") == 1


def test_of_a_progress_bar_one_line_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(log.time, "monotonic", lambda: now)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    path = tmp_path / "a.log"
    with logged(path, "a"):
        for step in range(30):
            now += 1
            sys.stderr.write(f"\r{step}/30")
        sys.stderr.write("\r30/30\n")
    texts = [line.split("  ", 1)[1] for line in path.read_text().splitlines()]
    assert texts == ["a", "9/30", "20/30", "30/30"]


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with logged(full, "a"):
        print("still here")
    assert capsys.readouterr().out == "still here\n"
