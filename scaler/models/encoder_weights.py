"""Encoders from the files of image classifiers: all of the encoder is loaded, nothing but the classifier left over."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from scaler.models.loading import load_strictly

COUNTER = "num_batches_tracked"  # of BatchNorm; files from before PyTorch 0.4.1 lack it, and nothing here reads it


def load_encoder_strictly(
    encoder: nn.Module, state: Mapping[str, Tensor], path: Path, classifier: tuple[str, ...]
) -> None:
    """Copy a classifier's `state` into `encoder`, which has the same keys but for the classifier's.

    Args:
        encoder: changed in place.
        state: name -> tensor.
        path: where it came from, for the message.
        classifier: beginnings of the names that may be left over.

    Raises:
        ScalerError: a key is missing or unexpected, or a shape differs.
    """
    own = encoder.state_dict()
    used = {key: value for key, value in state.items() if key in own or not key.startswith(classifier)}
    if not any(key.endswith(COUNTER) for key in state):
        used |= {key: value for key, value in own.items() if key.endswith(COUNTER)}
    load_strictly(encoder, used, path, "segmenter.model")
