"""Which adapter of the SAM2-Adapter guides which block of Hiera.

One adapter per stage (`scaler.models.stage_adapters`), each of its own width D_s. Hiera's stages change inside a block:
the first block of a stage takes tokens of the stage before. An adapter works on what *enters* blocks, so that here a
stage is the run of blocks whose tokens share one grid: its first tokens are the patch embeddings or come out of the
block that pools, and the block that pools next is its last.
"""

from __future__ import annotations

from collections.abc import Sequence


def blocks_entered(blocks: Sequence[int]) -> list[range]:
    """The numbers of the encoder's blocks that take the tokens of each stage.

    With 1, 2, 7 and 2 blocks, blocks 1, 3 and 10 pool, and the answer is 0-1, 2-3, 4-10, 11.
    """
    pooling = [sum(blocks[: stage + 1]) for stage in range(len(blocks) - 1)]
    starts = [0, *(number + 1 for number in pooling)]
    ends = [*(number + 1 for number in pooling), sum(blocks)]
    return [range(start, end) for start, end in zip(starts, ends, strict=True)]
