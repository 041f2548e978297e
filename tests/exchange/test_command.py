"""The command line: what is asked for arrives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scaler.errors import ScalerError
from tests.command import call
from tests.conftest import ROOT
from tests.exchange.conftest import grid, mask_of, picture, write
from tests.exchange.samples import coco

BOX = {"segmentation": [[1, 1, 4, 1, 4, 3, 1, 3]]}


def run(*words: object) -> None:
    assert call(*words) == 0


@pytest.fixture
def source(tmp_path: Path) -> Path:
    picture(tmp_path / "photos/a.png", 6, 4)
    return write(tmp_path / "coco.json", coco(BOX, {"bbox": [5, 3, 1, 1]}))


def test_in_out_and_corrected(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos, data, out = tmp_path / "photos", tmp_path / "data", tmp_path / "out"
    run("import", "coco", source, "--images", photos, "--out", data, "--boxes", "--category", "polyp")
    assert "1 images, 1 masks" in capsys.readouterr().out
    np.testing.assert_array_equal(mask_of(data), grid("...... .###.. .###.. .....#"))
    run("export", "labelme", data, "--out", out, "--label", "polyp")
    run("import", "labelme", out, "--into", data, "--corrections", "--by", "me")
    assert "0 labels corrected, 0 added, 1 unchanged" in capsys.readouterr().out
    write(out / "a.json", (out / "a.json").read_text().replace('"polyp"', '"wall"', 1))
    run("import", "labelme", out, "--into", data, "--corrections", "--by", "me", "--category", "polyp")
    np.testing.assert_array_equal(mask_of(data), grid("...... ...... ...... .....#"))


def test_options_that_belong_together(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ScalerError, match="go together"):
        run("import", "coco", source, "--into", tmp_path)
    with pytest.raises(ScalerError, match="go together"):
        run("import", "coco", source, "--out", tmp_path, "--corrections")
    with pytest.raises(ScalerError, match="who made"):
        run("import", "coco", source, "--into", tmp_path, "--corrections")


@pytest.mark.parametrize(
    "words",
    [
        ["import", "masks", "x", "--out", "y", "--colours", "red"],
        ["import", "coco", "x"],
        ["import", "coco", "x", "--out", "y", "--mark-width", "0"],
        ["export", "coco", "x", "--out", "y", "--threshold", "nan"],
        ["import", "pascal", "x", "--out", "y"],
    ],
)
def test_wrong_words_are_usage_errors(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*words) == 2
    assert "Usage:" in capsys.readouterr().err


def test_options_of_another_format_are_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ScalerError, match="--values: an option for masks, not for coco"):
        run("import", "coco", source, "--out", tmp_path / "data", "--values", 1)


def test_the_command_line_is_there_at_once() -> None:
    """Nothing heavy is imported before a command runs."""
    code = "import sys, scaler.cli.app; print([m for m in ('numpy', 'cv2', 'torch') if m in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "[]"
