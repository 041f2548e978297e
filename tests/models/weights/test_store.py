"""scaler.models.weights.store and link: where files are, and the project's `weights/`."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from scaler.errors import ScalerError
from scaler.models.weights.link import is_linked, link
from scaler.models.weights.store import make_store, store_folder


@pytest.fixture
def source(store: Path) -> Path:
    store.mkdir()
    path = store / "sam.pth"
    path.write_bytes(b"weights")
    return path


@pytest.mark.parametrize(
    ("setting", "cache", "expected"),
    [
        ("/data/weights", "/cache", "/data/weights"),
        ("~/mine", "/cache", "/home/somebody/mine"),
        (None, "/cache", "/cache/scaler/weights"),
        (None, "relative", "/home/somebody/.cache/scaler/weights"),
        ("", None, "/home/somebody/.cache/scaler/weights"),
    ],
)
def test_store_is_one_setting_or_the_cache(
    monkeypatch: pytest.MonkeyPatch, setting: str | None, cache: str | None, expected: str
) -> None:
    for name, value in (("SCALER_WEIGHTS", setting), ("XDG_CACHE_HOME", cache), ("HOME", "/home/somebody")):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert store_folder() == Path(expected)


def test_relative_setting_is_made_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALER_WEIGHTS", "here")
    assert store_folder() == Path.cwd() / "here"


def test_store_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ScalerError, match="Set SCALER_WEIGHTS=/path"):
        make_store(tmp_path / "file" / "store")


def test_link_into_the_project_is_ignored_by_git(source: Path) -> None:
    assert not is_linked(source)
    link(source)
    target = Path("weights/sam.pth")
    assert target.is_symlink()
    assert target.read_bytes() == b"weights"
    assert is_linked(source)
    assert Path("weights/.gitignore").read_text() == "*\n"
    assert "already" in link(source)


def test_link_that_points_elsewhere_is_replaced(source: Path) -> None:
    Path("weights").mkdir()
    Path("weights/sam.pth").symlink_to("/nowhere/sam.pth")
    link(source)
    assert Path("weights/sam.pth").read_bytes() == b"weights"


def test_file_of_the_user_is_never_overwritten(source: Path) -> None:
    Path("weights").mkdir()
    Path("weights/sam.pth").write_bytes(b"mine")
    with pytest.raises(ScalerError, match="found another file"):
        link(source)
    assert Path("weights/sam.pth").read_bytes() == b"mine"
    Path("weights/sam.pth").write_bytes(b"weights")
    assert "copy of it already" in link(source)


def test_copy_where_links_fail(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    assert "a copy of" in link(source)
    target = Path("weights/sam.pth")
    assert not target.is_symlink()
    assert target.read_bytes() == b"weights"
    assert is_linked(source)
    assert sorted(path.name for path in Path("weights").iterdir()) == [".gitignore", "sam.pth"]
