"""SAM 2.1 in its four sizes, from the classes of transformers.

Why transformers and not the package `sam2`: Meta publishes SAM2 as a repository, not as a package; what PyPI holds
under that name is a third party's copy of one release, which adds hydra and a CUDA extension. The classes of
transformers are kept and released, need no configuration system, and give the same output (tests compare both, under
Meta's own keys).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from transformers import Sam2Config, Sam2HieraDetConfig, Sam2MaskDecoderConfig, Sam2Model, Sam2VisionConfig

from scaler.errors import ScalerError

OWN_SIDE = 1024  # pixels; what all four were trained at
PATCH = 4  # side of a token of the first stage in pixels
DIVISOR = 32


@dataclass(frozen=True)
class HieraSize:
    """The numbers that tell one SAM 2.1 from another; all are of its image encoder.

    Attributes:
        channels: of the tokens of the first stage; they double from stage to stage.
        heads: of the attention in the first stage; they double as well.
        blocks: in each stage.
        global_blocks: blocks without a window, counted over all stages.
        windows: side of the attention window of each stage, in tokens.
        background: side of the coarse part of the position embedding, in tokens.
    """

    channels: int
    heads: int
    blocks: tuple[int, int, int, int]
    global_blocks: tuple[int, ...]
    windows: tuple[int, int, int, int]
    background: int

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the tokens of each stage."""
        return tuple(self.channels * 2**stage for stage in range(len(self.blocks)))


SIZES = {
    "sam2.1_tiny": HieraSize(96, 1, (1, 2, 7, 2), (5, 7, 9), (8, 4, 14, 7), 7),
    "sam2.1_small": HieraSize(96, 1, (1, 2, 11, 2), (7, 10, 13), (8, 4, 14, 7), 7),
    "sam2.1_base_plus": HieraSize(112, 2, (2, 3, 16, 3), (12, 16, 20), (8, 4, 14, 7), 14),
    "sam2.1_large": HieraSize(144, 2, (2, 6, 36, 4), (23, 33, 43), (8, 4, 16, 8), 7),
}


def build_sam2(size: HieraSize) -> Sam2Model:
    """A `Sam2Model` with random weights, without the memory of videos.

    Its attention is torch's fused one, the default of transformers: no map of all queries by all keys is kept.
    """
    widths = list(size.widths)
    encoder = Sam2HieraDetConfig(
        hidden_size=size.channels,
        num_attention_heads=size.heads,
        blocks_per_stage=list(size.blocks),
        embed_dim_per_stage=widths,
        num_attention_heads_per_stage=[size.heads * 2**stage for stage in range(len(size.blocks))],
        window_size_per_stage=list(size.windows),
        global_attention_blocks=list(size.global_blocks),
        window_positional_embedding_background_size=[size.background, size.background],
    )
    config = Sam2Config(
        vision_config=Sam2VisionConfig(backbone_config=encoder, backbone_channel_list=widths[::-1]),
        # The method takes mask token 0; transformers would take another where that one's edge is uncertain.
        mask_decoder_config=Sam2MaskDecoderConfig(dynamic_multimask_via_stability=False),
    )
    return Sam2Model(config)


def empty_sam2(size: HieraSize) -> Sam2Model:
    """`build_sam2` without the seconds that random numbers for a large encoder take: memory that is yet to be filled.

    Every parameter and buffer must be loaded afterwards, which `scaler.models.loading.load_strictly` makes sure of.
    """
    with torch.device("meta"):
        sam = build_sam2(size)
    sam.to_empty(device="cpu")
    return sam


def set_side(sam: Sam2Model, side: int) -> None:
    """Tell the prompt encoder, whose sizes are plain numbers, that images are side x side pixels.

    Raises:
        ScalerError: `side` is no multiple of 32: tokens are 4 pixels wide and are halved in number three times, and the
            windowed part of the position embedding covers 8 x 8 of them.
    """
    if side % DIVISOR or side <= 0:
        raise ScalerError(
            f"sam.size: expected a multiple of {DIVISOR} (for SAM2), got {side}. "
            f"Nearest: {max(1, round(side / DIVISOR)) * DIVISOR}."
        )
    grid = side // (4 * PATCH)
    prompts = sam.prompt_encoder
    prompts.image_embedding_size, prompts.input_image_size = (grid, grid), side
    prompts.mask_input_size = (4 * grid, 4 * grid)
