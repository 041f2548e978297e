from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scaler.errors import ScalerError
from scaler.params import Params, load_params
from tests.conftest import ROOT

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
        ('shards: ["0", "1"]', 'shards: ["0", "2"]', ["numbered in order"]),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, old: str, new: str, expected: list[str]) -> None:
    assert old in TEXT
    with pytest.raises(ScalerError) as caught:
        load_text(tmp_path, TEXT.replace(old, new))
    for part in ("params.yaml", *expected):
        assert part in str(caught.value)


def test_views_without_replacement(tmp_path: Path) -> None:
    """Two flips, four turns and one scale make 8 combinations."""
    text = TEXT.replace("  replacement: true", "  replacement: false")
    assert load_text(tmp_path, text.replace("  views: 12", "  views: 8")).label_with_sam.replacement is False
    with pytest.raises(ScalerError, match="9 cannot be drawn without replacement from 8"):
        load_text(tmp_path, text.replace("  views: 12", "  views: 9"))


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
