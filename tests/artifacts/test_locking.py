"""Locks: a held one is refused or waited for (see also tests/pipeline/test_work.py)."""

from __future__ import annotations

import errno
from pathlib import Path

import filelock
import h5py
import pytest

from scaler.artifacts.locking import file_lock
from scaler.artifacts.opening import open_hdf5
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


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_artifacts_are_read_where_there_are_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path, real = tmp_path / "a.h5", h5py.File
    with h5py.File(path, "w") as file:
        file["x"] = 1

    def without_locks(path: Path, mode: str, locking: bool = True) -> h5py.File:
        if locking:
            raise OSError(number, "unable to lock file")
        return real(path, mode, locking=locking)

    monkeypatch.setattr(h5py, "File", without_locks)
    with open_hdf5(path) as file:
        assert file["x"][()] == 1
