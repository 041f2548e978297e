"""Which models are taken, with which params and at which size, and what is said of the others."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from scaler.artifacts.hdf5 import write_ids
from scaler.artifacts.header import read_header
from scaler.artifacts.sealing import sealed_hdf5
from scaler.errors import ScalerError
from scaler.use.model import load_model
from tests.use.models import SIZE


def test_size_and_params_are_those_of_the_run_wherever_one_stands(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = load_model(run_folder / "segmenter.h5")
    assert (model.size, model.name, model.params.options) == (SIZE, "teacher", {"width": 4})
    assert not model.network.training


def test_a_model_alone_knows_its_size(run_folder: Path, tmp_path: Path) -> None:
    alone = shutil.copy(run_folder / "segmenter.h5", tmp_path)
    assert load_model(Path(alone)).size == SIZE
    assert load_model(Path(alone), size=64).size == 64


def test_sam_finds_its_weights_or_names_them(run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = Path("scaler/laboratory/nano_sam.safetensors").absolute()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScalerError, match=r"needs the frozen weights scaler/laboratory/nano_sam\.safetensors"):
        load_model(run_folder / "sam.h5")
    assert load_model(run_folder / "sam.h5", weights=weights).name == "sam"


def test_refused(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "model.pth").write_bytes(b"PK")
    for path, message in (
        (tmp_path / "none.h5", "got no such file"),
        (tmp_path / "model.pth", "got no artifact"),
        (run_folder / "evaluation.h5", "got kind 'evaluation'"),
        (tmp_path, "a folder without config.json"),
    ):
        with pytest.raises(ScalerError, match=message):
            load_model(path)
    with pytest.raises(ScalerError, match="holds the sam, not the student"):
        load_model(run_folder / "sam.h5", "student")
    with pytest.raises(ScalerError, match="multiple of 16, got 40"):
        load_model(run_folder / "segmenter.h5", size=40)


def test_params_of_another_version_are_named(run_folder: Path, tmp_path: Path) -> None:
    header = read_header(run_folder / "segmenter.h5")
    with sealed_hdf5(tmp_path / "a.h5", replace(header, params={"segmenter": {"model": "compact"}})) as file:
        write_ids(file, [])
    with pytest.raises(ScalerError, match=r"another block 'segmenter' \(options: Field required"):
        load_model(tmp_path / "a.h5", size=SIZE)


def test_a_damaged_artifact_is_refused(run_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "segmenter.h5"
    content = bytearray((run_folder / "segmenter.h5").read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ScalerError, match="checksum"):
        load_model(path, size=SIZE)
