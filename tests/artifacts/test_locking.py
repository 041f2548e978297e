"""Locks: a held one is refused or waited for (see also tests/pipeline/test_work.py)."""

from __future__ import annotations

import errno
from pathlib import Path

import filelock
import pytest

from scaler.artifacts.locking import file_lock
from scaler.errors import ScalerError


def test_a_held_lock_is_refused_and_a_free_one_taken_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "x.lock"
    with (
        file_lock(path, "x: busy"),
        pytest.raises(ScalerError, match="x: busy; wait"),
        file_lock(path, "x: busy", wait=False),
    ):
        pass
    with file_lock(path, "x: busy", wait=False):
        pass


def test_other_faults_are_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: filelock.FileLock, timeout: float | None = None) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    with pytest.raises(OSError, match="Permission denied"), file_lock(tmp_path / "x.lock", "busy"):
        pass
