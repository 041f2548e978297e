"""SAM 3's published file, one for images and videos, taken apart for the detector or the tracker.

The file is `model.safetensors` of facebook/sam3 on Hugging Face, in the names of transformers' `Sam3VideoModel`. The
tracker has no image encoder of its own in it: it uses the detector's, with a feature pyramid of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

DETECTOR, TRACKER, NECK = "detector_model.", "tracker_model.", "tracker_neck."
BACKBONE = f"{DETECTOR}vision_encoder.backbone."
VIDEO = (  # the tracker's memory of earlier frames, which images have no use for
    "memory_attention.", "memory_encoder.", "memory_temporal_positional_encoding", "object_pointer_proj.",
    "mask_downsample.", "temporal_positional_encoding_projection_layer.", "no_memory_positional_encoding",
    "no_object_pointer", "occlusion_spatial_embedding_parameter",
)  # fmt: skip


def detector_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The detector's tensors under the names of `Sam3Model`; a file of that model alone is taken as it is."""
    if not any(name.startswith(DETECTOR) for name in state):
        return dict(state)
    rest = {name: value for name, value in state.items() if not name.startswith((TRACKER, NECK))}
    return {name.removeprefix(DETECTOR): value for name, value in rest.items()}


def tracker_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tracker's tensors under the names of `Sam3TrackerModel`; a file of that model alone is taken as it is."""
    if not any(name.startswith(TRACKER) for name in state):
        return dict(state)
    found: dict[str, Tensor] = {}
    for name, value in state.items():
        if name.startswith(BACKBONE):
            found[name.removeprefix(DETECTOR)] = value
        elif name.startswith(NECK):
            found[f"vision_encoder.neck.{name.removeprefix(NECK)}"] = value
        elif not name.startswith(DETECTOR):
            found[name.removeprefix(TRACKER)] = value
    return {name: value for name, value in found.items() if not name.startswith(VIDEO)}
