"""Whole miniature runs through the real stages: foundation models, large segmenters, prompts.

Each family runs once by default; every foundation with every adaptation, and every prompt, are `exhaustive`.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from scaler.models.names import FOUNDATIONS
from scaler.pipeline.presets import lay_over, preset_parts
from tests.conftest import ROOT
from tests.engines.tree import Tree
from tests.models import sam3_tiny
from tests.models.pipeline import WEIGHTS, run_all, small_tree
from tests.models.whole_runs import ADAPTATIONS, check_two_rounds, data_sets, put_weights, read_weights_once

pytestmark = pytest.mark.slow
BY_DEFAULT = {
    "vit_b-adapter",
    "sam2.1_tiny-lora",
    "mobile_sam-decoder",
    "lite-adapter",
    "sam3-lora",
    "marks_box",
    "teacher_mask",
}


def cases(*names: str) -> list[object]:
    """Test parameters, all but those `BY_DEFAULT` exhaustive."""
    return [pytest.param(name, marks=() if name in BY_DEFAULT else pytest.mark.exhaustive) for name in names]


@pytest.mark.parametrize("case", cases(*(f"{model}-{how}" for model in FOUNDATIONS for how in ADAPTATIONS)))
def test_two_rounds_of_a_foundation_model(
    tree: Tree, lines: list[str], case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    foundation, adaptation = case.split("-")
    sam3_tiny.use_tiny(monkeypatch)
    put_weights(tree, foundation)
    read_weights_once(monkeypatch)
    check_two_rounds(tree, lines, foundation, adaptation, monkeypatch)


@pytest.mark.parametrize(
    "segmenter",
    [
        {"model": "ws_sam", "options": {"channels": 32}, "depth_weights": [0.0625, 0.125, 0.25, 0.5, 1.0]},
        {"model": "smp", "options": {"architecture": "unet", "encoder": "resnet18"}, "depth_weights": [1.0]},
    ],
    ids=["ws_sam", "smp"],
)
def test_two_rounds_of_a_large_segmenter(
    segmenter: dict[str, object], lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = small_tree(tmp_path / "tree")
    values = own.params()
    values["segmenter"] |= segmenter
    values["sam"]["weights"] = str(ROOT / "scaler" / "laboratory" / "nano_sam.safetensors")
    own.write_params(values)
    weights = f"--weights {values['sam']['weights']}"
    run_all(own, [line.replace(f"--weights {WEIGHTS}", weights) for line in lines], monkeypatch)
    with (
        h5py.File(own.root / "results/stops/init/segmenter.h5") as first,
        h5py.File(own.root / "results/stops/round_2/segmenter.h5") as last,
    ):
        assert last.attrs["input_size"] == 64
        names = data_sets(first["teacher"])
        assert names == data_sets(last["teacher"])
        assert any(not np.array_equal(first["teacher"][name], last["teacher"][name]) for name in names)


@pytest.mark.parametrize("prompts", cases("marks_points", "marks_box", "teacher_points", "teacher_box", "teacher_mask"))
def test_two_rounds_with_prompts(
    prompts: str, lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = small_tree(tmp_path / "tree")
    values = own.params()
    if prompts.startswith("marks"):
        values["prepare_data"]["supervision"] = "scribbles"
    values["sam"] |= {"weights": str(ROOT / "scaler" / "laboratory" / "nano_sam.safetensors"), "prompts": prompts}
    own.write_params(values)
    weights = f"--weights {values['sam']['weights']}"
    run_all(own, [line.replace(f"--weights {WEIGHTS}", weights) for line in lines], monkeypatch)
    assert (own.root / "results/report.html").is_file()


@pytest.mark.exhaustive
def test_words_alone_use_no_label(tree: Tree, lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With other marks the segmenter is the same: it learns from SAM 3's answers to words alone."""
    put_weights(tree, "sam3")
    read_weights_once(monkeypatch)
    sam3_tiny.use_tiny(monkeypatch)
    values = tree.params()
    for part in preset_parts("recipes/words-alone"):
        lay_over(values, part)
    values["sam"] |= {"weights": WEIGHTS, "size": sam3_tiny.TINY.side}
    found = []
    for marks in ("points", "scribbles"):
        values["prepare_data"]["supervision"] = marks
        tree.write_params(values)
        run_all(tree, lines, monkeypatch)
        with h5py.File(tree.root / "results/stops/round_2/segmenter.h5") as file:
            found.append({name: file["student"][name][()] for name in data_sets(file["student"])})
    assert all(np.array_equal(value, found[1][name]) for name, value in found[0].items())
