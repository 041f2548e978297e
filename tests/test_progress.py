"""Messages and progress bars, on the terminal and in the log of a stage."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from scaler import progress as module
from scaler.errors import ScalerError
from scaler.progress import log, log_file, progress, show_messages


def texts(path: Path) -> list[str]:
    return [line.split("  ", 1)[1] for line in path.read_text().splitlines() if line[:2] == "20"]


def test_messages_reach_terminal_and_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "logs" / "a.log"
    show_messages()
    with log_file(path, "python -m stages.a"):
        log.info("continuing from step 3")
        log.warning("to the other stream")
    show_messages()
    with log_file(path, "python -m stages.a"), warnings.catch_warnings():
        warnings.simplefilter("always")
        log.info("again")
        warnings.warn("from a library", stacklevel=1)
    captured = capsys.readouterr()
    assert captured.out == "continuing from step 3\nagain\n"
    assert captured.err == "to the other stream\n"
    title = "python -m stages.a"
    assert texts(path)[:5] == [title, "continuing from step 3", "to the other stream", title, "again"]
    assert "from a library" in path.read_text()


def test_the_error_is_in_the_log_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.log"
    show_messages()
    with pytest.raises(ScalerError), log_file(path, "a"):
        raise ScalerError("no mask")
    with pytest.raises(ZeroDivisionError), log_file(path, "a"):
        _ = 1 / 0
    text = path.read_text()
    assert "error: no mask" in text
    assert text.count("Traceback") == 1
    assert capsys.readouterr() == ("", "")


def test_a_progress_bar_leaves_a_line_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", 10.0)
    show_messages()
    with log_file(tmp_path / "a.log", "a"), progress(30, "warm-up") as bar:
        bar.mininterval = 0
        for _ in range(30):
            now += 1
            bar.update()
    lines = texts(tmp_path / "a.log")
    assert lines[0] == "a"
    assert [line.split("|")[-1].split()[0] for line in lines[1:]] == ["10/30", "20/30", "30/30"]


def test_a_log_that_cannot_be_written_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    show_messages()
    with log_file(full, "a"):
        log.info("still here")
    assert capsys.readouterr().out == "still here\n"
