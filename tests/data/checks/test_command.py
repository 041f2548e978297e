"""The command, its JSON and its page."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from scaler.errors import ScalerError
from tests.command import call
from tests.conftest import ROOT
from tests.data.checks.world import picture, shape, sound, write

HOSTILE = "<img src=x onerror=alert(1)>&\"'"


def _check(*arguments: object) -> int:
    return call("check", *arguments)


def test_warnings_do_not_stop_and_errors_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound(tmp_path)
    write(tmp_path / "masks" / "a.png", shape(0) * 0)
    assert _check(tmp_path) == 0
    assert "masks/a.png: the mask is empty" in capsys.readouterr().out
    (tmp_path / "masks" / "b.png").write_bytes(b"")
    assert _check(tmp_path) == 1
    assert "1 errors" in capsys.readouterr().out


def test_json_has_stable_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound(tmp_path)
    (tmp_path / "masks" / "b.png").write_bytes(b"")
    assert _check(tmp_path, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"source", "counts", "facts", "findings", "params"}
    assert told["counts"] == {"error": 1, "warning": 0, "note": 0}
    assert set(told["findings"][0]) == {"severity", "kind", "files", "reason", "remedy"}


def test_the_page_escapes_hostile_names_and_needs_nothing_else(tmp_path: Path) -> None:
    sound(tmp_path / "data")
    name = HOSTILE.replace("/", "")
    write(tmp_path / "data" / "images" / f"{name}.png", picture(8))
    write(tmp_path / "data" / "masks" / f"{name}.png", shape(8) * 0)
    assert _check(tmp_path / "data", "--html", tmp_path / "check.html") == 0
    page = (tmp_path / "check.html").read_text(encoding="utf-8")
    assert "onerror=alert" in page
    assert "<img src=x" not in page
    assert page.count("<script") == 0
    assert page.count("http") == page.count("http-equiv")
    assert page.count('src="data:image/jpeg;base64,') >= 1


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScalerError, match="no such folder"):
        _check(tmp_path / "nowhere")


def test_params_that_are_no_params_are_told(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("seed: [")
    with pytest.raises(ScalerError):
        _check(sound(tmp_path), "--params", tmp_path / "params.yaml")


def test_the_check_imports_no_torch(tmp_path: Path) -> None:
    """It answers within a second on a small folder."""
    code = "import sys; from scaler.__main__ import main\ntry: main()\nexcept SystemExit: pass"
    code += "\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, "check", str(sound(tmp_path))], check=True, capture_output=True)


def test_lists_of_another_system_are_read_from_params(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A byte order mark, CRLF, an empty line, a suffix, and a Windows path."""
    source = tmp_path / "set"
    for number in range(6):
        write(source / "images" / f"p{number}.jpg", picture(number))
        write(source / "masks" / f"p{number}.png", shape(number))
    lists = {"train": b"\xef\xbb\xbfp0\r\np1\r\np2\r\n\r\n", "val": b"p3.jpg\r\n", "test": b"images\\p4.jpg\r\n"}
    values = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for split, content in lists.items():
        (source / f"{split}.txt").write_bytes(content)
        values["prepare_data"][split] = f"{split}.txt"
    with (tmp_path / "params.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(values, file)
    assert _check(source, "--params", tmp_path / "params.yaml", "--json") == 0
    splits = json.loads(capsys.readouterr().out)["facts"]["splits"]
    assert {split: row["images"] for split, row in splits.items()} == {"train": 3, "val": 1, "test": 1}
