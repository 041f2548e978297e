"""Locks and names of what is written beside the results."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from filelock import FileLock

from scaler.errors import ScalerError
from scaler.pipeline.work import locked, working_file


def test_a_lock_is_free_again_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    out = Path("results/a.h5")
    with locked(out):
        assert working_file("locks", out, ".lock").exists()
    FileLock(working_file("locks", out, ".lock")).acquire(timeout=0)


@pytest.mark.parametrize("error", [OSError(errno.ENOLCK, "no locks"), OSError(errno.EOPNOTSUPP, "no"), None])
def test_a_file_system_without_locks_is_named_and_does_not_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: OSError | None
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error or NotImplementedError("flock is not supported")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(FileLock, "acquire", refuse)
    done = []
    with locked(Path("results/a.h5")):
        done.append(1)
    assert done
    assert "has no locks" in caplog.text


def test_another_error_of_a_lock_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EACCES, "not yours")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(FileLock, "acquire", refuse)
    with pytest.raises(ScalerError, match=r"cannot be locked \(not yours"), locked(Path("results/a.h5")):
        pass


def test_names_of_any_length_can_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    long = [Path("results") / ("é" * 120 + end) for end in ("1.h5", "2.h5")]
    with locked(long[0]), locked(long[1]):
        assert len(list(Path(".scaler/locks").iterdir())) == 2
