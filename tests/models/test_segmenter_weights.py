"""segmenter.weights: real ResNet50 files into ws_sam and smp, whole networks into others, the checksum, the errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
import torchvision
from torch import Tensor, nn

from scaler.artifacts.filehash import sha256
from scaler.artifacts.splits import DataSet
from scaler.errors import ScalerError
from scaler.method.initialization import initialize_segmenter
from scaler.models import segmenter
from scaler.models.compact import CompactSegmenter
from scaler.models.smp import SmpSegmenter
from scaler.models.ws_sam import WsSamSegmenter
from scaler.params import Params, SegmenterParams, load_params
from scaler.training.device import Compute
from scaler.training.run import TrainingRun
from tests.conftest import ROOT, with_values
from tests.pages.world import scenes

State = dict[str, Tensor]


@pytest.fixture(scope="module")
def timms() -> State:
    torch.manual_seed(0)
    state: State = timm.create_model("resnet50", pretrained=False).state_dict()
    return state


@pytest.fixture(scope="module")
def torchvisions() -> State:
    torch.manual_seed(1)
    state: State = torchvision.models.resnet50(weights=None).state_dict()
    return state


def saved(state: State, path: Path) -> SegmenterParams:
    """A file with these tensors, and the parameters that name it."""
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save(state, path)
    return named(path, sha256(path))


def named(path: Path, digest: str | None) -> SegmenterParams:
    return SegmenterParams(model="ws_sam", options={}, weights=str(path), sha256=digest, depth_weights=[1.0] * 5)


def fresh() -> WsSamSegmenter:
    return WsSamSegmenter(channels=16)


def assert_loaded(encoder: nn.Module, state: State) -> None:
    own = encoder.state_dict()
    assert set(state) - set(own) == {"fc.weight", "fc.bias"}
    assert all(torch.equal(own[key], state[key]) for key in own)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("source", ["timms", "torchvisions"])
def test_a_real_resnet50_fills_the_encoder(
    source: str, suffix: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    state = request.getfixturevalue(source)
    params = saved(state, tmp_path / f"resnet50{suffix}")
    model = fresh()
    decoder = {key: value.clone() for key, value in model.stages.state_dict().items()}
    segmenter.load_pretrained(model, params)
    assert_loaded(model.encoder, state)
    assert all(torch.equal(value, decoder[key]) for key, value in model.stages.state_dict().items())


def test_timms_encoder_computes_what_torchvisions_network_does(torchvisions: State) -> None:
    model, peer = fresh().eval(), torchvision.models.resnet50(weights=None).eval()
    peer.load_state_dict(torchvisions)
    model.load_encoder(torchvisions, Path("resnet50.pth"))
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        x = peer.maxpool(peer.relu(peer.bn1(peer.conv1(image))))
        for layer, came in zip((peer.layer1, peer.layer2, peer.layer3, peer.layer4), model.encoder(image), strict=True):
            x = layer(x)
            torch.testing.assert_close(came, x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("encoder", ["resnet50", "tu-resnet50"])
def test_a_real_resnet50_fills_smps_encoder(encoder: str, timms: State, torchvisions: State, tmp_path: Path) -> None:
    for state in (timms, torchvisions):
        model = SmpSegmenter("fpn", encoder)
        segmenter.load_pretrained(model, saved(state, tmp_path / "resnet50.safetensors"))
        inner = model.network.encoder
        assert_loaded(inner.model if encoder.startswith("tu-") else inner, state)


def test_a_file_from_before_batch_counters(torchvisions: State, tmp_path: Path) -> None:
    old = {key: value for key, value in torchvisions.items() if not key.endswith("num_batches_tracked")}
    model = fresh()
    segmenter.load_pretrained(model, saved(old, tmp_path / "resnet50-19c8e357.pth"))
    assert_loaded(model.encoder, torchvisions)


def test_a_wrong_file_is_refused_with_its_keys(torchvisions: State, tmp_path: Path) -> None:
    model = fresh()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    short = {key: value for key, value in torchvisions.items() if key != "layer3.2.conv1.weight"}
    with pytest.raises(ScalerError, match=r"short\.pth: .*1 missing: layer3\.2\.conv1\.weight"):
        segmenter.load_pretrained(model, saved(short, tmp_path / "short.pth"))
    long = torchvisions | {"layer5.weight": torch.zeros(1)}
    with pytest.raises(ScalerError, match=r"1 unexpected: layer5\.weight"):
        segmenter.load_pretrained(model, saved(long, tmp_path / "long.pth"))
    other = torchvision.models.resnet18(weights=None).state_dict()
    with pytest.raises(ScalerError, match=r"missing: layer1\.0\.conv3\.weight.*of another shape: layer1\.0\.conv1"):
        segmenter.load_pretrained(model, saved(other, tmp_path / "resnet18.pth"))
    partial = {key: value for key, value in torchvisions.items() if key != "bn1.num_batches_tracked"}
    with pytest.raises(ScalerError, match=r"1 missing: bn1\.num_batches_tracked"):
        segmenter.load_pretrained(model, saved(partial, tmp_path / "partial.pth"))
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_the_checksum_is_checked(timms: State, tmp_path: Path) -> None:
    saved(timms, tmp_path / "resnet50.pth")
    with pytest.raises(ScalerError, match=f"expected SHA-256 {'0' * 64}"):
        segmenter.load_pretrained(fresh(), named(tmp_path / "resnet50.pth", "0" * 64))
    with pytest.raises(ScalerError, match=r"no file at .*gone\.pth"):
        segmenter.load_pretrained(fresh(), named(tmp_path / "gone.pth", "0" * 64))


def test_a_model_without_an_encoder_of_its_own_takes_the_whole_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    source, target = CompactSegmenter(4), CompactSegmenter(4)
    params = saved(source.state_dict(), tmp_path / "compact.safetensors")
    segmenter.load_pretrained(target, params)
    assert all(torch.equal(a, b) for a, b in zip(source.parameters(), target.parameters(), strict=True))
    with pytest.raises(ScalerError, match="of another shape"):
        segmenter.load_pretrained(CompactSegmenter(8), params)


def test_without_weights_nothing_is_read() -> None:
    params = SegmenterParams(model="compact", options={}, weights=None, sha256=None, depth_weights=[1.0])
    model = CompactSegmenter(4)
    before = [value.clone() for value in model.parameters()]
    segmenter.load_pretrained(model, params)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_weights_without_checksum_are_refused_by_the_parameters(tmp_path: Path, params: Params) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    file = tmp_path / "params.yaml"
    assert text.count("\n  weights: null") == 1
    file.write_text(text.replace("\n  weights: null", "\n  weights: resnet50.pth"), encoding="utf-8")
    with pytest.raises(ScalerError, match=r"`segmenter`: .*resnet50\.pth needs its checksum.*weights verify resnet50"):
        load_params(file)


def test_the_first_stage_starts_from_the_weights(params: Params, tmp_path: Path) -> None:
    """With no epoch, student and teacher leave the stage as they came out of the file."""
    torch.manual_seed(5)
    source = CompactSegmenter(4)
    file = tmp_path / "compact.safetensors"
    safetensors.torch.save_file(source.state_dict(), file)
    own = {"options": {"width": 4}, "weights": str(file), "sha256": sha256(file)}
    changed = with_values(params, segmenter=own, initialize_segmenter={"epochs": 0})
    image, mask = scenes(4, 32, 0)
    data = DataSet(list("abcd"), image, mask, np.ones(4, bool), mask * 0, np.full((4, 2), 32, np.int32), [])
    compute = Compute(torch.device("cpu"), low_precision=False, lease=None)
    run = TrainingRun(changed, data, data, compute, "initialize_segmenter", tmp_path / "steps")
    (student, teacher), _ = initialize_segmenter(run)
    for model in (student, teacher):
        assert all(torch.equal(a, b) for a, b in zip(source.parameters(), model.parameters(), strict=True))
