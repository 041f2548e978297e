"""SAM2-Adapter: the SAM-Adapter's idea on Hiera, whose tokens grow fewer and wider from stage to stage.

One adapter per stage, each of its own width D_s. Hiera's stages change inside a block: the first block of a stage takes
tokens of the stage before. An adapter works on what *enters* blocks, so that here a stage is the run of blocks whose
tokens lie on one grid: its first tokens are the patch embeddings or come out of the block that pools, and the block
that pools next is its last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from scaler.models.sam_adapter import Adapter


class StageAdapters(nn.Module):
    """A `scaler.models.sam_adapter.Adapter` for each stage, all starting as the identity.

    The rank is that adapter's, max(D_s / 32, 24): 24 is the rank of ViT-B, the narrowest ViT of the method. D_s / 32
    alone would leave 3 numbers for a token of the first stage of SAM2 tiny.

    Args:
        widths: D_s of each stage.
        blocks: how many blocks of the encoder each stage of Hiera has.
        patch_size: side of a token of the first stage in pixels; it doubles from stage to stage.
    """

    def __init__(self, widths: Sequence[int], blocks: Sequence[int], patch_size: int) -> None:
        super().__init__()
        entered = blocks_entered(blocks)
        self.stages = nn.ModuleList(
            Adapter(width, len(numbers), patch_size * 2**stage)
            for stage, (width, numbers) in enumerate(zip(widths, entered, strict=True))
        )
        self._place = {number: (stage, own) for stage, all_ in enumerate(entered) for own, number in enumerate(all_)}

    def features(self, stage: int, tokens: Tensor, high: Tensor) -> Tensor:
        """What guides the blocks of a stage.

        Args:
            stage: 0, 1, ...
            tokens: (B, h, w, D_s), the first on the stage's grid; of stage 0, before the position embedding.
            high: (B, 3, H, W), `scaler.models.sam_adapter.high_pass` of the image; H = h times the side of a token.

        Returns:
            (B, h, w, r).
        """
        adapter = cast(Adapter, self.stages[stage])
        fine: Tensor = adapter.high_pass_tune(high).permute(0, 2, 3, 1)
        coarse: Tensor = adapter.embedding_tune(tokens)
        return coarse + fine

    def nudge(self, features: Tensor, block: int) -> Tensor:
        """What is added to the tokens that enter a block of the encoder: (B, h, w, D_s)."""
        stage, own = self._place[block]
        return cast(Adapter, self.stages[stage]).nudge(features, own)


def blocks_entered(blocks: Sequence[int]) -> list[range]:
    """The numbers of the encoder's blocks that take the tokens of each stage.

    With 1, 2, 7 and 2 blocks, blocks 1, 3 and 10 pool, and the answer is 0-1, 2-3, 4-10, 11.
    """
    pooling = [sum(blocks[: stage + 1]) for stage in range(len(blocks) - 1)]
    starts = [0, *(number + 1 for number in pooling)]
    ends = [*(number + 1 for number in pooling), sum(blocks)]
    return [range(start, end) for start, end in zip(starts, ends, strict=True)]
