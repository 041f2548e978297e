"""A ViT's weights for another size of image or patch than they were trained with.

DINOv2, for one, was trained with 518 pixels and patches of 14.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from timm.layers.patch_embed import resample_patch_embed
from timm.layers.pos_embed import resample_abs_pos_embed
from torch import Tensor, nn

from scaler.progress import log

POSITIONS, PATCHES = "pos_embed", "patch_embed.proj.weight"
PRETRAINING = "mask_token"  # in DINOv2's own files: what hidden patches were replaced by


def resampled(state: Mapping[str, Tensor], encoder: nn.Module) -> dict[str, Tensor]:
    """The state of a ViT for the patch and grid of `encoder`, one of segmentation_models_pytorch's around timm's model.

    Of any other encoder the state comes back as it is, and so does what has its shape already.
    """
    model: Any = getattr(encoder, "model", None)
    fitting = dict(state)
    if not hasattr(model, "patch_embed"):
        return fitting
    fitting.pop(PRETRAINING, None)
    own = model.state_dict()
    changed = [
        key for key in (PATCHES, POSITIONS) if key in own and key in state and own[key].shape != state[key].shape
    ]
    if PATCHES in changed and state[PATCHES].shape[:2] == own[PATCHES].shape[:2]:
        fitting[PATCHES] = resample_patch_embed(state[PATCHES], list(own[PATCHES].shape[2:]))
    if POSITIONS in changed and state[POSITIONS].shape[-1] == own[POSITIONS].shape[-1]:
        prefix = 0 if model.no_embed_class else model.num_prefix_tokens
        fitting[POSITIONS] = resample_abs_pos_embed(
            state[POSITIONS], new_size=list(model.patch_embed.grid_size), num_prefix_tokens=prefix
        )
    if changed:
        log.info(f"weights: {' and '.join(changed)} resampled to patches of {own[PATCHES].shape[-1]} pixels")
    return fitting
