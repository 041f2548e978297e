"""SAM 3 from the classes of transformers: its detector, prompted by words, and its tracker, by points, boxes and masks.

Both read the same published file (`scaler.models.sam3_keys`) and have an image encoder of the same kind: a plain ViT
with windows and rotary positions, and a feature pyramid of its own on top.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from transformers import Sam3Config, Sam3Model, Sam3TrackerConfig, Sam3TrackerModel
from transformers.initialization import no_init_weights

from scaler.errors import ScalerError

PATCH = 14  # side of a token in pixels


class Transformer(NamedTuple):
    """Channels, attention heads, blocks, and channels inside a perceptron."""

    width: int
    heads: int
    blocks: int
    hidden: int


@dataclass(frozen=True)
class Sam3Size:
    """The numbers of a SAM 3; there is one published size.

    Attributes:
        side: of the input in pixels.
        vision: the ViT.
        window: side of its attention window in tokens.
        global_blocks: its blocks without a window.
        pretrained_side: of the images, in pixels, that the position embedding is for; it is repeated like tiles.
        text: the text encoder.
        decoder: all behind the encoders.
    """

    side: int
    vision: Transformer
    window: int
    global_blocks: tuple[int, ...]
    pretrained_side: int
    text: Transformer
    decoder: Transformer


SIZE = Sam3Size(
    side=1008,
    vision=Transformer(1024, 16, 32, 4736),
    window=24,
    global_blocks=(7, 15, 23, 31),
    pretrained_side=336,
    text=Transformer(1024, 16, 24, 4096),
    decoder=Transformer(256, 8, 6, 2048),
)


def build_detector(size: Sam3Size, side: int, *, random: bool = True) -> Sam3Model:
    """The detector for side x side pixels, with random weights, or with memory that is yet to be filled."""
    decoder = _transformer(size.decoder)
    text = _transformer(size.text) | {
        "model_type": "clip_text_model", "vocab_size": 49408, "projection_dim": size.text.width // 2,
        "max_position_embeddings": 32, "hidden_act": "gelu",
    }  # fmt: skip
    config = Sam3Config(
        vision_config=_vision(size, side),
        text_config=text,
        geometry_encoder_config=decoder | {"num_layers": size.decoder.blocks // 2},
        detr_encoder_config=decoder,
        detr_decoder_config=decoder,
        mask_decoder_config={"hidden_size": size.decoder.width},
    )
    return cast(Sam3Model, _made(Sam3Model, config, random))


def build_tracker(size: Sam3Size, side: int, *, random: bool = True) -> Sam3TrackerModel:
    """The tracker for side x side pixels, without its memory of videos; weights as for `build_detector`."""
    config = Sam3TrackerConfig(
        vision_config=_vision(size, side),
        prompt_encoder_config={"hidden_size": size.decoder.width, "image_size": side, "patch_size": PATCH},
        # The method takes mask token 0; transformers would take another where that one's edge is uncertain.
        mask_decoder_config={
            "hidden_size": size.decoder.width,
            "mlp_dim": size.decoder.hidden,
            "iou_head_hidden_dim": size.decoder.width,
            "dynamic_multimask_via_stability": False,
        },
    )
    return cast(Sam3TrackerModel, _made(Sam3TrackerModel, config, random))


def own_side(size: Sam3Size, side: int | None) -> int:
    """The side of the input: the one given, or the model's own.

    Raises:
        ScalerError: `side` is no multiple of 14.
    """
    side = size.side if side is None else side
    if side % PATCH or side <= 0:
        raise ScalerError(
            f"sam.size: expected a multiple of {PATCH} (for SAM 3), got {side}. "
            f"Nearest: {max(1, round(side / PATCH)) * PATCH}."
        )
    return side


def _vision(size: Sam3Size, side: int) -> dict[str, object]:
    grid = side // PATCH
    vit = _transformer(size.vision) | {
        "model_type": "sam3_vit_model", "window_size": size.window, "global_attn_indexes": list(size.global_blocks),
        "pretrain_image_size": size.pretrained_side, "image_size": side, "patch_size": PATCH,
    }  # fmt: skip
    return {
        "model_type": "sam3_vision_model",
        "fpn_hidden_size": size.decoder.width,
        "backbone_feature_sizes": [[4 * grid] * 2, [2 * grid] * 2, [grid] * 2],
        "backbone_config": vit,
    }


def _transformer(size: Transformer) -> dict[str, object]:
    names = ("hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size")
    return dict(zip(names, size, strict=True))


def _made(kind: type[Any], config: object, random: bool) -> Any:
    with nullcontext() if random else no_init_weights():
        return kind(config)
