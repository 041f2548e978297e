"""scaler.models.sam_vit: segment-anything's output at its own size, any other size, memory savers, LoRA."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from scaler.errors import ScalerError
from scaler.models.lora import Lora, add_lora
from scaler.models.sam import CONFIGS, build_sam
from scaler.models.sam_vit import SamViT
from tests.tiny_sam import TINY, adapted, pictures, randomise, tiny_sam

SIDE = 40


def gradients(model: SamViT, image: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    model(image).square().mean().backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.slow
@torch.no_grad()
def test_vit_b_at_1024_gives_the_packages_own_output() -> None:
    sam = build_sam(CONFIGS["vit_b"]).eval()
    torch.nn.init.normal_(sam.image_encoder.pos_embed, std=0.02)
    for name, parameter in sam.image_encoder.named_parameters():
        if "rel_pos" in name:
            torch.nn.init.normal_(parameter, std=0.02)
    image = pictures(1, 1024, 1024)
    official = sam([{"image": image[0] * 255.0, "original_size": (1024, 1024)}], multimask_output=False)
    ours = SamViT(sam)(image)
    expected = F.interpolate(official[0]["low_res_logits"], (1024, 1024), mode="bilinear", align_corners=False)
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("side", [24, 64, 96])
def test_another_size_interpolates_the_positions(side: int) -> None:
    """The same SAM whose tables were interpolated beforehand, as a package's SAM of that size."""
    small = tiny_sam()
    large = build_sam(replace(TINY, image_size=side)).eval()
    state = dict(small.state_dict())
    grid = side // 8
    embedding = state["image_encoder.pos_embed"].permute(0, 3, 1, 2)
    moved = F.interpolate(embedding, (grid, grid), mode="bicubic", align_corners=False)
    state["image_encoder.pos_embed"] = moved.permute(0, 2, 3, 1)
    for name in [name for name in state if "blocks.1.attn.rel_pos" in name]:  # block 1 sees all tokens
        table = state[name].T.unsqueeze(0)
        state[name] = F.interpolate(table, 2 * grid - 1, mode="linear")[0].T
    large.load_state_dict(state)
    image = pictures(2, side, side)
    torch.testing.assert_close(
        adapted(small, "decoder", side)(image), adapted(large, "decoder")(image), rtol=1e-4, atol=1e-4
    )


def test_a_size_that_the_patch_does_not_divide_is_refused() -> None:
    with pytest.raises(ScalerError, match=r"sam\.size: expected a multiple of 8 .* got 44\. Nearest: 4[08]"):
        SamViT(tiny_sam(), 44)


@pytest.mark.parametrize("adaptation", ["adapter", "lora", "decoder"])
def test_recomputation_changes_no_gradient(adaptation: str) -> None:
    model, image = adapted(tiny_sam(), adaptation), pictures(2, SIDE, SIDE)
    if model.adapter is not None:
        randomise(model.adapter, 3)
    plain = gradients(model, image)
    model.recompute = True
    again = gradients(model, image)
    assert plain.keys() == again.keys()
    for name, value in plain.items():
        torch.testing.assert_close(again[name], value, rtol=1e-5, atol=1e-7)


def test_recomputation_keeps_less() -> None:
    model, image = adapted(tiny_sam(), "adapter"), pictures(2, SIDE, SIDE)
    kept = {}
    for model.recompute in (False, True):
        count = 0

        def pack(tensor: Tensor) -> Tensor:
            nonlocal count
            count += 0 if isinstance(tensor, torch.nn.Parameter) else tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            model(image)
        kept[model.recompute] = count
    assert kept[True] < 0.8 * kept[False]  # the rest is the decoder's


def test_lora_starts_as_the_model_it_adapts_and_trains_only_itself_and_the_decoder() -> None:
    plain, model, image = adapted(tiny_sam(), "decoder"), adapted(tiny_sam(), "lora"), pictures(2, SIDE, SIDE)
    torch.testing.assert_close(model(image), plain(image))
    names = model.trainable_names()
    in_encoder = [name for name in names if "image_encoder" in name]
    assert len(in_encoder) == 3 * 2 * 2  # blocks, layers, matrices
    assert all(".lora_" in name for name in in_encoder)
    assert sum(dict(model.named_parameters())[name].numel() for name in in_encoder) == 3 * 2 * (16 + 48 + 16 + 16)
    assert {name for name in gradients(model, image) if "image_encoder" in name} == set(in_encoder)


def test_lora_is_a_low_rank_update() -> None:
    frozen = torch.nn.Linear(6, 5)
    layer = Lora(frozen, 2)
    torch.nn.init.normal_(layer.lora_up.weight)
    x = torch.randn(3, 6)
    update = layer.lora_up.weight @ layer.lora_down.weight
    torch.testing.assert_close(layer(x), F.linear(x, frozen.weight + update, frozen.bias))


def test_an_encoder_without_attention_takes_no_lora() -> None:
    with pytest.raises(ValueError, match=r"no layer \.attn\.qkv"):
        add_lora(torch.nn.Sequential(torch.nn.Linear(3, 3)), 2)


def test_decoder_tuning_keeps_nothing_of_the_encoder() -> None:
    model = adapted(tiny_sam(), "decoder")
    features = []
    model.encode = lambda image, own=model.encode: features.append(own(image)) or features[-1]  # type: ignore[method-assign, func-returns-value]
    model(pictures(1, SIDE, SIDE)).sum().backward()
    assert not features[0].embedding.requires_grad
    assert all("mask_decoder" in name or "no_mask_embed" in name for name in model.trainable_names())


def test_the_frozen_encoder_stays_in_evaluation_mode() -> None:
    model = adapted(tiny_sam()).train()
    assert model.sam.mask_decoder.training
    assert not any(module.training for module in model.encoder().modules())
