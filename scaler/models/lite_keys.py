"""EfficientNet-Lite0 under the names of TensorFlow's port, renamed to those of timm's `tf_efficientnet_lite0`."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from scaler.errors import ScalerError

REPEATS = (1, 2, 2, 3, 3, 4, 1)  # blocks of each stage
STEM = "_conv_stem.weight"  # in every file with these names, and in none of timm's
OUTER = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
BLOCK = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def to_timm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under timm's names, one for one.

    Raises:
        ScalerError: a name that EfficientNet-Lite0 does not have.
    """
    places = [f"blocks.{stage}.{block}" for stage, count in enumerate(REPEATS) for block in range(count)]
    return {_renamed(name, places): value for name, value in state.items()}


def _renamed(name: str, places: list[str]) -> str:
    parts = name.split(".")
    try:
        if parts[0] != "_blocks":
            return ".".join([OUTER[parts[0]], *parts[1:]])
        number = int(parts[1])
        inner = (BLOCK if number else FIRST)[parts[2]]
        return ".".join([places[number], inner, *parts[3:]])
    except (KeyError, ValueError, IndexError):
        raise ScalerError(
            f"weights: EfficientNet-Lite0 has no tensor {name}; the file belongs to another network"
        ) from None
