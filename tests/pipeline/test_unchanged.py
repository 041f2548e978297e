"""What was current is known to be so without a second look, until anything that the answer rests on changes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scaler.artifacts.filehash import Seen, sha256
from scaler.pipeline import unchanged as module
from scaler.pipeline.unchanged import Before, Rest, keep, mark_of, unchanged

LINE = "python -m stages.some --out out.h5"


def look(path: str) -> Seen:
    return Seen(mark_of(path), 1, sha256(Path(path), 1))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with code, parameters, the user's folder and a result; one command in it is known to be current."""
    for name in ("scaler/a.py", "stages/b.py", "mine.py", "params.yaml", "data/x.png", "data/sub/y.png", "out.h5"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("123")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "CODE", tmp_path)
    source = [str(tmp_path / "data" / name) for name in ("x.png", "sub/y.png")]
    seen = {path: look(path) for path in ("out.h5", *source)}
    keep(LINE, ["out.h5"], Before.now(), seen, Rest(["data"], ["mine"]))
    return tmp_path


def test_nothing_changed(project: Path) -> None:
    (project / "scaler" / "__pycache__").mkdir()
    (project / "scaler" / "__pycache__" / "a.pyc").touch()
    (project / "data" / "Thumbs.db").touch()
    assert unchanged(LINE) == ["out.h5"]
    assert unchanged(LINE + "x") is None


def test_a_copy_is_the_same(project: Path) -> None:
    for _ in range(2):
        shutil.copyfile(project / "out.h5", project / "copy.h5")
        (project / "copy.h5").replace(project / "out.h5")
        assert unchanged(LINE) == ["out.h5"]


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "out.h5").write_text("2"),
        lambda root: (root / "out.h5").write_text("223"),
        lambda root: (root / "out.h5").write_text("124"),
        lambda root: (root / "out.h5").unlink(),
        lambda root: (root / "out.h5").write_text("1234"),
        lambda root: (root / "params.yaml").write_text("2"),
        lambda root: (root / "scaler" / "a.py").write_text("2"),
        lambda root: (root / "stages" / "new.py").touch(),
        lambda root: (root / "mine.py").write_text("2"),
        lambda root: (root / "data" / "x.png").write_text("2"),
        lambda root: (root / "data" / "sub" / "new.png").touch(),
        lambda root: (root / "data" / "sub" / "y.png").unlink(),
        lambda root: next((root / ".scaler" / "current").iterdir()).write_text("{"),
    ],
)
def test_any_change_asks_for_a_second_look(project: Path, change: Callable[[Path], object]) -> None:
    change(project)
    assert unchanged(LINE) is None


def test_code_that_changes_while_a_stage_runs_leaves_nothing_to_trust(project: Path) -> None:
    before = Before.now()
    (project / "scaler" / "a.py").write_text("2")
    keep("another", ["out.h5"], before, {"out.h5": look("out.h5")}, Rest([], []))
    assert unchanged("another") is None


def test_the_look_imports_nothing_that_takes_time() -> None:
    code = "import sys, scaler.pipeline.job; print([name for name in SLOW if name in sys.modules])"
    slow = ("pydantic", "ruamel.yaml", "torch", "h5py", "numpy", "asyncio", "tqdm", "argparse")
    code = code.replace("SLOW", repr(slow))
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
