"""`inspect` on the command line."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from scaler.errors import ScalerError
from tests.command import call
from tests.conftest import ROOT


def inspect(*words: object) -> int:
    return call("inspect", *words)


def test_the_page_goes_into_a_folder_here(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    inspect(copy, "--tile", "32")
    shown = capsys.readouterr()
    assert shown.out == "inspection/index.html: open it in a browser\n"
    assert "measuring" in shown.err
    assert (tmp_path / "inspection" / "data" / "a" / "tiles" / "round_2" / "0.js").is_file()
    (copy / "stops" / "init" / "segmenter_labels" / "shard_0.h5").unlink()
    (copy / "stops" / "init" / "segmenter_labels" / "shard_1.h5").unlink()
    inspect(copy)  # again, over the first
    assert "Initialization: the segmenter's labels of the training images have not been made" in capsys.readouterr().err


def test_two_runs_and_a_folder_of_ones_own(results: Path, copy: Path, tmp_path: Path) -> None:
    inspect(results, copy, "--out", tmp_path / "page")
    assert (tmp_path / "page" / "data" / "b" / "run.js").is_file()
    assert not (results / "inspection").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "nowhere: expected the folder of a run's results, but there is no such folder"),
        (["{results}", "nowhere"], "nowhere: expected"),
        (["{results}", "--out", "{results}"], "choose another --out"),
    ],
)
def test_what_cannot_be_done_is_said(results: Path, words: list[str], said: str) -> None:
    with pytest.raises(ScalerError) as error:
        inspect(*(word.format(results=results) for word in words))
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x", "--tile", "31"], "greater than or equal to 32"),
        (["x", "--tile", "big"], "--tile"),
        (["x", "--serve", "--port", "70000"], "less than or equal to 65535"),
        (["x", "y", "z"], "(z)"),
        ([], "RESULTS"),
    ],
)
def test_wrong_use(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert inspect(*words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_serve_until_interrupted(results: Path) -> None:
    command = [sys.executable, "-m", "scaler", "inspect", str(results), "--serve"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = re.match(r"http://127\.0\.0\.1:\d+/", server.stdout.readline())
            assert address is not None
            with urllib.request.urlopen(f"{address[0]}data/index.js", timeout=30) as answer:
                assert answer.read().startswith(b'SCALER.put("index",')
            server.send_signal(signal.SIGINT)
            assert server.wait(timeout=30) == 0
        finally:
            server.kill()
    assert not (results / "inspection").exists()
