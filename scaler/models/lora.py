"""LoRA: a product of two thin matrices beside a frozen linear layer (Hu et al. 2022, arXiv:2106.09685).

Own code: it is a dozen lines, and the library for it (peft) adds a training framework.
"""

from __future__ import annotations

from torch import Tensor, nn

ATTENTION_PROJECTIONS = (".attn.qkv", ".attn.proj")  # the names in segment-anything, timm and transformers alike


class LoraLinear(nn.Module):
    """y = W x + b + B A x, W and b frozen, B zero at first so that nothing has changed yet.

    Args:
        frozen: the layer to adapt.
        rank: rows of A.
    """

    def __init__(self, frozen: nn.Linear, rank: int) -> None:
        super().__init__()
        self.frozen = frozen
        self.lora_down = nn.Linear(frozen.in_features, rank, bias=False)
        self.lora_up = nn.Linear(rank, frozen.out_features, bias=False)
        nn.init.zeros_(self.lora_up.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        out: Tensor = self.frozen(x) + self.lora_up(self.lora_down(x))
        return out


def add_lora(encoder: nn.Module, rank: int) -> int:
    """Put LoRA beside every attention projection of an image encoder, in place.

    Returns:
        The number of layers adapted, at least 1.

    Raises:
        ValueError: the encoder has no layer of these names.
    """
    found = [
        (name, module)
        for name, module in encoder.named_modules()
        if isinstance(module, nn.Linear) and f".{name}".endswith(ATTENTION_PROJECTIONS)
    ]
    if not found:
        raise ValueError(f"no attention projection ({', '.join(ATTENTION_PROJECTIONS)}) in {type(encoder).__name__}")
    for name, module in found:
        parent, _, attribute = name.rpartition(".")
        setattr(encoder.get_submodule(parent), attribute, LoraLinear(module, rank))
    return len(found)
