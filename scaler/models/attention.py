"""segment-anything's attention with decomposed relative positions, through the fused kernels of torch.

The bias that the package adds to the attention map is itself a dot product: for a query at (i, j) and a key at (a, b)
it is q . R_h[i, a] + q . R_w[j, b]. So it can be folded into the product that the kernel computes anyway: the query is
lengthened by its h + w inner products with R, the key by two one-hot vectors that pick a and b. Exact, and no map of
all queries by all keys is ever in memory. That is for accelerators; on a CPU the package's own attention is as fast or
faster (`benchmarks/attention.py`) and stays.
"""

from __future__ import annotations

import torch
from segment_anything.modeling.image_encoder import Attention, Block, get_rel_pos, window_partition, window_unpartition
from torch import Tensor
from torch.nn import functional as F

KERNEL_MULTIPLE = 8  # fused kernels take head sizes that are a multiple of this


def run_block(block: Block, tokens: Tensor) -> Tensor:
    """segment-anything's `Block.forward`, with fused attention on an accelerator: (B, h, w, D) to the same shape."""
    return run_fused_block(block, tokens) if tokens.device.type != "cpu" else block(tokens)


def run_fused_block(block: Block, tokens: Tensor) -> Tensor:
    """`run_block` with fused attention on any device."""
    height, width = tokens.shape[1:3]
    inner = block.norm1(tokens)
    if block.window_size > 0:
        inner, padded = window_partition(inner, block.window_size)
    inner = attend(block.attn, inner)
    if block.window_size > 0:
        inner = window_unpartition(inner, block.window_size, padded, (height, width))
    tokens = tokens + inner
    out: Tensor = tokens + block.mlp(block.norm2(tokens))
    return out


def attend(attention: Attention, tokens: Tensor) -> Tensor:
    """segment-anything's `Attention.forward`, equal within rounding, gradients too: (B, h, w, D) to the same shape.

    Relative positions of another grid than the table's are interpolated linearly, as the package does.
    """
    batch, height, width, channels = tokens.shape
    qkv = attention.qkv(tokens).reshape(batch, height * width, 3, attention.num_heads, -1)
    query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # each (B, heads, h w, c)
    head = value.shape[-1]
    if attention.use_rel_pos:
        query, key = _with_positions(attention, query, key, height, width)
    else:
        query = query * attention.scale
    spare = -query.shape[-1] % KERNEL_MULTIPLE
    value = F.pad(value, (0, query.shape[-1] + spare - head))  # the fastest kernels want one size for all three
    out = F.scaled_dot_product_attention(F.pad(query, (0, spare)), F.pad(key, (0, spare)), value, scale=1.0)
    joined = out[..., :head].permute(0, 2, 1, 3).reshape(batch, height, width, channels)
    projected: Tensor = attention.proj(joined)
    return projected


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
