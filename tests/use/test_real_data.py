"""Real photographs through prediction and scoring; skipped where there are none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import pytest

from tests.command import main

DATA = os.environ.get("SCALER_TEST_DATA")


@pytest.mark.skipif(DATA is None, reason="SCALER_TEST_DATA names no folder of real data")
def test_camouflaged_animals_there_and_back(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = Path(str(DATA)) / "camo_mini"
    assert main("predict", run_folder / "segmenter.h5", source / "images", "--out", tmp_path / "p", "--tta") == 0
    images = sorted((source / "images").iterdir())
    assert sorted(path.stem for path in (tmp_path / "p" / "camo_mini").iterdir()) == [path.stem for path in images]
    for path in images:
        made = cv2.imread(str(tmp_path / "p" / "camo_mini" / f"{path.stem}.png"), cv2.IMREAD_UNCHANGED)
        assert made.shape == cv2.imread(str(path)).shape[:2]
    capsys.readouterr()
    assert main("evaluate", tmp_path / "p", source / "masks", "--json") == 0
    scores = json.loads(capsys.readouterr().out)["camo_mini"]
    assert scores["images"] == len(images)
    assert main("evaluate", source / "masks", source / "masks", "--json") == 0  # masks are the best of predictions
    perfect = json.loads(capsys.readouterr().out)["masks"]["metrics"]
    assert perfect["mae"] == 0
    assert perfect["iou"] == 1
    assert scores["metrics"]["mae"] > 0.01
