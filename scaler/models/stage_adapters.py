"""The SAM-Adapter's idea for encoders whose tokens grow fewer and wider: one adapter per stage, as in SAM2-Adapter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from scaler.models.sam_adapter import Adapter


class StageAdapters(nn.Module):
    """A `scaler.models.sam_adapter.Adapter` for each stage, all starting as the identity.

    The rank is that adapter's, max(D_s / 32, 24): 24 is the rank of ViT-B, the narrowest ViT of the method. D_s / 32
    alone would leave 3 numbers for a token of the first stage of SAM2 tiny, 2 for one of MobileSAM.

    Args:
        widths: D_s of each stage.
        runs: the numbers of the encoder's blocks that take the tokens of each stage.
        patches: side in pixels of a token of each stage.
    """

    def __init__(self, widths: Sequence[int], runs: Sequence[range], patches: Sequence[int]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            Adapter(width, len(run), patch) for width, run, patch in zip(widths, runs, patches, strict=True)
        )
        self._place = {number: (stage, own) for stage, run in enumerate(runs) for own, number in enumerate(run)}

    def features(self, stage: int, tokens: Tensor, high: Tensor) -> Tensor:
        """What guides the blocks of a stage.

        Args:
            stage: 0, 1, ...
            tokens: (B, h, w, D_s), the first on the stage's grid; of stage 0, before any position embedding.
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
