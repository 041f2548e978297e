"""Which rows of a study still hold: a hash over all values that can change a score.

A new key of `params.yaml` would outdate all rows, though at one of its values the software does what it did before.
Such a key gets a line in `BEFORE`. The hash leaves the key out at this value, and takes it in at any other, so it does
not matter what `params.yaml` holds now. A line stays for good: it says what the software did once, not what it does by
default.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

WITHOUT_EFFECT = ("report", "inspection")  # blocks that change no score
BEFORE: dict[str, Any] = {  # "block.key": the value at which rows from before the key hold
    "prepare_data.foundation_size": None,
    "prepare_data.tiles": None,
    "sam.text": None,
    "phase_one.image_term": "none",
    "phase_one.image_term_weight": 0.3,
    "phase_one.scale_consistency": 0.0,
    "phase_one.confident_entropy": 0.0,
    "initialize_segmenter.moments": "stage",
    "initialize_sam.moments": "stage",
    "warm_up.moments": "stage",
    "train_segmenter.moments": "stage",
    "train_sam.moments": "stage",
}
MEANING = 0  # one more whenever a value comes to mean something else: no row from before holds


def identity(values: Mapping[str, Any], before: Mapping[str, Any] = BEFORE, meaning: int = MEANING) -> str:
    """Hash (hex, 12) over the content of a `params.yaml`."""
    counted = {block: _counted(block, content, before) for block, content in values.items()}
    counted = {block: content for block, content in counted.items() if block not in WITHOUT_EFFECT}
    if meaning:
        counted["meaning"] = meaning
    return hashlib.sha256(json.dumps(counted, sort_keys=True).encode()).hexdigest()[:12]


def _counted(block: str, content: Any, before: Mapping[str, Any]) -> Any:
    if not isinstance(content, Mapping):
        return content
    return {key: value for key, value in content.items() if before.get(f"{block}.{key}", _OTHER) != value}


_OTHER = object()
