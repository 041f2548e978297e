"""segment-anything's attention, computed with less: equal within rounding, gradients too.

The bias that the package adds to the attention map is itself a dot product: for a query at (i, j) and a key at (a, b)
it is q . R_h[i, a] + q . R_w[j, b]. There are three ways to the same result:

* `_fused`, on accelerators: the query is lengthened by its h + w inner products with R, the key by two one-hot vectors
  that pick a and b, and a fused kernel computes the product. No map of all queries by all keys is ever in memory.
* `_by_parts`, on a CPU where no gradient is wanted and the map is large: a head and some rows of it at a time, which
  stay in the processor's cache. At 1024 pixels this halves the time of a block that sees all tokens.
* `_mapped`, as the package does it: on a CPU that trains, where both others are slower (`benchmarks/attention.py`).

*Windows.* The package fills the last windows up with zeros and sends those through both projections, which are the
larger part of the work: of 22 x 22 tokens it makes 28 x 28, of 4 x 4 14 x 14. But zeros all become the same vector, the
projection's bias, and what is projected back from them is cut off. So only real tokens are projected here.

`SCALER_PLAIN=attention` switches all of this off (`scaler.plain`): every block runs as the package has it.
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

from scaler.plain import is_plain

KERNEL_MULTIPLE = 8  # fused kernels take head sizes that are a multiple of this
PART = 2**18  # scores at a time: 1 MiB of float32
LARGE_MAP = 1024  # tokens
Core = Callable[[Attention, Tensor, tuple[int, int]], Tensor]


def run_block(block: Block, tokens: Tensor) -> Tensor:
    """segment-anything's `Block.forward`: (B, h, w, D) to the same shape."""
    core = None if is_plain("attention") else _core(block, tokens)
    return block(tokens) if core is None else _run(block, tokens, core)


def run_fused_block(block: Block, tokens: Tensor) -> Tensor:
    """`run_block` with fused attention on any device."""
    return _run(block, tokens, _fused)


def run_block_by_parts(block: Block, tokens: Tensor) -> Tensor:
    """`run_block` with the map computed by parts, whatever its size; without gradients."""
    return _run(block, tokens, _by_parts)


def _core(block: Block, tokens: Tensor) -> Core | None:
    """The fastest way for this block, device and mode; None for the package's own."""
    height, width = tokens.shape[1:3]
    whole_windows = block.window_size == 0 or all(side % block.window_size == 0 for side in (height, width))
    if tokens.device.type != "cpu":
        return _fused
    if torch.is_grad_enabled():
        return None if whole_windows else _mapped
    if block.window_size == 0:
        return _by_parts if height * width >= LARGE_MAP else None
    return None if whole_windows else _fused


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


def _by_parts(attention: Attention, qkv: Tensor, grid: tuple[int, int]) -> Tensor:
    """`_mapped`, head by head and some rows of queries at a time, so that a part of the map stays in cache."""
    height, width = grid
    query, key, value = (part.flatten(0, 1) for part in _heads(attention, qkv))
    scaled, key = query * attention.scale, key.transpose(-2, -1)
    rows, columns = _position_products(attention, query, height, width) if attention.use_rel_pos else (None, None)
    out = torch.empty_like(value)
    step = max(PART // (height * width), 1)
    for head in range(len(query)):
        for begin in range(0, height * width, step):
            part = slice(begin, begin + step)
            scores = torch.mm(scaled[head, part], key[head])
            if rows is not None and columns is not None:
                by_place = scores.view(-1, height, width)
                by_place += rows[head, part, :, None]
                by_place += columns[head, part, None, :]
            torch.mm(scores.softmax(dim=-1).to(value.dtype), value[head], out=out[head, part])
    batch = len(qkv)
    return out.reshape(batch, attention.num_heads, height * width, -1).transpose(1, 2).reshape(*qkv.shape[:3], -1)


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
    batch, heads, count, _ = query.shape
    products = _position_products(attention, query.flatten(0, 1), height, width)
    by_row, by_column = (part.reshape(batch, heads, count, -1) for part in products)
    pick_row = torch.eye(height, dtype=key.dtype, device=key.device).repeat_interleave(width, 0)
    pick_column = torch.eye(width, dtype=key.dtype, device=key.device).repeat(height, 1)
    pick = torch.cat([pick_row, pick_column], dim=1).expand(batch, heads, -1, -1)
    return torch.cat([query * attention.scale, by_row, by_column], dim=-1), torch.cat([key, pick], dim=-1)


def _position_products(attention: Attention, query: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Inner products of each query (n, h w, c) with the relative positions of all rows and columns of keys.

    Returns:
        (n, h w, h) and (n, h w, w).
    """
    count = query.shape[1]
    rows = get_rel_pos(height, height, attention.rel_pos_h).to(query.dtype)
    columns = get_rel_pos(width, width, attention.rel_pos_w).to(query.dtype)
    grid = query.reshape(-1, height, width, query.shape[-1])
    by_row = torch.einsum("nijc,iac->nija", grid, rows).reshape(-1, count, height)
    by_column = torch.einsum("nijc,jbc->nijb", grid, columns).reshape(-1, count, width)
    return by_row, by_column
