"""Studies: the grid, the plan, rows that are never computed twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from scaler.artifacts.paths import stops
from scaler.errors import ScalerError
from scaler.metrics.names import METRICS
from scaler.params import load_params
from scaler.pipeline import grid, study
from scaler.pipeline.grid import Cell, Study, cells, load_study, study_names
from scaler.pipeline.plan import evaluation_commands
from scaler.pipeline.presets import preset_names
from tests.command import call
from tests.conftest import ROOT

TINY: dict[str, Any] = {
    "title": "Tiny",
    "against": "one-way",
    "seeds": [0],
    "values": {
        "rounds": {
            "round_1": {
                "phase_one": {"start": "warm_up", "labels": "init"},
                "phase_two": {"start": "init", "labels": "round_1"},
                "sam": "round_1",
            }
        },
        "shards": ["0"],
        "prepare_data": {"size": 32},
        "segmenter": {"options": {"width": 4}},
        "label_with_sam": {"views": 1},
        "cold_start": {"stop_share": 1.0},
        **{name: {"epochs": 1, "batch_size": 4} for name in ("initialize_segmenter", "warm_up", "train_segmenter")},
        **{name: {"epochs": 0, "batch_size": 4} for name in ("initialize_sam", "train_sam")},
    },
    "supervision": {"1/3": {"prepare_data": {"supervision": "semi", "labelled_fraction": 0.34}}},
    "recipes": {"labels": {"preset": "recipes/labels-alone"}, "one-way": {"preset": "recipes/one-way"}},
    "metrics": ["iou", "mae"],
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with parameters, a laboratory of twelve scenes, and one study."""
    source = tmp_path / "data"
    source.mkdir()
    recipe = YAML(typ="safe").load(ROOT / "data/laboratory/recipe.yaml")
    YAML().dump(recipe | {"size": 32, "train": 12, "val": 2, "test": 2}, source / "recipe.yaml")
    values = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")
    values["prepare_data"]["source"] = "data"
    values["sam"]["weights"] = (ROOT / values["sam"]["weights"]).as_posix()
    YAML().dump(values, tmp_path / "params.yaml")
    (tmp_path / "studies").mkdir()
    YAML().dump(TINY, tmp_path / "studies" / "tiny.yaml")
    monkeypatch.setattr(grid, "FOLDER", tmp_path / "studies")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fake_rows(cell: Cell) -> list[dict[str, object]]:
    place = {"recipe": cell.recipe, "supervision": cell.supervision, "seed": cell.seed, "step": "last"}
    made = {"seconds": 1, "memory_mb": 2, "processor": "p", "values": cell.digest, "code": "c"}
    return [place | {"model": model} | dict.fromkeys(METRICS, 0.5) | made for model in ("segmenter", "teacher", "sam")]


@pytest.mark.parametrize("name", study_names())
def test_studies_of_the_project_have_valid_cells(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    whole = load_study(name)
    assert len(cells(whole)) == len(whole.seeds) * len(whole.supervision) * len(whole.recipes)


def test_recipes_take_both_kinds_of_labels() -> None:
    marks = {"prepare_data": {"supervision": "points"}}
    masks = {"prepare_data": {"supervision": "semi"}}
    names = [name for name in preset_names() if name.startswith("recipes/")]
    assert len(names) >= 12
    for name in names:
        needs_marks = name in ("recipes/ws-sam", "recipes/ws-sam-plus")
        for values in (marks,) if needs_marks else (marks, masks):
            one = Study(title="", against="x", seeds=[0], supervision={"s": values}, recipes={"x": {"preset": name}})
            assert cells(one, ROOT / "params.yaml")[0].params.seed == 0


def test_a_recipe_is_laid_over_the_kind_of_labels(project: Path) -> None:
    full = TINY | {"recipes": {"one-way": {}, "full": {"preset": "recipes/full-supervision"}}}
    assert [cell.params.prepare_data.supervision for cell in cells(Study(**full))] == ["semi", "full"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"against": "all"}, r"against: got 'all', expected one of the recipes labels, one-way"),
        ({"metrics": ["iuo"]}, r"metrics: got iuo, expected some of iou, dice"),
        ({"seed": [1]}, r"unknown key `seed`. Did you mean `seeds`"),
        ({"recipes": {"one-way": {"preset": "recipes/two-way"}}}, r"there is no preset 'recipes/two-way'"),
    ],
)
def test_a_fault_in_a_study_is_named(project: Path, change: dict[str, object], message: str) -> None:
    YAML().dump(TINY | change, project / "studies" / "tiny.yaml")
    with pytest.raises(ScalerError, match=message):
        load_study("tiny")


