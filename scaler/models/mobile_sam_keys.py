"""From the keys of MobileSAM's official file to those of timm's TinyViT.

Two things differ beside names: timm has the merging of patches at the start of a stage and MobileSAM at the end of the
one before; and MobileSAM's file still holds the classifier that TinyViT was pre-trained with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

ENCODER = "image_encoder."
UNUSED = ("image_encoder.norm_head.", "image_encoder.head.")  # the classifier
PATCH_EMBED = {"seq.0": "conv1", "seq.2": "conv2"}


def to_timm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under timm's keys, without the classifier's; other keys are unchanged."""
    return {_renamed(key): value for key, value in state.items() if not key.startswith(UNUSED)}


def _renamed(key: str) -> str:
    if not key.startswith(ENCODER) or key.startswith(f"{ENCODER}neck."):
        return key
    key = re.sub(r"\.c\.weight$", ".conv.weight", key)
    for old, new in PATCH_EMBED.items():
        key = key.replace(f"{ENCODER}patch_embed.{old}.", f"{ENCODER}patch_embed.{new}.")
    moved = re.fullmatch(rf"{re.escape(ENCODER)}layers\.(\d+)\.(downsample|blocks)\.(.*)", key)
    if moved is None:
        return key
    stage, part, rest = int(moved[1]), moved[2], moved[3]
    return f"{ENCODER}stages.{stage + (part == 'downsample')}.{part}.{rest}"
