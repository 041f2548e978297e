from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scaler.errors import ScalerError
from scaler.params import Params, load_params
from tests.conftest import ROOT, with_values

TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")


def load_text(tmp_path: Path, text: str) -> Params:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return load_params(path)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("  decay: 0.99", "  decai: 0.99", ["mean_teacher.decai", "Did you mean `decay`"]),
        ("  decay: 0.99", "  decay: 1.5", ["mean_teacher.decay", "1.5", "less than or equal to 1"]),
        ("  decay: 0.99", "  decay: high", ["mean_teacher.decay", "'high'", "number"]),
        ("  views: 12", "  views: 12.5", ["label_with_sam.views", "12.5", "integer"]),
        ("  teacher_label: soft", "  teacher_label: hard", ["phase_one.teacher_label", "'hard'", "'soft' or 'binary'"]),
        ("  size: 96", "  size: 100", ["prepare_data.size", "100", "multiple of 32"]),
        ("  simple_entropy: 0.2", "  simple_entropy: 0.9", ["simple_entropy must be below difficult_entropy"]),
        ("seed: 0\n", "", ["`seed` is missing"]),
        ("seed: 0\n", "seed: 0\nsede: 1\n", ["unknown key `sede`", "Did you mean `seed`"]),
        ("  source: data/laboratory", "  source: 'data/a$b'", ["prepare_data.source", "must not contain '$'"]),
        ("  weights: scaler", "  weights: a$b", ["sam.weights", "must not contain"]),
        ("  round_1:", "  1:", ["rounds", "valid string"]),
        (
            "{start: round_1, labels: round_2}",
            "{start: init, labels: round_2}",
            ["neither of the two orders", "newest_first:"],
        ),
        ("init: {sam: init}, warm_up", "warm_up", ["stops and sam_stops must hold"]),
        ('shards: ["0"]', 'shards: ["0", "2"]', ["numbered in order"]),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, old: str, new: str, expected: list[str]) -> None:
    assert old in TEXT
    with pytest.raises(ScalerError) as caught:
        load_text(tmp_path, TEXT.replace(old, new))
    for part in ("params.yaml", *expected):
        assert part in str(caught.value)


ABLATIONS = {  # the paper's ablations and the controls: each is a change of values that the check takes
    "without SAM's source: the mean teacher alone": {"phase_one": {"sources": "teacher"}},
    "without the teacher's source": {"phase_one": {"sources": "sam"}},
    "without the fused label: one view": {"label_with_sam": {"views": 1, "flips": ["none"], "quarter_turns": [0]}},
    "without image weight": {"weighting": {"image_weight": "none"}},
    "without pixel weight": {"weighting": {"pixel_weight": "none"}},
    "without the difficult form": {"weighting": {"difficult_entropy": None}},
    "without the simple form": {"weighting": {"simple_entropy": None}},
    "without either form": {"weighting": {"difficult_entropy": None, "simple_entropy": None}},
    "without Phase II": {"train_sam": {"epochs": 0}},
    "L_AI of two weak views": {"train_sam": {"invariance_views": "weak"}},
    "without L_AI": {"train_sam": {"invariance_weight": 0.0}},
    "L_NR replaced by Phase I's refinement": {"train_sam": {"resistance": "refinement"}},
    "without L_NR": {"train_sam": {"resistance_weight": 0.0}},
    "without stage 1": {"initialize_segmenter": {"epochs": 0}, "initialize_sam": {"epochs": 0}},
    "without stage 2": {"warm_up": {"epochs": 0}},
    "labels alone for as many steps": {"phase_one": {"sources": "none"}},
    "labelled images alone for as many steps": {"phase_one": {"sources": "none", "labelled_per_batch": 8}},
    "full supervision": {"prepare_data": {"supervision": "full"}},
}


@pytest.mark.parametrize("change", ABLATIONS.values(), ids=ABLATIONS)
def test_every_ablation_is_a_change_of_values(params: Params, change: dict[str, dict[str, object]]) -> None:
    values = with_values(params, **change).model_dump()
    assert all(values[block][name] == value for block, changed in change.items() for name, value in changed.items())


def test_labelled_images_must_fit_into_a_batch(params: Params) -> None:
    with pytest.raises(ValueError, match="9 do not fit into a batch of 8"):
        with_values(params, phase_one={"labelled_per_batch": 9})
    with pytest.raises(ValueError, match="which only"):
        with_values(params, phase_one={"labelled_per_batch": 2}, prepare_data={"supervision": "points"})


def test_zoom_and_prompts_exclude_each_other(params: Params) -> None:
    zoom = {"zoom": True, "scales": [1.0, 2.0]}
    assert with_values(params, label_with_sam=zoom).label_with_sam.zoom
    with pytest.raises(ValueError, match="prompts cannot follow"):
        with_values(params, label_with_sam=zoom, sam={"prompts": "teacher_box"})


def test_several_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ScalerError) as caught:
        load_text(tmp_path, TEXT.replace("  decay: 0.99", "  decay: 2").replace("  views: 12", "  views: 0"))
    assert "mean_teacher.decay" in str(caught.value)
    assert "label_with_sam.views" in str(caught.value)


def test_numbers_are_read_as_dvc_reads_them(tmp_path: Path) -> None:
    params = load_text(tmp_path, TEXT.replace("learning_rate: 1.0e-3", "learning_rate: 5e-4"))
    assert params.warm_up.learning_rate == pytest.approx(5e-4)


@pytest.mark.parametrize("text", ["", "- 1\n", "seed: [\n"])
def test_no_mapping(tmp_path: Path, text: str) -> None:
    with pytest.raises(ScalerError, match=r"params\.yaml"):
        load_text(tmp_path, text)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ScalerError, match="not found"):
        load_params(tmp_path / "params.yaml")


def test_loading_needs_no_torch() -> None:
    code = "import sys, scaler.params, scaler.pipeline.state; print('torch' in sys.modules or 'h5py' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
