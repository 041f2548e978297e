"""segment-anything's attention, computed with less: equal within rounding, gradients too.

*Fused.* The bias that the package adds to the attention map is itself a dot product: for a query at (i, j) and a key
at (a, b) it is q . R_h[i, a] + q . R_w[j, b]. So it can be folded into the product that a fused kernel computes anyway:
the query is lengthened by its h + w inner products with R, the key by two one-hot vectors that pick a and b. Exact, and
no map of all queries by all keys is ever in memory. That is for accelerators; on a CPU, where training is slower with
it (`benchmarks/attention.py`), the package's map of all by all stays.

*Windows.* The package fills the last windows up with zeros and sends those through both projections, which are the
larger part of the work: of 22 x 22 tokens it makes 28 x 28, of 4 x 4 14 x 14. But zeros all become the same vector, the
projection's bias, and what is projected back of them is cut off. So only real tokens are projected here.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from segment_anything.modeling.image_encoder import (
    Attention,
    Block,
    add_decomposed_rel_pos,
    get_rel_pos,
    window_partition,
    window_unpartition,
)
from torch import Tensor
from torch.nn import functional as F

KERNEL_MULTIPLE = 8  # fused kernels take head sizes that are a multiple of this
Core = Callable[[Attention, Tensor, tuple[int, int]], Tensor]


def run_block(block: Block, tokens: Tensor) -> Tensor:
    """segment-anything's `Block.forward`: (B, h, w, D) to the same shape."""
    if tokens.device.type != "cpu":
        return run_fused_block(block, tokens)
    fits = block.window_size == 0 or all(side % block.window_size == 0 for side in tokens.shape[1:3])
    return block(tokens) if fits else _run(block, tokens, _mapped)


def run_fused_block(block: Block, tokens: Tensor) -> Tensor:
    """`run_block` with fused attention on any device."""
    return _run(block, tokens, _fused)


def _run(block: Block, tokens: Tensor, core: Core) -> Tensor:
    height, width = tokens.shape[1:3]
    attention, window = block.attn, block.window_size
    qkv = attention.qkv(block.norm1(tokens))
    if window > 0:
        whole = _filled(qkv, attention.qkv(tokens.new_zeros(1, 1, 1, tokens.shape[-1])), window)
        windows, padded = window_partition(whole, window)
        joined = window_unpartition(core(attention, windows, (window, window)), window, padded, (height, width))
    else:
        joined = core(attention, qkv, (height, width))
    tokens = tokens + attention.proj(joined)
    out: Tensor = tokens + block.mlp(block.norm2(tokens))
    return out


def _filled(qkv: Tensor, nothing: Tensor, window: int) -> Tensor:
    """(B, h, w, 3 D) brought to whole windows with what zeros become, (1, 1, 1, 3 D)."""
    batch, height, width, channels = qkv.shape
    rows, columns = -height % window, -width % window
    if not rows and not columns:
        return qkv
    nothing = nothing.to(qkv.dtype)
    wide = torch.cat([qkv, nothing.expand(batch, height, columns, channels)], dim=2)
    return torch.cat([wide, nothing.expand(batch, rows, width + columns, channels)], dim=1)


def _heads(attention: Attention, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key and value, each (B, heads, h w, c)."""
    batch, height, width, _ = qkv.shape
    split = qkv.reshape(batch, height * width, 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)
    query, key, value = split.unbind(0)
    return query, key, value


def _mapped(attention: Attention, qkv: Tensor, grid: tuple[int, int]) -> Tensor:
    """Attention as the package has it, with a map of all by all: (B, h, w, 3 D) to (B, h, w, D)."""
    query, key, value = (part.flatten(0, 1) for part in _heads(attention, qkv))
    scores = (query * attention.scale) @ key.transpose(-2, -1)
    if attention.use_rel_pos:
        scores = add_decomposed_rel_pos(scores, query, attention.rel_pos_h, attention.rel_pos_w, grid, grid)
    out: Tensor = scores.softmax(dim=-1) @ value
    batch, height, width, _ = qkv.shape
    return out.reshape(batch, attention.num_heads, height * width, -1).transpose(1, 2).reshape(batch, height, width, -1)


def _fused(attention: Attention, qkv: Tensor, grid: tuple[int, int]) -> Tensor:
    """The same through a fused kernel; positions of another grid than the table's are interpolated likewise."""
    query, key, value = _heads(attention, qkv)
    head = value.shape[-1]
    if attention.use_rel_pos:
        query, key = _with_positions(attention, query, key, *grid)
    else:
        query = query * attention.scale
    spare = -query.shape[-1] % KERNEL_MULTIPLE
    value = F.pad(value, (0, query.shape[-1] + spare - head))  # the fastest kernels want one size for all three
    out = F.scaled_dot_product_attention(F.pad(query, (0, spare)), F.pad(key, (0, spare)), value, scale=1.0)
    return out[..., :head].permute(0, 2, 1, 3).reshape(*qkv.shape[:3], -1)


def _with_positions(attention: Attention, query: Tensor, key: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Query and key, lengthened so that their product is the scaled one plus the bias: (B, heads, h w, c + h + w)."""
    batch, heads, count, head = query.shape
    rows = get_rel_pos(height, height, attention.rel_pos_h).to(query.dtype)
    columns = get_rel_pos(width, width, attention.rel_pos_w).to(query.dtype)
    grid = query.reshape(batch * heads, height, width, head)
    by_row = torch.einsum("nijc,iac->nija", grid, rows).reshape(batch, heads, count, height)
    by_column = torch.einsum("nijc,jbc->nijb", grid, columns).reshape(batch, heads, count, width)
    pick_row = torch.eye(height, dtype=key.dtype, device=key.device).repeat_interleave(width, 0)
    pick_column = torch.eye(width, dtype=key.dtype, device=key.device).repeat(height, 1)
    pick = torch.cat([pick_row, pick_column], dim=1).expand(batch, heads, -1, -1)
    return torch.cat([query * attention.scale, by_row, by_column], dim=-1), torch.cat([key, pick], dim=-1)