def test_a_wrong_value_names_its_cell(project: Path) -> None:
    YAML().dump(TINY | {"values": {"warm_up": {"epochs": -1}}}, project / "studies" / "tiny.yaml")
    with pytest.raises(ScalerError, match=r"labels with 1/3 \(study\): `warm_up.epochs`"):
        cells(load_study("tiny"))


def test_a_plan_makes_inputs_first_each_once_and_nothing_more() -> None:
    params = load_params(ROOT / "params.yaml")
    lines = evaluation_commands(params, ["warm_up", "round_1"])
    assert len({tuple(words) for _, words in lines}) == len(lines)
    made: set[str] = set()
    for stage, words in lines:
        arguments = dict(zip(words[::2], words[1::2], strict=True))
        outputs = {"--out"} if stage != "prepare_data" else {"--train", "--val", "--test", "--truth"}
        read = {value for name, value in arguments.items() if name not in outputs and value.startswith("results/")}
        assert all(any(path.startswith(value) for path in made) for value in read), (stage, read - made)
        made |= {arguments[name] for name in outputs}
    folders = {stop.name: stop.folder for stop in stops(Path("results"), params.rounds)}
    assert not any(path.startswith(folders["round_2"].as_posix()) for path in made)
    assert (folders["round_1"] / "evaluation.h5").as_posix() in made
    assert not any("round_1/sam_labels" in path for path in made)


def test_rows_are_added_once_and_outdated_ones_are_kept_apart(project: Path) -> None:
    whole = cells(load_study("tiny"))
    table = project / "rows.csv"
    for cell in whole:
        study.append_rows(table, fake_rows(cell))
    study.append_rows(table, fake_rows(whole[0]))
    rows = study.read_rows(table)
    assert len(rows) == 6
    changed = [*cells(Study(**TINY | {"values": TINY["values"] | {"mean_teacher": {"decay": 0.5}}}))]
    valid, outdated = study.split_rows(rows, [whole[0], changed[1]])
    assert {row["recipe"] for row in valid} == {"labels"}
    assert {row["recipe"] for row in outdated} == {"one-way"}


def test_cells_with_rows_are_not_computed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cells(load_study("tiny"))
    study.append_rows(project / "out" / "rows.csv", fake_rows(whole[0]))
    computed = []

    def compute(cell: Cell, of: Study, work: Path, table: Path) -> bool:
        computed.append(cell.recipe)
        study.append_rows(table, fake_rows(cell))
        return True

    monkeypatch.setattr(study, "_compute", compute)
    assert call("study", "tiny", "--out", project / "out") == 0
    assert call("study", "tiny", "--out", project / "out") == 0
    assert computed == ["one-way"]
    (project / "params.yaml").write_text(
        (project / "params.yaml").read_text(encoding="utf-8").replace("decay: 0.99", "decay: 0.9"), encoding="utf-8"
    )
    with pytest.raises(ScalerError, match=r"other values .* --renew"):
        call("study", "tiny", "--out", project / "out")
    assert call("study", "tiny", "--out", project / "out", "--renew", "--recipe", "labels") == 0
    assert computed == ["one-way", "labels"]


def test_a_cell_that_fails_is_reported_and_the_others_go_on(
    project: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (project / "data" / "recipe.yaml").write_text("size: none\n", encoding="utf-8")
    one = load_study("tiny")
    outcome = study.run_missing("tiny", one, cells(one)[:1], project / "rows.csv")
    assert outcome.failed == ["labels, 1/3, seed 0"]
    assert not (project / "rows.csv").exists()


@pytest.mark.slow
def test_a_miniature_grid_shares_what_is_equal(project: Path) -> None:
    assert call("study", "tiny", "--out", project / "out", "--recipe", "labels") == 0
    shared = project / ".scaler/studies/tiny/shared"
    before = set(shared.iterdir())
    assert call("study", "tiny", "--out", project / "out") == 0
    assert not shared.exists()  # the study is complete
    rows = study.read_rows(project / "out" / "rows.csv")
    assert {(row["recipe"], row["model"]) for row in rows} == {
        (recipe, model) for recipe in ("labels", "one-way") for model in ("segmenter", "teacher", "sam")
    }
    assert before
    assert (project / "out" / "table.html").read_text(encoding="utf-8").count("<tr>") == 3
