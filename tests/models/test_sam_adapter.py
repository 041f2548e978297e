"""scaler.models.sam_adapter: SAM-Adapter's parameters, formula, frames and gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from segment_anything.modeling import Sam
from torch import Tensor
from torch.nn import functional as F

from scaler.models.protocols import Foundation
from scaler.models.sam import CONFIGS, build_sam
from scaler.models.sam_adapter import high_pass
from tests.tiny_sam import TINY, adapted, pictures, randomise, tiny_sam

SIDE = TINY.image_size


@pytest.mark.parametrize(
    ("name", "adapter", "millions"),
    [("vit_b", 63_312, 4.12), ("vit_l", 116_544, 4.18), ("vit_h", 186_960, 4.25)],
)
def test_parameter_counts_are_the_published_ones(name: str, adapter: int, millions: float) -> None:
    with torch.device("meta"):
        model = adapted(build_sam(CONFIGS[name]))
    assert sum(parameter.numel() for parameter in model.adapter.parameters()) == adapter
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert round(trained / 1e6, 2) == millions


def test_the_nano_adapter_has_the_rank_of_vit_b() -> None:
    with torch.device("meta"):
        model = adapted(build_sam(CONFIGS["nano"]))
    assert model.adapter.embedding_tune.out_features == 24


def plain(sam: Sam, image: Tensor) -> Tensor:
    """Logits of segment-anything's own `Sam.forward`, image by image, upscaled to the input."""
    records = [{"image": one * 255, "original_size": (SIDE, SIDE)} for one in image]
    low = torch.cat([record["low_res_logits"] for record in sam(records, multimask_output=False)])
    return F.interpolate(low, (SIDE, SIDE), mode="bilinear", align_corners=False)


@torch.no_grad()
def test_a_fresh_adapter_leaves_sam_as_it_was() -> None:
    sam, image = tiny_sam(), pictures(3, SIDE, SIDE)
    torch.testing.assert_close(adapted(sam)(image), plain(sam, image), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_a_trained_adapter_does_not() -> None:
    sam, image = tiny_sam(), pictures(1, SIDE, SIDE)
    model = adapted(sam)
    randomise(model.adapter, 5)
    assert (model(image) - plain(sam, image)).abs().max() > 0.02


def expected_high_pass(image: np.ndarray) -> np.ndarray:
    """By the definition: frequencies -s/2 ... s/2 - 1 in both directions go, s = sqrt(0.25 H W)."""
    height, width = image.shape[-2:]
    half = int(math.sqrt(0.25 * height * width)) // 2
    low_rows = np.isin(np.rint(np.fft.fftfreq(height) * height), np.arange(-half, half))
    low_columns = np.isin(np.rint(np.fft.fftfreq(width) * width), np.arange(-half, half))
    spectrum = np.fft.fft2(image) * ~np.outer(low_rows, low_columns)
    return np.abs(np.fft.ifft2(spectrum).real)


@pytest.mark.parametrize(("height", "width"), [(40, 40), (41, 41), (24, 48), (33, 50)])
def test_high_pass_removes_the_central_square(height: int, width: int) -> None:
    image = pictures(2, height, width)
    expected = expected_high_pass(image.double().numpy())
    np.testing.assert_allclose(high_pass(image).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize(("cycles", "kept"), [(0, 0.0), (1, 0.0), (7, 0.0), (9, 1.0), (15, 1.0)])
def test_high_pass_keeps_only_waves_beyond_the_square(cycles: int, kept: float) -> None:
    wave = torch.cos(2 * torch.pi * cycles * torch.arange(32) / 32).expand(1, 3, 32, 32)  # side of the square: 16
    torch.testing.assert_close(high_pass(wave), kept * wave.abs(), rtol=0, atol=1e-5)


@torch.no_grad()
def test_tokens_entering_each_block_follow_the_formula() -> None:
    model = adapted(tiny_sam())
    adapter = model.adapter
    randomise(adapter, 5)
    image = pictures(2, SIDE, SIDE)
    seen: list[Tensor] = []
    halfway: list[Tensor] = []
    added: list[Tensor] = []
    for block in model.sam.image_encoder.blocks:  # on a block's parts: its own forward is not what always runs
        block.norm1.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        block.norm2.register_forward_pre_hook(lambda _, inputs: halfway.append(inputs[0]))
        block.mlp.register_forward_hook(lambda _, inputs, output: added.append(output))
    model(image)

    normalised = (image * 255 - model.sam.pixel_mean) / model.sam.pixel_std
    patches = model.sam.image_encoder.patch_embed(normalised)
    high = torch.from_numpy(expected_high_pass(normalised.double().numpy())).float()
    columns = F.unfold(high, TINY.patch_size, stride=TINY.patch_size).transpose(1, 2)  # (B, tokens, 3 p p)
    convolution = adapter.high_pass_tune
    high_tune = (columns @ convolution.weight.flatten(1).T + convolution.bias).view(2, 5, 5, -1)
    features = patches @ adapter.embedding_tune.weight.T + adapter.embedding_tune.bias + high_tune
    outputs = [tokens + rest for tokens, rest in zip(halfway, added, strict=True)]
    before = [patches + model.sam.image_encoder.pos_embed, *outputs[:-1]]
    assert len(seen) == TINY.depth
    for number, tokens in enumerate(before):
        own = adapter.per_block[number][0]
        x = features @ own.weight.T + own.bias
        x = x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))  # GELU
        expected = tokens + x @ adapter.shared.weight.T + adapter.shared.bias
        torch.testing.assert_close(seen[number], expected, rtol=1e-4, atol=1e-4)


