from __future__ import annotations

import difflib
import shutil
from pathlib import Path

import pytest

from scaler.errors import ScalerError
from scaler.params import Params, load_params
from scaler.pipeline import presets
from scaler.pipeline.preflight import refuse_missing
from scaler.pipeline.presets import apply_preset, preset_names
from tests.conftest import ROOT

PAPER = [name for name in preset_names() if name.startswith("paper-")]
SCHEDULES = ("initialize_segmenter", "initialize_sam", "warm_up", "train_segmenter", "train_sam")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return Path(shutil.copy(ROOT / "params.yaml", tmp_path))


def with_preset(name: str, file: Path) -> Params:
    apply_preset(name, file)
    return load_params(file)


def test_the_papers_settings_have_presets() -> None:
    weak = {"paper-cod-point", "paper-cod-scribble", "paper-pis-point", "paper-tod-point"}
    weak |= {"paper-sod-point", "paper-mtos-point", "paper-cod-scribble-sam2"}
    semi = {f"paper-{task}-1of{n}" for task in ("cod", "pis", "tod", "sod", "mtos") for n in (8, 16)}
    assert set(PAPER) == weak | semi


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_gives_valid_parameters_and_keeps_the_comments(name: str, file: Path) -> None:
    if name.startswith("recipes/ws-sam") and name != "recipes/ws-sam-masks":  # prompted by marks: refused without
        file.write_text(file.read_text(encoding="utf-8").replace("supervision: semi ", "supervision: points "))
    before = file.read_text(encoding="utf-8")
    same = with_preset(name, file) == load_params(ROOT / "params.yaml")
    assert same == (name == "recipes/scaler")  # the full method, which params.yaml has too
    assert file.read_text(encoding="utf-8").count("#") > 0.8 * before.count("#")


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_numbers(name: str, file: Path) -> None:
    params = with_preset(name, file)
    for schedule in (getattr(params, block) for block in SCHEDULES):
        assert (schedule.batch_size, schedule.learning_rate) == (12, 1e-4)
        assert (schedule.decay_every, schedule.decay_factor, schedule.select) == (80, 0.1, "last")
    assert params.prepare_data.size == (576 if "mtos" in name else 352)
    assert params.sam.model == ("sam2.1_base_plus" if name.endswith("sam2") else "vit_b")
    assert (params.segmenter.model, params.segmenter.options) == ("ws_sam", {"channels": 128})
    assert (params.sam.size, params.sam.adaptation, params.sam.prompts) == (1024, "adapter", "none")
    views = params.label_with_sam
    assert (views.views, views.scales, views.quarter_turns) == (12, [0.5, 1.0, 2.0], [0, 1, 2, 3])
    assert (params.weighting.difficult_entropy, params.weighting.simple_entropy) == (0.8, 0.2)
    supervision = name.split("-")[2]
    expected = {"point": ("points", None), "scribble": ("scribbles", None), "1of8": ("semi", 1 / 8)}
    kind, fraction = expected.get(supervision, ("semi", 1 / 16))
    assert params.prepare_data.supervision == kind
    assert fraction is None or params.prepare_data.labelled_fraction == fraction


def test_own_photographs_get_the_papers_networks_and_stages_that_settle(file: Path) -> None:
    params = with_preset("my-data", file)
    assert (params.segmenter.model, params.sam.model) == ("ws_sam", "vit_b")
    assert (params.prepare_data.size, params.prepare_data.foundation_size, params.sam.size) == (352, 1024, 1024)
    assert params.prepare_data.labelled_fraction == 1.0, "masks that the user has drawn are not hidden"
    assert not params.prepare_data.paper_protocol
    assert {getattr(params, block).decay for block in SCHEDULES} == {"cosine"}
    assert {getattr(params, block).select for block in SCHEDULES} == {"best_val"}
    assert params.evaluate.stretch == "none"


def test_rounds_of_a_preset_take_the_place_of_the_old(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "short.yaml").write_text(
        "segmenter: {options: {width: 8}}\nrounds:\n  round_1: {phase_one: {start: warm_up, labels: init}, "
        "phase_two: {start: init, labels: round_1}, sam: round_1}\n"
    )
    monkeypatch.setattr(presets, "FOLDER", tmp_path)
    apply_preset("short", file)
    assert list(load_params(file).rounds) == ["round_1"]


@pytest.mark.parametrize("name", ["polyps", "recipes/mean-teacher"])
def test_a_preset_changes_no_line_but_those_of_its_values(name: str, file: Path) -> None:
    before = file.read_text(encoding="utf-8").splitlines()
    changes = apply_preset(name, file)
    lines = file.read_text(encoding="utf-8").splitlines()
    changed = [line for line in difflib.ndiff(before, lines) if line.startswith("+ ")]
    assert len(changed) == len(changes) > 0


def test_an_added_round_is_reported_alone(file: Path) -> None:
    assert "rounds.round_3: none -> {" in apply_preset("polyps", file)[0]


def test_an_unknown_preset_is_named_and_changes_nothing(file: Path) -> None:
    before = file.read_text(encoding="utf-8")
    with pytest.raises(ScalerError, match=r"'_paper', expected one of my-data, paper-cod-1of16"):
        apply_preset("_paper", file)
    assert file.read_text(encoding="utf-8") == before


def test_missing_data_and_weights_are_told_together_with_their_cures(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = with_preset("paper-cod-1of8", file)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScalerError) as error:
        refuse_missing(params)
    lines = str(error.value).splitlines()
    assert len(lines) == 4
    assert "prepare_data.source: data/cod is missing" in lines[1]
    assert "python -m scaler weights fetch sam_vit_b`" in lines[2]
    assert "python -m scaler weights fetch resnet50.tv_in1k`" in lines[3]


def test_weights_that_cannot_be_fetched_by_name_have_advice_of_their_own(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = with_preset("polyps-pretrained", file)
    words = with_preset("recipes/words-alone", file)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScalerError, match=r"lite\.safetensors is missing: make it with `python -m scaler pretrain"):
        refuse_missing(pair)
    with pytest.raises(ScalerError) as error:
        refuse_missing(words)
    lines = str(error.value).splitlines()
    assert "sam.weights: weights/sam3/model.safetensors is missing: get SAM 3's files from their publisher" in lines[2]
    assert "sam.text: weights/sam3/tokenizer.json is missing: get SAM 3's files" in lines[3]


def test_weights_that_only_the_beginning_needs_may_be_gone_later(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = with_preset("paper-cod-1of8", file)
    monkeypatch.chdir(tmp_path)
    for path in ("data/cod/x", "weights/sam_vit_b_01ec64.pth", "results/stops/init/segmenter.h5"):
        Path(path).parent.mkdir(parents=True)
        Path(path).touch()
    refuse_missing(params)


def test_a_package_without_its_checkout_has_no_presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaler.pipeline.presets.FOLDER", tmp_path / "none")
    with pytest.raises(ScalerError, match="Run the command in a checkout"):
        preset_names()
