"""A SAM that is small enough for tests and has all that the big ones have: windows that need padding, global blocks."""

from __future__ import annotations

from typing import TypeVar

import torch
from segment_anything.modeling import Sam
from torch import nn

from scaler.models.adapted import AdaptedModel
from scaler.models.lora import add_lora
from scaler.models.sam import SamConfig, build_sam
from scaler.models.sam_vit import SamViT
from scaler.params import SamParams

Adapted = TypeVar("Adapted", bound=AdaptedModel)
TINY = SamConfig(
    image_size=40,
    patch_size=8,
    embed_dim=16,
    depth=3,
    heads=2,
    window=3,  # 5 x 5 tokens: two windows a side, the second one padded
    global_blocks=(1,),
    prompt_dim=32,
    decoder_heads=4,
    decoder_mlp=24,
)


def tiny_sam(seed: int = 0) -> Sam:
    """TINY with random weights; those that start at zero (positions, biases) as well."""
    sam = build_sam(TINY).eval()
    randomise(sam, seed)
    return sam


def randomise(module: nn.Module, seed: int) -> None:
    """Fill all that a checkpoint holds with noise: parameters, and the matrix of SAM's positional encoding."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in module.state_dict().values():
            value.copy_(torch.randn(value.shape, generator=draw) * 0.3)


def pictures(batch: int, height: int, width: int, seed: int = 1) -> torch.Tensor:
    """RGB noise (B, 3, H, W) in [0, 1]."""
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(seed))


def adapted(sam: Sam, adaptation: str = "adapter", side: int | None = None) -> SamViT:
    """`sam` with an adaptation, as `build_foundation` makes it."""
    return with_adaptation(SamViT(sam, side), adaptation)


def with_adaptation(model: Adapted, adaptation: str) -> Adapted:
    """The model frozen, but for what the adaptation adds."""
    if adaptation == "adapter":
        model.add_adapter()
    elif adaptation == "lora":
        add_lora(model.encoder(), 2, model.lora_layers)
    model.freeze()
    return model


def moved_by_two_steps(model: AdaptedModel, side: int) -> set[str]:
    """What two steps change; in the first one the zero projection of an adaptation alone moves."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01)
    for _ in range(2):
        optimizer.zero_grad()
        model(pictures(2, side, side)).square().mean().backward()
        optimizer.step()
    return {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}


def without_gradient(model: AdaptedModel, names: set[str]) -> set[str]:
    """Those of the parameters that got no gradient, or zeros."""
    named = dict(model.named_parameters())
    found = {name: named[name].grad for name in names}
    return {name for name, grad in found.items() if grad is None or not bool(grad.abs().max() > 0)}


def of_adaptation(names: set[str]) -> set[str]:
    """Those of the parameters that an adapter or LoRA has added."""
    return {name for name in names if "adapter." in name or ".lora_" in name}


def sam_params(**changes: object) -> SamParams:
    """The block `sam` of params.yaml, with some values changed."""
    defaults = {
        "model": "nano",
        "weights": "scaler/laboratory/nano_sam.safetensors",
        "sha256": None,
        "size": None,
        "adaptation": "adapter",
        "lora_rank": 2,
        "prompts": "none",
        "text": None,
        "prompt_points": 3,
        "prompt_share": 0.5,
        "micro_batch": None,
        "recompute": False,
    }
    return SamParams.model_validate({**defaults, **changes})
