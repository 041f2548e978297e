"""MobileSAM's image encoder written out from the tensors of its official file, in plain functions: an oracle."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from scaler.models.mobile_sam import CONFIG, TinyEncoder
from scaler.models.sam import with_decoder

WIDTHS, DEPTHS, HEADS, WINDOWS = (64, 128, 160, 320), (2, 2, 6, 2), (2, 4, 5, 10), (7, 7, 14, 7)
CLASSES = 1000
State = Mapping[str, Tensor]


def shapes() -> dict[str, Tensor]:
    """Every key of the official file, with an empty tensor of its shape: written down from MobileSAM's own modules."""
    found: dict[str, tuple[int, ...]] = {}

    def norm(name: str, width: int) -> None:
        found.update({f"{name}.weight": (width,), f"{name}.bias": (width,)})

    def linear(name: str, inner: int, outer: int) -> None:
        found.update({f"{name}.weight": (outer, inner), f"{name}.bias": (outer,)})

    def conv(name: str, inner: int, outer: int, side: int, groups: int = 1) -> None:
        found[f"{name}.c.weight"] = (outer, inner // groups, side, side)
        norm(f"{name}.bn", outer)
        found.update({f"{name}.bn.running_mean": (outer,), f"{name}.bn.running_var": (outer,)})
        found[f"{name}.bn.num_batches_tracked"] = ()

    conv("patch_embed.seq.0", 3, WIDTHS[0] // 2, 3)
    conv("patch_embed.seq.2", WIDTHS[0] // 2, WIDTHS[0], 3)
    for stage, (width, depth, heads, window) in enumerate(zip(WIDTHS, DEPTHS, HEADS, WINDOWS, strict=True)):
        for number in range(depth):
            block = f"layers.{stage}.blocks.{number}"
            if stage == 0:
                conv(f"{block}.conv1", width, 4 * width, 1)
                conv(f"{block}.conv2", 4 * width, 4 * width, 3, 4 * width)
                conv(f"{block}.conv3", 4 * width, width, 1)
                continue
            found[f"{block}.attn.attention_biases"] = (heads, window * window)
            norm(f"{block}.attn.norm", width)
            linear(f"{block}.attn.qkv", width, 3 * width)
            linear(f"{block}.attn.proj", width, width)
            norm(f"{block}.mlp.norm", width)
            linear(f"{block}.mlp.fc1", width, 4 * width)
            linear(f"{block}.mlp.fc2", 4 * width, width)
            conv(f"{block}.local_conv", width, width, 3, width)
        if stage < 3:
            wider = WIDTHS[stage + 1]
            conv(f"layers.{stage}.downsample.conv1", width, wider, 1)
            conv(f"layers.{stage}.downsample.conv2", wider, wider, 3, wider)
            conv(f"layers.{stage}.downsample.conv3", wider, wider, 1)
    norm("norm_head", WIDTHS[-1])
    linear("head", WIDTHS[-1], CLASSES)
    found.update({"neck.0.weight": (256, WIDTHS[-1], 1, 1), "neck.2.weight": (256, 256, 3, 3)})
    norm("neck.1", 256)
    norm("neck.3", 256)
    state = {
        f"image_encoder.{name}": torch.empty(shape, dtype=torch.int64 if name.endswith("tracked") else torch.float32)
        for name, shape in found.items()
    }
    sam = with_decoder(TinyEncoder(), CONFIG).state_dict()  # prompt encoder and decoder are segment-anything's own
    return state | {name: torch.empty_like(v) for name, v in sam.items() if not name.startswith("image_encoder.")}


def encode(state: State, image: Tensor) -> Tensor:
    """Normalised images (B, 3, H, W) to the embedding (B, 256, H / 16, W / 16)."""
    maps = F.gelu(_conv(state, "patch_embed.seq.0", image, 2))
    maps = _conv(state, "patch_embed.seq.2", maps, 2)
    for stage, depth in enumerate(DEPTHS):
        for number in range(depth):
            block = f"layers.{stage}.blocks.{number}"
            maps = _mbconv(state, block, maps) if stage == 0 else _attention_block(state, block, maps, stage)
        if stage < 3:
            name = f"layers.{stage}.downsample"
            maps = F.gelu(_conv(state, f"{name}.conv1", maps))
            stride = 1 if stage == 2 else 2  # the last one keeps the grid
            maps = F.gelu(_conv(state, f"{name}.conv2", maps, stride, groups=maps.shape[1]))
            maps = _conv(state, f"{name}.conv3", maps)
    get = partial(_get, state)
    maps = _norm_maps(state, "neck.1", F.conv2d(maps, get("neck.0.weight")))
    return _norm_maps(state, "neck.3", F.conv2d(maps, get("neck.2.weight"), padding=1))


def _get(state: State, name: str) -> Tensor:
    return state[f"image_encoder.{name}"]


def _conv(state: State, name: str, x: Tensor, stride: int = 1, groups: int = 1) -> Tensor:
    get = partial(_get, state)
    weight = get(f"{name}.c.weight")
    x = F.conv2d(x, weight, None, stride, weight.shape[-1] // 2, 1, groups)
    mean, variance = get(f"{name}.bn.running_mean"), get(f"{name}.bn.running_var")
    x = (x - mean.view(-1, 1, 1)) / (variance + 1e-5).sqrt().view(-1, 1, 1)
    return x * get(f"{name}.bn.weight").view(-1, 1, 1) + get(f"{name}.bn.bias").view(-1, 1, 1)


def _mbconv(state: State, name: str, x: Tensor) -> Tensor:
    inner = F.gelu(_conv(state, f"{name}.conv1", x))
    inner = F.gelu(_conv(state, f"{name}.conv2", inner, groups=inner.shape[1]))
    return F.gelu(x + _conv(state, f"{name}.conv3", inner))


def _attention_block(state: State, name: str, x: Tensor, stage: int) -> Tensor:
    get = partial(_get, state)
    x = x + _windows(state, f"{name}.attn", x, HEADS[stage], WINDOWS[stage])
    x = _conv(state, f"{name}.local_conv", x, groups=x.shape[1])
    tokens = x.permute(0, 2, 3, 1)
    inner = F.layer_norm(tokens, tokens.shape[-1:], get(f"{name}.mlp.norm.weight"), get(f"{name}.mlp.norm.bias"))
    inner = F.gelu(F.linear(inner, get(f"{name}.mlp.fc1.weight"), get(f"{name}.mlp.fc1.bias")))
    inner = F.linear(inner, get(f"{name}.mlp.fc2.weight"), get(f"{name}.mlp.fc2.bias"))
    return x + inner.permute(0, 3, 1, 2)


def _windows(state: State, name: str, x: Tensor, heads: int, window: int) -> Tensor:
    """Attention window by window, each cut out of the zero-padded map by hand."""
    get = partial(_get, state)
    batch, width, height, breadth = x.shape
    down, right = -height % window, -breadth % window
    padded = F.pad(x, (0, right, 0, down))
    out = torch.zeros_like(padded)
    places = torch.cartesian_prod(torch.arange(window), torch.arange(window))
    apart = (places[:, None] - places[None]).abs()
    bias = get(f"{name}.attention_biases")[:, apart[..., 0] * window + apart[..., 1]]
    for top in range(0, height + down, window):
        for left in range(0, breadth + right, window):
            cut = (..., slice(top, top + window), slice(left, left + window))
            tokens = padded[cut].flatten(2).transpose(1, 2)
            tokens = F.layer_norm(tokens, (width,), get(f"{name}.norm.weight"), get(f"{name}.norm.bias"))
            qkv = F.linear(tokens, get(f"{name}.qkv.weight"), get(f"{name}.qkv.bias")).view(
                batch, -1, heads, 3, width // heads
            )
            query, key, value = (qkv[:, :, :, k].transpose(1, 2) for k in range(3))
            scores = query @ key.transpose(-1, -2) * (width // heads) ** -0.5 + bias
            seen = (scores.softmax(-1) @ value).transpose(1, 2).reshape(batch, -1, width)
            seen = F.linear(seen, get(f"{name}.proj.weight"), get(f"{name}.proj.bias"))
            out[cut] = seen.transpose(1, 2).reshape(batch, width, window, window)
    return out[..., :height, :breadth]


def _norm_maps(state: State, name: str, x: Tensor) -> Tensor:
    weight, bias = _get(state, f"{name}.weight"), _get(state, f"{name}.bias")
    tokens = F.layer_norm(x.permute(0, 2, 3, 1), x.shape[1:2], weight, bias, 1e-6)
    return tokens.permute(0, 3, 1, 2)
