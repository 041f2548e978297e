"""A stage runs as a file too, with the code of the tree that the file lies in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT


def test_a_stage_is_the_same_as_a_file_and_as_a_module(tmp_path: Path) -> None:
    commands = ([str(ROOT / "stages" / "report.py")], ["-m", "stages.report"])
    folders = (tmp_path, ROOT)
    texts = [
        subprocess.run([sys.executable, *command, "--help"], cwd=folder, capture_output=True, text=True, check=False)
        for command, folder in zip(commands, folders, strict=True)
    ]
    assert "--results" in texts[1].stdout
    assert "params.yaml" in texts[0].stdout + texts[0].stderr, "elsewhere it reports the file that is missing there"
    own = subprocess.run(
        [sys.executable, "stages/report.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert own.stdout == texts[1].stdout
