"""Which module holds which built-in model; torch-free.

Models are imported by name when they are used, so that one is not waited for when another is wanted, and so that a
change to the code of one model leaves the artifacts of the others current (`named_modules`).
"""

from __future__ import annotations

from typing import Any

VIT = "scaler.models.sam_vit"
SAM2 = "scaler.models.sam2"
SAM3 = "scaler.models.sam3"
FOUNDATIONS = {
    "nano": VIT,
    "lite": "scaler.models.lite",
    "vit_b": VIT,
    "vit_l": VIT,
    "vit_h": VIT,
    "mobile_sam": "scaler.models.mobile_sam",
    "sam2.1_tiny": SAM2,
    "sam2.1_small": SAM2,
    "sam2.1_base_plus": SAM2,
    "sam2.1_large": SAM2,
    "sam3": SAM3,
    "sam3_tracker": SAM3,
}
VOCABULARY = "tokenizer.json"  # beside the weights of a foundation model that is asked for something by words
SEGMENTERS = {
    "compact": "scaler.models.compact",
    "ws_sam": "scaler.models.ws_sam",
    "smp": "scaler.models.smp",
}


def named_modules(params: dict[str, Any]) -> tuple[str, ...]:
    """Modules of the models that parameter blocks name, built in or by import path: code that a stage will run."""
    built_in = FOUNDATIONS | SEGMENTERS
    named = [block.get("model", "") for block in params.values() if isinstance(block, dict)]
    return tuple(built_in.get(name, name.split(":")[0]) for name in named if name in built_in or ":" in name)
