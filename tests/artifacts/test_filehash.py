from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scaler.artifacts import filehash
from scaler.artifacts.filehash import DigestMemory, source_digest


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    (root / "images" / "deep").mkdir(parents=True)
    for name in ("images/a.png", "images/deep/b.png", "list.txt"):
        (root / name).write_text(name)
    return root


@pytest.fixture
def memory(tmp_path: Path) -> DigestMemory:
    return DigestMemory(tmp_path / "digests.json")


def test_names_and_contents_count_and_the_place_does_not(source: Path, memory: DigestMemory) -> None:
    before = source_digest(source, memory)
    moved = source.rename(source.with_name("moved"))
    assert source_digest(moved, memory) == before
    (moved / "images" / "a.png").write_text("other")
    changed = source_digest(moved, memory)
    (moved / "images" / "a.png").rename(moved / "images" / "c.png")
    renamed = source_digest(moved, memory)
    (moved / "images" / "c.png").unlink()
    assert len({before, changed, renamed, source_digest(moved, memory)}) == 4


def test_clutter_does_not_count(source: Path, memory: DigestMemory) -> None:
    before = source_digest(source, memory)
    for name in (".DS_Store", "images/thumbs.DB", "images/._a.png", "@eaDir/a.png", "__MACOSX/images/a.png"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("clutter")
    (source / "images" / "empty").mkdir()
    assert source_digest(source, memory) == before


def test_linked_folders_count_and_loops_end(source: Path, memory: DigestMemory, tmp_path: Path) -> None:
    before = source_digest(source, memory)
    (source / "images").rename(tmp_path / "disk")
    (source / "images").symlink_to(tmp_path / "disk")
    assert source_digest(source, memory) == before
    (tmp_path / "disk" / "loop").symlink_to(tmp_path / "disk")
    assert source_digest(source, memory) == before
    (tmp_path / "disk" / "a.png").write_text("changed behind the link")
    assert source_digest(source, memory) != before


def test_unchanged_files_are_not_read_again(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "digests.json"
    first = DigestMemory(store)
    before = source_digest(source, first)
    first.save()
    read: list[str] = []
    real = filehash.sha256
    monkeypatch.setattr(filehash, "sha256", lambda path, offset=0: read.append(path.name) or real(path, offset))
    assert source_digest(source, DigestMemory(store)) == before
    assert read == []
    (source / "list.txt").write_text("list.tx2")
    os.utime(source / "list.txt", ns=(1, 1))
    assert source_digest(source, DigestMemory(store)) != before
    assert read == ["list.txt"]


def test_own_memory_is_kept_in_the_project(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source_digest(source)
    assert (tmp_path / ".scaler" / "digests.json").is_file()


def test_import_is_light() -> None:
    heavy = ("torch", "numpy", "cv2", "PIL")
    code = f"import sys, scaler.artifacts.filehash; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
