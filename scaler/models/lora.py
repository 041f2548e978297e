"""LoRA: a product of two thin matrices beside a frozen layer (Hu et al. 2022, arXiv:2106.09685).

Own code: it is a dozen lines, and the library for it (peft) adds a training framework.
"""

from __future__ import annotations

from torch import Tensor, nn

ATTENTION_PROJECTIONS = (".attn.qkv", ".attn.proj")  # the names in segment-anything, timm and transformers' SAM 2


class Lora(nn.Module):
    """y = W x + b + B A x, W and b frozen, B zero at first so that nothing has changed yet.

    Args:
        frozen: the layer to adapt: linear, or a 1x1 convolution of stride 1, which is the same at each pixel.
        rank: rows of A.
    """

    def __init__(self, frozen: nn.Linear | nn.Conv2d, rank: int) -> None:
        super().__init__()
        self.frozen = frozen
        self.lora_down: nn.Module
        self.lora_up: nn.Linear | nn.Conv2d
        if isinstance(frozen, nn.Linear):
            self.lora_down = nn.Linear(frozen.in_features, rank, bias=False)
            self.lora_up = nn.Linear(rank, frozen.out_features, bias=False)
        else:
            self.lora_down = nn.Conv2d(frozen.in_channels, rank, 1, bias=False)
            self.lora_up = nn.Conv2d(rank, frozen.out_channels, 1, bias=False)
        nn.init.zeros_(self.lora_up.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out); of a convolution, (B, in, h, w) to (B, out, h, w)."""
        out: Tensor = self.frozen(x) + self.lora_up(self.lora_down(x))
        return out


def add_lora(encoder: nn.Module, rank: int, layers: tuple[str, ...] = ATTENTION_PROJECTIONS) -> int:
    """Put LoRA beside the layers of an image encoder whose names end so, in place.

    Returns:
        The number of layers adapted, at least 1.

    Raises:
        ValueError: the encoder has no layer of these names.
    """
    found = [
        (name, module)
        for name, module in encoder.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d) and f".{name}".endswith(layers)
    ]
    if not found:
        raise ValueError(f"no layer {', '.join(layers)} in {type(encoder).__name__}")
    for name, module in found:
        parent, _, attribute = name.rpartition(".")
        setattr(encoder.get_submodule(parent), attribute, Lora(module, rank))
    return len(found)
