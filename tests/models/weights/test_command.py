"""`python -m scaler weights`, and the message of a stage that misses its weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from scaler.errors import ScalerError
from scaler.models.loading import read_state_dict
from scaler.models.weights.registry import checkpoints, markdown_table
from tests.command import call
from tests.models.weights.conftest import CONTENT, MakeEntry
from tests.models.weights.server import FileServer

Run = Callable[..., int]


@pytest.fixture
def run() -> Run:
    return lambda *words: call("weights", *words)


def test_list_shows_every_file_and_reads_none(
    run: Run, server: FileServer, capsys: pytest.CaptureFixture[str], store: Path
) -> None:
    assert run("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert str(store) in lines[0]
    assert [line.split()[0] for line in lines[3:]] == [entry.name for entry in checkpoints()]
    assert not store.exists()
    assert run("list", "--markdown") == 0
    assert capsys.readouterr().out.strip() == markdown_table()


def test_list_as_json_knows_what_is_here(
    run: Run, make_entry: MakeEntry, capsys: pytest.CaptureFixture[str], store: Path
) -> None:
    entry = make_entry()

    def row() -> dict[str, object]:
        assert run("list", "--json") == 0
        (only,) = json.loads(capsys.readouterr().out)
        assert only["url"] == entry.url
        return {key: only[key] for key in ("in_store", "linked")}

    assert row() == {"in_store": "no", "linked": False}
    store.mkdir()
    (store / entry.file).write_bytes(b"half")
    assert row() == {"in_store": "wrong size", "linked": False}
    (store / entry.file).unlink()
    assert run("fetch", entry.name) == 0
    capsys.readouterr()
    assert row() == {"in_store": "yes", "linked": True}


def test_fetch_links_and_prints_the_lines_to_paste(
    run: Run, make_entry: MakeEntry, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = make_entry()
    assert run("fetch", entry.name) == 0
    assert f"  weights: weights/{entry.file}\n  sha256: {entry.sha256}\n" in capsys.readouterr().out
    assert Path("weights", entry.file).read_bytes() == CONTENT


def test_failed_fetch_exits_1(
    run: Run, server: FileServer, make_entry: MakeEntry, capsys: pytest.CaptureFixture[str]
) -> None:
    server.statuses = [404]
    assert run("fetch", make_entry().name) == 1
    assert "cannot be fetched: HTTP 404" in capsys.readouterr().err
    assert not Path("weights").exists()


def test_unknown_name_is_refused_before_anything_is_fetched(
    run: Run, server: FileServer, make_entry: MakeEntry
) -> None:
    with pytest.raises(ScalerError, match="got 'sam_vit_x'"):
        run("fetch", make_entry().name, "sam_vit_x")
    assert server.requests == []


def test_verify_says_what_files_are(
    run: Run, make_entry: MakeEntry, capsys: pytest.CaptureFixture[str], store: Path, tmp_path: Path
) -> None:
    entry = make_entry()
    assert run("verify") == 0
    assert "nothing to verify" in capsys.readouterr().out
    renamed, unknown = tmp_path / "renamed.pth", tmp_path / "unknown.pth"
    renamed.write_bytes(CONTENT)
    unknown.write_bytes(b"own")
    assert run("verify", str(renamed), str(unknown)) == 0
    out = capsys.readouterr().out
    assert f"{entry.name}: {entry.purpose}; the checksum matches the registry" in out
    assert f"  weights: {renamed}\n  sha256: {entry.sha256}" in out
    assert "not in the registry" in out
    store.mkdir()
    (store / entry.file).write_bytes(CONTENT)
    assert run("verify") == 0
    (store / entry.file).write_bytes(CONTENT[::-1])
    assert run("verify", entry.name) == 1
    assert f"expected SHA-256 {entry.sha256}" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["sam_vit_b", "absent.pth", "sam_vit_x"])
def test_verify_of_what_is_not_there_exits_1(run: Run, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert run("verify", name) == 1
    message = capsys.readouterr().err
    assert ("weights fetch sam_vit_b" in message) == (name == "sam_vit_b")
    assert ("expected one of" in message) == (name == "sam_vit_x")


def test_where_prints_one_path(run: Run, capsys: pytest.CaptureFixture[str], store: Path) -> None:
    assert run("where") == 0
    assert capsys.readouterr().out == f"{store}\n"
    assert run("where", "sam_vit_h") == 0
    captured = capsys.readouterr()
    assert captured.out == f"{store / 'sam_vit_h_4b8939.pth'}\n"
    assert "not there yet" in captured.err


def test_usage_errors_exit_2(run: Run) -> None:
    for words in ([], ["fetch"], ["list", "--json", "--markdown"]):
        assert run(*words) == 2


def test_missing_weights_name_the_command() -> None:
    with pytest.raises(ScalerError, match=r"no file at .*`python -m scaler weights fetch sam_vit_b`"):
        read_state_dict(Path("weights/sam_vit_b_01ec64.pth"))
    with pytest.raises(ScalerError, match=r"no file at mine\.pth\. Put the checkpoint there"):
        read_state_dict(Path("mine.pth"))
