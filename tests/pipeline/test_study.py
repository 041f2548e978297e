"""Studies: the grid, the plan, rows that are never computed twice."""

from __future__ import annotations

import os
import time
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from scaler.artifacts.paths import stops
from scaler.errors import ScalerError
from scaler.metrics.names import METRICS
from scaler.params import load_params
from scaler.pipeline import cell, grid, study
from scaler.pipeline.grid import Cell, Study, cells, load_study, study_names
from scaler.pipeline.identity import identity
from scaler.pipeline.plan import Line, evaluation_commands
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


def fake_rows(one: Cell) -> list[dict[str, object]]:
    place = {"recipe": one.recipe, "supervision": one.supervision, "seed": one.seed, "step": "last"}
    made = {"seconds": 1, "memory_mb": 2, "gpu_memory_mb": "", "processor": "p", "values": one.digest, "code": "c"}
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
    assert len(names) >= 16
    for name in names:
        needs_marks = name in ("recipes/ws-sam", "recipes/ws-sam-plus")  # marks as prompts
        for values in (marks,) if needs_marks else (marks, masks):
            one = Study(title="", against="x", seeds=[0], supervision={"s": values}, recipes={"x": {"preset": name}})
            assert cells(one, ROOT / "params.yaml")[0].params.seed == 0


def test_a_recipe_is_laid_over_the_kind_of_labels(project: Path) -> None:
    full = TINY | {"recipes": {"one-way": {}, "full": {"preset": "recipes/full-supervision"}}}
    assert [one.params.prepare_data.supervision for one in cells(Study(**full))] == ["semi", "full"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"against": "all"}, r"against: got 'all', expected one of the recipes labels, one-way"),
        ({"metrics": ["iuo"]}, r"metrics: got iuo, expected some of iou, dice"),
        ({"seed": [1]}, r"unknown key `seed`. Did you mean `seeds`"),
        ({"recipes": {"one-way": {"preset": "recipes/two-way"}}}, r"there is no preset 'recipes/two-way'"),
        ({"recipes": {"one-way": {"paper": "SCALAR"}}}, r"got 'SCALAR', expected a method of the paper: .*SCALER"),
        ({"paper": {"1/3": {"task": "PIS", "setting": "1/3", "dataset": "ETIS"}}}, r"no figures of PIS, 1/3, ETIS"),
        ({"paper": {"1/8": {"task": "PIS", "setting": "1/8", "dataset": "ETIS"}}}, r"1/8 is not under supervision"),
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
    for one in whole:
        study.append_rows(table, fake_rows(one))
    study.append_rows(table, fake_rows(whole[0]))
    rows = study.read_rows(table)
    assert len(rows) == 6
    changed = [*cells(Study(**TINY | {"values": TINY["values"] | {"mean_teacher": {"decay": 0.5}}}))]
    valid, outdated = study.split_rows(rows, [whole[0], changed[1]])
    assert {row["recipe"] for row in valid} == {"labels"}
    assert {row["recipe"] for row in outdated} == {"one-way"}


def test_rows_from_before_a_new_key_hold_where_it_changes_nothing() -> None:
    old, new = {"sam": {"size": 64}}, {"sam": {"size": 64, "crop": 1}}
    before = {"sam.crop": 1}
    assert identity(new, before) == identity(old, before)
    assert identity(new, {}) != identity(old, {}), "a key that says nothing of before outdates all rows"
    assert identity({"sam": {"size": 64, "crop": 2}}, before) != identity(old, before), "its other values outdate them"
    assert identity(old, before, meaning=1) != identity(old, before)


def test_blocks_without_effect_are_no_part_of_the_identity() -> None:
    assert identity({"seed": 0, "report": {"images": 1}}) == identity({"seed": 0, "report": {"images": 2}})


@pytest.mark.parametrize("name", [path.parent.name for path in (ROOT / "docs/results/studies").glob("*/rows.csv")])
def test_rows_of_the_project_are_of_its_studies(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    rows = study.read_rows(ROOT / "docs/results/studies" / name / "rows.csv")
    valid, _ = study.split_rows(rows, cells(load_study(name)))
    assert len(valid) == len(rows), "see scaler/pipeline/identity.py for a key that is new and changes nothing"


def test_cells_with_rows_are_not_computed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cells(load_study("tiny"))
    study.append_rows(project / "out" / "rows.csv", fake_rows(whole[0]))
    computed = []

    def compute(one: Cell, of: Study, work: Path, table: Path) -> bool:
        computed.append(one.recipe)
        study.append_rows(table, fake_rows(one))
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
def test_a_cell_that_was_interrupted_goes_on(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = load_study("tiny")
    first, table, stages = cells(one)[0], project / "rows.csv", list[str]()
    whole_run = cell._run

    def interrupted(line: Line, shared: Path) -> float:
        if line[0] == "warm_up":
            raise KeyboardInterrupt
        stages.append(line[0])
        return whole_run(line, shared)

    folder = (project / ".scaler/studies/tiny" / first.folder).absolute()
    cell.write_cell(folder, first, one, Path(".scaler/studies/tiny/shared"))
    with monkeypatch.context() as patch:
        patch.setattr(cell, "_run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            cell.run_cell(folder)
    monkeypatch.chdir(project)
    assert stages == ["prepare_data", "initialize_segmenter", "initialize_sam", "label_with_sam"]
    before = (folder / "results/stops/init/segmenter.h5").stat().st_ino
    kept = list((project / ".scaler/studies/tiny/shared").glob("*/files/segmenter.h5"))
    assert [path.stat().st_ino for path in kept] == [before]
    assert study.run_missing("tiny", one, [first], table).done == 1
    assert {row["recipe"] for row in study.read_rows(table)} == {"labels"}
    made = {path.stat().st_ino for path in (project / ".scaler/studies/tiny/shared").glob("*/files/segmenter.h5")}
    assert before in made
    assert len(made) == 3  # initialization, warm-up, round: the first was not made again


def _record(one: Cell, of: Study, work: Path, table: Path) -> bool:
    """In place of computing: leave a trace, stay a moment so that the others come by, add rows."""
    with Path("computed.txt").open("a", encoding="utf-8") as file:
        file.write(f"{one.name}\n")
    time.sleep(0.05)
    study.append_rows(table, fake_rows(one))
    return True


def _race(folder: Path, many: Study, start: Barrier) -> None:
    os.chdir(folder)
    study._compute = _record
    start.wait()
    for _ in range(3):
        study.run_missing("tiny", many, cells(many), Path("rows.csv"))


def test_two_processes_at_once_compute_no_cell_twice(project: Path) -> None:
    many = Study(**TINY | {"seeds": [0, 1, 2, 3]})
    spawn = get_context("spawn")
    start = spawn.Barrier(2)
    processes = [spawn.Process(target=_race, args=(project, many, start)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    computed = (project / "computed.txt").read_text(encoding="utf-8").splitlines()
    assert sorted(computed) == sorted(one.name for one in cells(many))
    assert len(study.read_rows(project / "rows.csv")) == 3 * len(computed)


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
