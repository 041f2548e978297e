"""scaler.models.smp: architectures and encoders by name, options, errors that help, encoder weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import segmentation_models_pytorch as package
import timm
import torch
from torch import Tensor

from scaler.errors import ScalerError
from scaler.models.protocols import Segmenter
from scaler.models.segmenter import build_segmenter
from scaler.models.smp import ARCHITECTURES, SmpSegmenter
from scaler.params import SegmenterParams

SIZE = 64
FILE = Path("classifier.pth")


def parameters(**options: int | float | str | bool) -> SegmenterParams:
    return SegmenterParams(model="smp", options=options, weights=None, sha256=None, depth_weights=[1.0])


def picture() -> Tensor:
    return torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **keywords: object) -> None:
        raise AssertionError("a network was asked for")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)


@pytest.mark.parametrize("architecture", sorted(set(ARCHITECTURES) - {"dpt", "pan"}))
def test_every_architecture(architecture: str) -> None:
    model = build_segmenter(parameters(architecture=architecture, encoder="resnet18"), SIZE)
    assert isinstance(model, Segmenter)
    (logits,) = model(picture())
    assert logits.shape == (2, 1, SIZE, SIZE)
    logits.mean().backward()
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters() if p.grad is not None)


def test_architectures_with_conditions() -> None:
    build_segmenter(parameters(architecture="pan", encoder="resnet18"), 128)
    build_segmenter(parameters(architecture="dpt", encoder="tu-vit_tiny_patch16_224", img_size=SIZE), SIZE)
    with pytest.raises(ScalerError, match=r"pan needs 128"):
        build_segmenter(parameters(architecture="pan", encoder="resnet18"), SIZE)
    with pytest.raises(ScalerError, match=r"cannot build dpt with encoder resnet18 .*Only Timm encoders"):
        build_segmenter(parameters(architecture="dpt", encoder="resnet18"), SIZE)


@pytest.mark.parametrize(
    "encoder",
    [
        "mobilenet_v2", "efficientnet-b0", "mit_b0", "mobileone_s0", "timm-skresnet18", "tu-resnet18",
        "tu-convnext_atto", "tu-mobilenetv3_small_050",
    ],
)  # fmt: skip
def test_encoders_of_every_kind(encoder: str) -> None:
    model = build_segmenter(parameters(architecture="unet", encoder=encoder), SIZE)
    assert model.multiple_of == 32
    with torch.no_grad():
        assert model.eval()(picture())[0].shape == (2, 1, SIZE, SIZE)


def test_the_network_is_the_packages_own_on_a_normalised_image() -> None:
    model = SmpSegmenter("fpn", "resnet18").eval()
    peer = package.create_model("fpn", "resnet18", encoder_weights=None).eval()
    peer.load_state_dict(model.network.state_dict())
    image = picture()
    normalised = (image - torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).view(1, 3, 1, 1)
    with torch.no_grad():
        torch.testing.assert_close(model(image)[0], peer(normalised))


def test_options_of_the_architecture_reach_it() -> None:
    plain = SmpSegmenter("unet", "resnet18")
    attentive = SmpSegmenter("unet", "resnet18", decoder_attention_type="scse")
    assert len(attentive.state_dict()) > len(plain.state_dict())
    half = SmpSegmenter("fpn", "resnet18", upsampling=2).eval()  # gives maps of half the size
    assert half(picture())[0].shape == (2, 1, SIZE, SIZE)


def test_the_stride_is_the_encoders() -> None:
    assert SmpSegmenter("deeplabv3plus", "resnet18").multiple_of == 16
    assert SmpSegmenter("pspnet", "resnet18").multiple_of == 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"architecture": "unnet", "encoder": "resnet18"}, r"architecture: got 'unnet'\. Did you mean unet"),
        ({"architecture": "unet", "encoder": "resnet33"}, r"no 'resnet33'\. Did you mean resnet34"),
        ({"architecture": "unet", "encoder": "tu-resnet33"}, r"Did you mean tu-resnet33ts"),
        ({"architecture": "unet", "encoder": "tu-hf-hub:timm/resnet18"}, r"no 'tu-hf-hub:timm/resnet18'"),
        ({"architecture": "unet", "encoder": "tu-vit_tiny_patch16_224"}, r"Unsupported model downsampling pattern"),
        ({"architecture": "unet", "encoder": "tu-resnet18.bogus"}, r"Invalid pretrained tag"),
        ({"architecture": "unet", "encoder": "resnet18", "encoder_dept": 4}, r"Did you mean encoder_depth"),
        ({"architecture": "unet", "encoder": "resnet18", "encoder_depth": 4}, r"decoder_channels"),
        ({"architecture": "unet", "encoder": "tu-resnet18", "bogus": 4}, r"unexpected keyword argument 'bogus'"),
        ({"architecture": "unet", "encoder": "resnet18", "classes": 2}, r"classes: set by the pipeline \(1\)"),
        ({"architecture": "unet", "encoder": "resnet18", "encoder_weights": "imagenet"}, r"segmenter\.weights"),
        ({"architecture": "unet", "encoder": "resnet18", "activation": "sigmoid"}, r"activation: set by the pipeline"),
        ({"architecture": "unet", "encoder": 18}, r"encoder: expected a name, got 18 \(int\)"),
        ({"encoder": "resnet18"}, r"missing 1 required positional argument: 'architecture'"),
        (
            {"architecture": "unet", "encoder": "tu-swin_tiny_patch4_window7_224"},
            r"Input height \(64\) doesn't match model \(224\).*img_size",
        ),
    ],
)
def test_wrong_choices_are_explained(options: dict[str, int | str], message: str) -> None:
    with pytest.raises(ScalerError, match=message):
        build_segmenter(parameters(**options), SIZE)


def test_a_transformer_of_a_given_size() -> None:
    options = {"architecture": "unet", "encoder": "tu-swin_tiny_patch4_window7_224", "img_size": SIZE}
    build_segmenter(parameters(**options), SIZE)


@pytest.mark.parametrize(
    "encoder", ["tu-resnet18", "tu-convnext_atto", "tu-mobilenetv3_small_050", "tu-tiny_vit_5m_224"]
)
def test_timms_classifiers_fill_timms_encoders(encoder: str) -> None:
    classifier = timm.create_model(encoder.removeprefix("tu-"), pretrained=False).eval()
    model = SmpSegmenter("unet", encoder).eval()
    model.load_encoder(classifier.state_dict(), FILE)
    features = timm.create_model(encoder.removeprefix("tu-"), pretrained=False, features_only=True)
    expected = classifier.forward_intermediates(picture(), intermediates_only=True, output_fmt="NCHW")
    came = model.network.encoder(picture())
    assert len(expected) <= len(came) == len(features.feature_info) + (1 if came[1].shape[1] else 2)
    torch.testing.assert_close(came[-1], expected[-1])


def test_a_timm_file_of_another_model_is_refused() -> None:
    state = timm.create_model("resnet18", pretrained=False).state_dict()
    with pytest.raises(ScalerError, match=r"classifier\.pth: .*missing: .*of another shape"):
        SmpSegmenter("unet", "tu-resnet50").load_encoder(state, FILE)
