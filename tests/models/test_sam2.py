"""scaler.models.sam2: what is trained and what stays, sizes, batches, recomputation, LoRA, half precision."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scaler.errors import ScalerError
from scaler.models.lora import Lora
from scaler.models.protocols import Foundation
from scaler.models.sam2 import Sam2, untrained
from tests.models.sam2_oracle import MINI, mini, shake
from tests.tiny_sam import pictures

SIDE = 64
SILENT = ("iou_prediction_head", "pred_obj_score_head")  # of the decoder, and without a say in the mask


def gradients(model: Sam2, image: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    model(image).square().mean().backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(
    ("name", "adapter", "whole"),
    [
        ("sam2.1_tiny", 175_872, 31_440_721),
        ("sam2.1_small", 178_272, 38_538_577),
        ("sam2.1_base_plus", 214_720, 73_328_401),
        ("sam2.1_large", 299_484, 216_924_865),
    ],
)
def test_parameter_counts(name: str, adapter: int, whole: int) -> None:
    with torch.device("meta"):
        model = untrained(name, None)
        assert sum(parameter.numel() for parameter in model.parameters()) == whole
        model.add_adapter()
    model.freeze()
    assert model.side == 1024
    assert sum(parameter.numel() for parameter in model.adapter.parameters()) == adapter
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert trained == adapter + 4_215_109 + 256  # decoder, no-mask embedding


def test_it_is_a_foundation_model() -> None:
    assert isinstance(mini(), Foundation)


@pytest.mark.parametrize(("side", "nearest"), [(48, "64|32"), (1000, "992"), (0, "32"), (10, "32")])
def test_a_size_that_the_stages_do_not_divide_is_refused(side: int, nearest: str) -> None:
    with pytest.raises(ScalerError, match=rf"sam\.size: .* multiple of 32 .*got {side}\. Nearest: ({nearest})\."):
        mini(side=side)


@torch.no_grad()
@pytest.mark.parametrize(("height", "width"), [(64, 64), (23, 91)])
def test_any_image_goes_in_and_comes_back(height: int, width: int) -> None:
    image = pictures(3, height, width)
    model = mini()
    together = model(image)
    assert together.shape == (3, 1, height, width)
    alone = torch.cat([model(one.unsqueeze(0)) for one in image])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 1e-3


@torch.no_grad()
def test_high_resolution_features_are_those_of_each_image() -> None:
    model = mini("decoder")
    features = model.encode(torch.randn(2, 3, SIDE, SIDE))
    assert [tuple(one.shape) for one in (features.embedding, *features.high_resolution)] == [
        (2, 256, 4, 4), (2, 256, 16, 16), (2, 256, 8, 8),
    ]  # fmt: skip
    for number, part in enumerate(features.high_resolution):
        before = model.decode(features, None)
        part[1] += torch.randn(256, *part.shape[2:])
        after = model.decode(features, None)
        torch.testing.assert_close(after[0], before[0])
        assert (after[1] - before[1]).abs().max() > 1e-3, number


@pytest.mark.parametrize("adaptation", ["adapter", "lora", "decoder"])
def test_gradients_reach_exactly_what_is_declared(adaptation: str) -> None:
    model = mini(adaptation)
    for parameter in (p for name, p in model.named_parameters() if "adapter." in name or ".lora_" in name):
        nn.init.normal_(parameter, std=0.1)
    found = gradients(model, pictures(2, SIDE, SIDE))
    names = model.trainable_names()
    speaking = {name for name in names if not any(part in name for part in SILENT)}
    assert set(found) == speaking
    parts = {name.split(".")[0 if name.startswith("adapter") else 1] for name in names}
    own = {"adapter": {"adapter"}, "lora": {"vision_encoder"}, "decoder": set()}[adaptation]
    assert parts == own | {"mask_decoder", "prompt_encoder"}
    idle = (".output_hypernetworks_mlps.1.", ".output_hypernetworks_mlps.2.", ".output_hypernetworks_mlps.3.")
    for name, gradient in found.items():
        assert bool(gradient.any()) != any(part in name for part in idle) or ".k_proj.bias" in name, name


def test_a_step_moves_the_trained_and_not_a_bit_of_the_frozen() -> None:
    model = mini().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gradients(model, pictures(2, SIDE, SIDE))
    torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2).step()
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert moved <= set(model.trainable_names())
    assert {"adapter.stages.0.shared.weight", "adapter.stages.3.shared.weight", "sam.mask_decoder.conv_s0.weight",
            "sam.mask_decoder.conv_s1.weight", "sam.prompt_encoder.no_mask_embed.weight"} <= moved  # fmt: skip


def test_the_frozen_encoder_stays_in_evaluation_mode() -> None:
    model = mini().train()
    assert model.sam.mask_decoder.training
    assert not any(module.training for module in model.encoder().modules())


def test_decoder_tuning_keeps_nothing_of_the_encoder() -> None:
    model, kept = mini("decoder"), []
    encode = model.encode
    model.encode = lambda image: kept.append(encode(image)) or kept[-1]  # type: ignore[method-assign, func-returns-value]
    model(pictures(1, SIDE, SIDE)).sum().backward()
    assert not kept[0].embedding.requires_grad
    assert model.sam.mask_decoder.conv_s0.weight.grad.any()


@pytest.mark.parametrize("adaptation", ["adapter", "lora"])
def test_recomputation_changes_no_gradient_and_keeps_less(adaptation: str) -> None:
    model, image = mini(adaptation), pictures(2, SIDE, SIDE)
    for name, parameter in model.named_parameters():
        if name in model.trainable_names() and "mask_decoder" not in name:
            nn.init.normal_(parameter, std=0.1)
    found, kept = {}, {}
    for model.recompute in (False, True):
        count = 0

        def pack(tensor: Tensor) -> Tensor:
            nonlocal count
            count += 0 if isinstance(tensor, nn.Parameter) else tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            features = model.encode(image)
        del features
        kept[model.recompute] = count
        found[model.recompute] = gradients(model, image)
    assert found[False].keys() == found[True].keys()
    for name, value in found[False].items():
        torch.testing.assert_close(found[True][name], value, rtol=1e-4, atol=1e-6)
    assert kept[True] < 0.3 * kept[False]


@torch.no_grad()
def test_lora_is_beside_every_attention_of_hiera_and_starts_as_nothing() -> None:
    plain, model, image = mini("decoder"), mini("lora"), pictures(2, SIDE, SIDE)
    torch.testing.assert_close(model(image), plain(image))
    for block in model.encoder().backbone.blocks:
        assert isinstance(block.attn.qkv, Lora)
        assert isinstance(block.attn.proj, Lora)
    in_encoder = [name for name in model.trainable_names() if "vision_encoder" in name]
    assert len(in_encoder) == sum(MINI.blocks) * 2 * 2  # layers, matrices
    shake(model.encoder().backbone.blocks[2].attn.qkv.lora_up, 1)
    assert (model(image) - plain(image)).abs().max() > 1e-3


@torch.no_grad()
def test_attention_is_fused_and_half_precision_is_close() -> None:
    model, image = mini(), pictures(2, SIDE, SIDE)
    configs = [module.config for module in model.sam.modules() if hasattr(module, "config")]
    assert {config._attn_implementation for config in configs} == {"sdpa"}
    single = model(image)
    with torch.autocast("cpu", torch.bfloat16):
        half = model(image).float()
    assert (half - single).abs().mean() < 0.05 * single.abs().mean()
