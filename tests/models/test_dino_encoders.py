"""DINOv2 and DINOv3 encoders of timm in the segmenter: by name, strictly, at another size than they were trained at."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor
from torch.nn import functional as F

from scaler.errors import ScalerError
from scaler.models.segmenter import build_segmenter
from scaler.models.smp import SmpSegmenter
from scaler.params import SegmenterParams

FILE = Path("dino.safetensors")
SIDE = 64


def segmenter(encoder: str, **options: int | str) -> SmpSegmenter:
    values = {"architecture": "dpt", "encoder": encoder} | options
    block = {"model": "smp", "options": values, "weights": None, "sha256": None, "depth_weights": [1.0]}
    model = build_segmenter(SegmenterParams.model_validate(block), SIDE)
    assert isinstance(model, SmpSegmenter)
    return model.eval()


def inner(model: SmpSegmenter) -> dict[str, Tensor]:
    return {name.removeprefix("model."): value for name, value in model.network.encoder.state_dict().items()}


def file_of(name: str) -> dict[str, Tensor]:
    """Noise under timm's names and in the shapes of the published file."""
    draw = torch.Generator().manual_seed(0)
    state = timm.create_model(name, pretrained=False).state_dict()
    return {key: 0.02 * torch.randn(value.shape, generator=draw) for key, value in state.items()}


def test_dinov2_is_resampled_to_patches_of_16_pixels() -> None:
    state = file_of("vit_small_patch14_dinov2")
    assert state["pos_embed"].shape == (1, 1 + 37 * 37, 384)
    state["pos_embed"][:, 1:] = torch.linspace(0, 1, 37).repeat(37)[None, :, None]  # grows from left to right
    state["patch_embed.proj.weight"][:] = 0.5
    model = segmenter("tu-vit_small_patch14_dinov2", patch_size=16, img_size=SIDE)
    model.load_encoder(state | {"mask_token": torch.zeros(1, 384)}, FILE)
    own = inner(model)
    for key, value in own.items():
        if key not in ("pos_embed", "patch_embed.proj.weight"):
            assert torch.equal(value, state[key]), key
    assert torch.equal(own["pos_embed"][:, 0], state["pos_embed"][:, 0])
    columns = own["pos_embed"][0, 1:, 0].view(4, 4)
    torch.testing.assert_close(columns, torch.tensor([0.125, 0.375, 0.625, 0.875]).expand(4, 4), atol=0.03, rtol=0)
    patch, image = own["patch_embed.proj.weight"], torch.full((1, 3, 16, 16), 0.7)
    before = F.conv2d(image[..., :14, :14], state["patch_embed.proj.weight"])
    torch.testing.assert_close(F.conv2d(image, patch), before, rtol=1e-3, atol=1e-3)  # a flat patch means the same


def test_a_vit_of_its_own_size_is_loaded_as_it_is() -> None:
    state = file_of("vit_small_patch16_dinov3")
    model = segmenter("tu-vit_small_patch16_dinov3")
    model.load_encoder(state, FILE)
    own = inner(model)
    assert own.keys() == state.keys()
    assert all(torch.equal(own[key], value) for key, value in state.items())


@torch.no_grad()
def test_dinov3_gives_the_features_of_timms_own_model() -> None:
    peer = timm.create_model("vit_small_patch16_dinov3", pretrained=False).eval()
    peer.load_state_dict(file_of("vit_small_patch16_dinov3"))
    model = segmenter("tu-vit_small_patch16_dinov3")
    model.load_encoder(peer.state_dict(), FILE)
    image = torch.rand(1, 3, SIDE, SIDE)
    wanted = peer.forward_intermediates(image, indices=4, intermediates_only=True, norm=False)
    features, _ = model.network.encoder(image)
    torch.testing.assert_close(features[-1], wanted[-1], rtol=1e-4, atol=1e-5)


def test_dinov3s_convnext_fills_a_pyramid() -> None:
    state = file_of("convnext_tiny")
    del state["head.fc.weight"], state["head.fc.bias"]  # DINOv3's files have no classifier
    model = segmenter("tu-convnext_tiny", architecture="unet")
    model.load_encoder(state, FILE)
    own = {key.replace("stages_", "stages.").replace("stem_", "stem."): value for key, value in inner(model).items()}
    assert own.keys() <= state.keys()
    assert state.keys() - own.keys() == {"head.norm.weight", "head.norm.bias"}
    assert all(torch.equal(value, state[key]) for key, value in own.items())


@pytest.mark.parametrize(
    ("name", "encoder", "options"),
    [
        ("vit_small_patch14_dinov2", "tu-vit_small_patch14_dinov2", {"patch_size": 16, "img_size": SIDE}),
        ("vit_small_patch16_dinov3", "tu-vit_small_patch16_dinov3", {}),
    ],
)
def test_files_that_do_not_fit_are_refused(name: str, encoder: str, options: dict[str, int]) -> None:
    model, state = segmenter(encoder, **options), file_of(name)
    with pytest.raises(ScalerError, match=r"1 missing: .*blocks\.3\.norm1\.weight"):
        model.load_encoder({k: v for k, v in state.items() if k != "blocks.3.norm1.weight"}, FILE)
    with pytest.raises(ScalerError, match="1 unexpected: storage_tokens"):
        model.load_encoder(state | {"storage_tokens": torch.zeros(1, 4, 384)}, FILE)
    wide = state["patch_embed.proj.weight"].repeat(2, 1, 1, 1)
    with pytest.raises(ScalerError, match=r"1 of another shape: .*patch_embed\.proj\.weight \(768, 3,"):
        model.load_encoder(state | {"patch_embed.proj.weight": wide}, FILE)
