"""Exported models give the predictions of the artifacts that they come from, or are not there at all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from scaler.errors import ScalerError
from scaler.use import portable
from scaler.use.card import evaluation_beside
from scaler.use.export import Forms, export_model
from scaler.use.model import load_model
from tests.command import main
from tests.use.models import SIZE, write_images

NANO = Path("scaler/laboratory/nano_sam.safetensors").absolute()


def predictions(model: Path, tmp_path: Path, name: str, *options: object) -> dict[str, bytes]:
    out = tmp_path / name
    assert main("predict", model, tmp_path / "photos", "--out", out, *options) == 0
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*.png"))}


@pytest.mark.parametrize(("artifact", "options"), [("segmenter.h5", ("--model", "student")), ("sam.h5", ())])
def test_a_bundle_predicts_as_its_artifact_and_needs_nothing_else(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, artifact: str, options: tuple[str, ...]
) -> None:
    write_images(tmp_path / "photos", 3)
    expected = predictions(run_folder / artifact, tmp_path, "from run", *options)
    assert main("export", "model", run_folder / artifact, "--out", tmp_path / "bundle", *options) == 0
    monkeypatch.chdir(tmp_path)  # the frozen weights are not found from here
    (tmp_path / "bundle").rename(tmp_path / "moved")
    assert predictions(tmp_path / "moved", tmp_path, "from bundle") == expected
    assert len(expected) == 3


def test_adapters_alone_want_their_weights_back(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path / "photos", 1)
    expected = predictions(run_folder / "sam.h5", tmp_path, "a")
    assert main("export", "model", run_folder / "sam.h5", "--out", tmp_path / "b", "--adapters-only") == 0
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == [
        "README.md",
        "adapter.safetensors",
        "config.json",
    ]
    names = set(safetensors.torch.load_file(tmp_path / "b" / "adapter.safetensors"))
    assert names == set(load_model(run_folder / "sam.h5").network.trainable_names())
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    command = ("predict", tmp_path / "b", tmp_path / "photos", "--out", tmp_path / "p")
    assert main(*command) == 1
    assert "needs the frozen weights" in capsys.readouterr().err
    other = safetensors.torch.load_file(NANO)
    safetensors.torch.save_file({key: value + 1 for key, value in other.items()}, tmp_path / "other.safetensors")
    assert main(*command, "--weights", "other.safetensors") == 1
    assert "SHA-256" in capsys.readouterr().err
    assert predictions(tmp_path / "b", tmp_path, "p", "--weights", NANO) == expected


@pytest.mark.slow
def test_onnx_and_program_compute_the_network(run_folder: Path, tmp_path: Path) -> None:
    command = ("export", "model", run_folder / "segmenter.h5", "--out", tmp_path / "b", "--onnx", "--torch-export")
    assert main(*command) == 0
    teacher = load_model(run_folder / "segmenter.h5").network
    session = onnxruntime.InferenceSession(tmp_path / "b" / "model.onnx", providers=["CPUExecutionProvider"])
    program = torch.export.load(tmp_path / "b" / "model.pt2").module()
    assert session.get_modelmeta().custom_metadata_map["scaler_network"] == "teacher"
    for count in (1, 3, 7):
        image = torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(count + 50))
        with torch.no_grad():
            expected = torch.sigmoid(teacher(image)[-1]).numpy()
        assert np.ptp(expected) > 0.2
        np.testing.assert_allclose(session.run(None, {"image": image.numpy()})[0], expected, atol=5e-5)
        np.testing.assert_allclose(program(image).detach().numpy(), expected, atol=5e-5)
    card = (tmp_path / "b" / "README.md").read_text()
    assert "ONNX: differs from the network by at most" in card


def test_the_card_tells_data_metrics_and_provenance(run_folder: Path, tmp_path: Path) -> None:
    command = ("export", "model", run_folder / "segmenter.h5", "--out", tmp_path / "b", "--licence", "CC-BY-4.0")
    assert main(*command) == 0
    card = (tmp_path / "b" / "README.md").read_text()
    metrics = json.loads((run_folder / "metrics.json").read_text())["test"]
    assert f"{metrics['teacher']['s_alpha']:.4f}" in card
    assert f"{metrics['segmenter']['s_alpha']:.4f}" not in card
    for part in (
        "training images: 4, of which 2 with a full mask",
        "semi",
        "CC-BY-4.0",
        '"width": 4',
        "no medical device",
    ):
        assert part in card
    assert load_model(run_folder / "segmenter.h5").header.fingerprint in card


def test_metrics_of_another_model_do_not_get_into_the_card(run_folder: Path, tmp_path: Path) -> None:
    for name in ("segmenter.h5", "evaluation.h5", "metrics.json"):
        (tmp_path / name).write_bytes((run_folder / name).read_bytes())
    (tmp_path / "metrics.json").write_text((run_folder / "metrics.json").read_text().replace("0.", "0.9", 1))
    export_model(load_model(tmp_path / "segmenter.h5", size=SIZE), tmp_path / "b", Forms())
    card = (tmp_path / "b" / "README.md").read_text()
    assert "No evaluation of this model was found" in card
    assert "training data was not found" in card
    header = load_model(run_folder / "segmenter.h5").header
    assert evaluation_beside(run_folder / "segmenter.h5", header) is not None
    assert evaluation_beside(run_folder / "segmenter.h5", replace(header, fingerprint="0" * 64)) is None


class Fickle(nn.Module):
    """A segmenter that is another one each time it is called."""

    multiple_of = 1

    def forward(self, image: Tensor) -> list[Tensor]:
        return [torch.randn_like(image[:, :1])]


class Branching(Fickle):
    """One whose way depends on the values of the input: no graph can say that."""

    def forward(self, image: Tensor) -> list[Tensor]:
        return [image[:, :1] if float(image.sum()) > 0 else image[:, 1:2]]


@pytest.mark.parametrize("write", [lambda *a: portable.write_onnx(*a, {}), portable.write_program])
@pytest.mark.parametrize(
    ("network", "message"), [(Fickle, "differ from the network's"), (Branching, "cannot be expressed")]
)
def test_a_form_that_is_wrong_is_not_kept(
    tmp_path: Path, write: object, network: type[nn.Module], message: str
) -> None:
    with pytest.raises(ScalerError, match=message):
        write(network().eval(), SIZE, tmp_path / "x")


def test_nothing_is_left_of_an_export_that_failed(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(portable, "TOLERANCE", -1.0)
    assert main("export", "model", run_folder / "segmenter.h5", "--out", tmp_path / "b", "--torch-export") == 1
    assert "was not kept" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_refused(run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    assert main("export", "model", run_folder / "segmenter.h5", "--out", tmp_path / "b") == 0
    for arguments, message in (
        (("sam.h5", "--out", tmp_path / "x", "--onnx"), "for the segmenter"),
        (("segmenter.h5", "--out", tmp_path / "x", "--adapters-only"), "no adapter"),
        (("segmenter.h5", "--out", tmp_path / "full"), "holds other files"),
        (("segmenter.h5", "--out", tmp_path / "b"), "--overwrite"),
    ):
        capsys.readouterr()
        assert main("export", "model", run_folder / arguments[0], *arguments[1:]) == 1
        assert message in capsys.readouterr().err
    assert main("export", "model", run_folder / "segmenter.h5", "--out", tmp_path / "b", "--overwrite") == 0
    assert (tmp_path / "full" / "thesis.tex").read_text() == "x"


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_an_altered_bundle_is_refused(run_folder: Path, tmp_path: Path, name: str) -> None:
    export_model(load_model(run_folder / "segmenter.h5"), tmp_path / "b", Forms())
    path = tmp_path / "b" / name
    path.write_bytes(path.read_bytes().replace(b'"files"', b'"fills"')[:-2] + b"}\n")
    with pytest.raises(ScalerError, match="altered"):
        load_model(tmp_path / "b")
