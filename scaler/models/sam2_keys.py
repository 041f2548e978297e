"""The names of SAM2's weights: Meta's in its `.pt` files, those of transformers in the files on Hugging Face and here.

Both packages cut the same layers in the same way (queries, keys and values of Hiera are one matrix in both), so that
names are all there is to translate, but for two: the four point embeddings, which transformers keeps in one table, and
the matrix of the positional encoding, which it keeps twice. What belongs to the memory of videos is set aside by name;
whatever else no rule knows is passed on, so that strict loading finds it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

OFFICIAL = "image_encoder."  # with this begin keys of Meta's files, and none of transformers'
VIDEO_OFFICIAL = (
    "memory_attention.",
    "memory_encoder.",
    "mask_downsample.",
    "obj_ptr_proj.",
    "obj_ptr_tpos_proj.",
    "maskmem_tpos_enc",
    "no_mem_pos_enc",
    "no_obj_embed_spatial",
    "no_obj_ptr",
)
VIDEO_TRANSFORMERS = (
    "memory_attention.",
    "memory_encoder.",
    "mask_downsample.",
    "object_pointer_proj.",
    "temporal_positional_encoding_projection_layer.",
    "memory_temporal_positional_encoding",
    "no_memory_positional_encoding",
    "occlusion_spatial_embedding_parameter",
    "no_object_pointer",
)
POSITIONS = ("shared_image_embedding.positional_embedding", "prompt_encoder.shared_embedding.positional_embedding")
POINTS = "prompt_encoder.point_embeddings."  # a table for each label, which transformers has in one
RULES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"^no_mem_embed$", "no_memory_embedding"),
        (r"^image_encoder\.trunk\.", "vision_encoder.backbone."),
        (r"^image_encoder\.neck\.convs\.(\d+)\.conv\.", r"vision_encoder.neck.convs.\1."),
        (r"^sam_prompt_encoder\.", "prompt_encoder."),
        (r"^sam_mask_decoder\.", "mask_decoder."),
        (r"\.patch_embed\.proj\.", ".patch_embed.projection."),
        (r"\.norm(\d|_final_attn)\.", r".layer_norm\1."),
        (r"\.out_proj\.", ".o_proj."),
        (r"\.mlp\.layers\.0\.", ".mlp.proj_in."),
        (r"\.mlp\.layers\.1\.", ".mlp.proj_out."),
        (r"\.(iou_prediction_head|pred_obj_score_head|output_hypernetworks_mlps\.\d)\.layers\.0\.", r".\1.proj_in."),
        (r"\.(iou_prediction_head|pred_obj_score_head|output_hypernetworks_mlps\.\d)\.layers\.1\.", r".\1.layers.0."),
        (r"\.(iou_prediction_head|pred_obj_score_head|output_hypernetworks_mlps\.\d)\.layers\.2\.", r".\1.proj_out."),
        (r"\.output_upscaling\.0\.", ".upscale_conv1."),
        (r"\.output_upscaling\.1\.", ".upscale_layer_norm."),
        (r"\.output_upscaling\.3\.", ".upscale_conv2."),
        (r"\.mask_downscaling\.0\.", ".mask_embed.conv1."),
        (r"\.mask_downscaling\.1\.", ".mask_embed.layer_norm1."),
        (r"\.mask_downscaling\.3\.", ".mask_embed.conv2."),
        (r"\.mask_downscaling\.4\.", ".mask_embed.layer_norm2."),
        (r"\.mask_downscaling\.6\.", ".mask_embed.conv3."),
        (r"\.pe_layer\.positional_encoding_gaussian_matrix$", ".shared_embedding.positional_embedding"),
    )
)


def to_transformers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The part of a SAM2 checkpoint that segments images, under the names of `transformers.Sam2Model`.

    Args:
        state: of one of Meta's `.pt` files, or with transformers' own names (of `Sam2Model` or `Sam2VideoModel`).

    Returns:
        Every tensor of `state` but those of the memory, unknown ones too.
    """
    official = any(key.startswith(OFFICIAL) for key in state)
    video = VIDEO_OFFICIAL if official else VIDEO_TRANSFORMERS
    kept = {key: value for key, value in state.items() if not key.startswith(video)}
    if official:
        kept = _one_table({_renamed(key): value for key, value in kept.items()})
    for own, other in (POSITIONS, POSITIONS[::-1]):  # one matrix, of which a file may hold one copy or two
        if other in kept and own not in kept:
            kept[own] = kept[other]
    return kept


def _renamed(key: str) -> str:
    for pattern, replacement in RULES:
        key = pattern.sub(replacement, key, count=1)
    return key


def _one_table(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The embeddings of background, foreground and two corners (1, C) each, joined into (4, C) if all are there."""
    names = [f"{POINTS}{label}.weight" for label in range(4)]
    rows = [state[name] for name in names if name in state]
    if len(rows) != len(names) or len({row.shape for row in rows}) != 1:
        return state
    rest = {name: value for name, value in state.items() if name not in names}
    return {**rest, "prompt_encoder.point_embed.weight": torch.cat(rows)}
