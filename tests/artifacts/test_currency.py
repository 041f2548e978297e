from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scaler.artifacts.currency import Currency, Recipe
from scaler.artifacts.filehash import DigestMemory
from scaler.artifacts.header import Input, read_header
from scaler.models.names import named_modules
from scaler.params import Params
from scaler.pipeline.command import parse_command
from scaler.pipeline.job import Job
from tests.conftest import with_values


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project with a source folder; the code is the checkout's."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.png").write_bytes(b"one")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def build(params: Params, stage: str, line: str, content: str = "x") -> None:
    """Write small artifacts with the headers that the stage would write."""
    command = parse_command(stage, line.split(), params)
    blocks = {name: getattr(params, name) for name in command.recipe.blocks}
    inputs = Currency(params, named_modules).inputs(command.recipe)
    assert inputs is not None
    job = Job(Params.model_construct(_fields_set=set(blocks), **blocks), command, inputs)
    for path in command.outputs.values():
        with job.hdf5(path, "data" if stage == "prepare_data" else "segmenter") as file:
            file["x"] = f"{path.stem} of {content}"


PREPARE = "--source data --train r/train.h5 --val r/val.h5 --test r/test.h5 --truth r/truth.h5"
INITIALIZE = "--data r/train.h5 --val r/val.h5 --out r/segmenter.h5"


def build_both(params: Params) -> None:
    build(params, "prepare_data", PREPARE)
    build(params, "initialize_segmenter", INITIALIZE)


def current(params: Params, path: str) -> bool:
    return Currency(params, named_modules).identity(path) is not None


def test_what_was_just_made_is_current(tree: Path, params: Params) -> None:
    build_both(params)
    assert current(params, "r/train.h5")
    assert current(params, "r/segmenter.h5")


def test_a_parameter_of_the_stage_or_of_one_before_counts(tree: Path, params: Params) -> None:
    build_both(params)
    assert not current(with_values(params, mean_teacher={"decay": 0.5}), "r/segmenter.h5")
    assert current(with_values(params, mean_teacher={"decay": 0.5}), "r/train.h5")
    assert not current(with_values(params, prepare_data={"size": 64}), "r/segmenter.h5")
    assert current(with_values(params, train_sam={"epochs": 1}), "r/segmenter.h5")


def test_the_source_counts(tree: Path, params: Params) -> None:
    build_both(params)
    (tree / "data" / ".DS_Store").write_bytes(b"")
    assert current(params, "r/train.h5")
    (tree / "data" / "a.png").write_bytes(b"two")
    assert not current(params, "r/train.h5")
    assert not current(params, "r/segmenter.h5")


def test_a_damaged_or_missing_input_counts(tree: Path, params: Params) -> None:
    build_both(params)
    path = tree / "r" / "val.h5"
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert not current(params, "r/val.h5")
    assert not current(params, "r/segmenter.h5")
    path.unlink()
    assert not current(params, "r/segmenter.h5")


def test_another_command_for_the_same_file_counts(tree: Path, params: Params) -> None:
    build_both(params)
    swapped = parse_command(
        "initialize_segmenter", ["--data", "r/val.h5", "--val", "r/val.h5", "--out", "r/segmenter.h5"], params
    )
    assert not Currency(params, named_modules).is_current("r/segmenter.h5", "out", swapped.recipe)


def test_a_moved_tree_stays_current(tree: Path, params: Params) -> None:
    build_both(params)
    recipe = Recipe("initialize_segmenter", {}, (("data", "s/train.h5", False), ("val", "s/val.h5", False)))
    shutil.copytree(tree / "r", tree / "s")
    assert Currency(params, named_modules).is_current("s/segmenter.h5", "out", recipe)


def test_fingerprints_tell_outputs_of_one_stage_apart(tree: Path, params: Params) -> None:
    build(params, "prepare_data", PREPARE)
    currency = Currency(params, named_modules)
    names = [tree / "r" / f"{name}.h5" for name in ("train", "val", "test", "truth")]
    assert len({header.fingerprint for name in names if (header := read_header(name))}) == 4
    assert len({currency.identity(f"r/{name.name}") for name in names}) == 4


def test_prepared_data_are_known_by_what_is_in_them(tree: Path, params: Params) -> None:
    build_both(params)
    (tree / "data" / "note.txt").write_text("not a word of the images")
    assert not current(params, "r/segmenter.h5")  # until somebody has looked
    build(params, "prepare_data", PREPARE)
    assert current(params, "r/segmenter.h5")
    build(params, "prepare_data", PREPARE, content="another mask")
    assert current(params, "r/train.h5")
    assert not current(params, "r/segmenter.h5")


def test_undeclared_parameters_cannot_be_read(params: Params) -> None:
    command = parse_command("initialize_segmenter", INITIALIZE.split(), params)
    blocks = {name: getattr(params, name) for name in command.recipe.blocks}
    job = Job(Params.model_construct(_fields_set=set(blocks), **blocks), command, [Input("data", "x", False, "y")])
    assert job.params.seed == 0
    with pytest.raises(AttributeError):
        _ = job.params.train_sam


def test_digests_are_remembered_until_the_file_changes(tmp_path: Path) -> None:
    path, store = tmp_path / "f", tmp_path / "memory.json"
    path.write_bytes(b"abc")
    memory = DigestMemory(store)
    first = memory.digest(path)
    memory.save()
    assert DigestMemory(store).digest(path) == first
    path.write_bytes(b"abd")
    assert DigestMemory(store).digest(path) != first