def test_it_is_a_foundation_model() -> None:
    assert isinstance(adapted(tiny_sam()), Foundation)


@torch.no_grad()
@pytest.mark.parametrize(("height", "width"), [(40, 40), (64, 52), (23, 91)])
def test_any_size_goes_in_and_comes_back(height: int, width: int) -> None:
    model = adapted(tiny_sam())
    image = pictures(2, height, width)
    logits = model(image)
    assert logits.shape == (2, 1, height, width)
    assert torch.isfinite(logits).all()
    # The same picture at SAM's own size, one at a time: no image of a batch sees another.
    small = F.interpolate(image, (SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True)
    low = torch.cat([record["low_res_logits"] for record in model.sam([_record(one) for one in small], False)])
    expected = F.interpolate(low, (height, width), mode="bilinear", align_corners=False)
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


def _record(image: Tensor) -> dict[str, object]:
    return {"image": image * 255, "original_size": (SIDE, SIDE)}


def test_bf16_autocast_stays_close() -> None:
    model = adapted(tiny_sam())
    randomise(model.adapter, 5)
    image = pictures(2, SIDE, SIDE)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        low = model(image).float()
    with torch.no_grad():
        full = model(image)
    assert (low - full).abs().mean() < 0.05 * full.abs().mean()


def test_only_adapter_decoder_and_no_mask_embedding_are_trained() -> None:
    model = adapted(tiny_sam())
    names = set(model.trainable_names())
    expected = {
        name
        for name, _ in model.named_parameters()
        if name.split(".")[0] == "adapter"
        or name.split(".")[1] == "mask_decoder"
        or name == "sam.prompt_encoder.no_mask_embed.weight"
    }
    assert names == expected
    assert {name for name, value in model.named_parameters() if value.requires_grad} == names


def test_a_training_step_moves_what_is_trained_and_nothing_else() -> None:
    model = adapted(tiny_sam())
    randomise(model.adapter, 5)
    before = {name: value.detach().clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(pictures(2, SIDE, SIDE)).square().mean().backward()
    optimizer.step()
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    trained = set(model.trainable_names())
    assert moved <= trained
    # Mask token 0 goes neither through the quality head nor through the other tokens' perceptrons, and a softmax does
    # not feel what its keys have in common.
    aside = ("iou_prediction_head", *(f"output_hypernetworks_mlps.{number}." for number in (1, 2, 3)), "k_proj.bias")
    assert {name for name in trained - moved if not any(part in name for part in aside)} == set()


def test_a_fresh_adapter_can_leave_zero() -> None:
    """With the shared projection at zero, it alone gets a gradient first; one step later all the rest does."""
    model = adapted(tiny_sam())
    optimizer = torch.optim.SGD(model.adapter.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        model(pictures(2, SIDE, SIDE)).square().mean().backward()
        optimizer.step()
    assert all(value.grad is not None and value.grad.abs().max() > 0 for value in model.adapter.parameters())
