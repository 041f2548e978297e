"""Segmenters by name, or by the import path of a user's own class."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from scaler.errors import ScalerError
from scaler.models.loading import load_strictly, read_state_dict
from scaler.models.names import SEGMENTERS
from scaler.models.trial import check_protocol
from scaler.params import SegmenterParams

CLASSES = {"compact": "CompactSegmenter", "ws_sam": "WsSamSegmenter", "smp": "SmpSegmenter"}
BUILT_IN = {name: f"{module}:{CLASSES[name]}" for name, module in SEGMENTERS.items()}  # imported when used


def build_segmenter(params: SegmenterParams, size: int) -> nn.Module:
    """Build the segmenter that `params.yaml` names, with random weights, and try it on an input of `size` x `size`.

    Raises:
        ScalerError: unknown name, failing import, wrong options, or a class that breaks
            `scaler.models.protocols.Segmenter`.
    """
    factory = _factory(params.model)
    try:
        model: Any = factory(**params.options)
    except ScalerError:
        raise
    except Exception as error:  # a user's class may raise anything
        raise ScalerError(
            f"segmenter: {params.model} cannot be built with segmenter.options {params.options} "
            f"({type(error).__name__}: {error})."
        ) from None
    check_protocol(model, params, size, trusted=params.model in BUILT_IN)
    built: nn.Module = model
    return built


def load_pretrained(model: nn.Module, params: SegmenterParams) -> None:
    """Load the file that `segmenter.weights` names, if any, into a fresh segmenter.

    A model with a method `load_encoder(state, path)` decides itself what the file is to it (the built-in ones take an
    image classifier's for their encoder); any other takes the whole state dict, strictly.

    Raises:
        ScalerError: no such file, another checksum, or keys and shapes that do not fit.
    """
    if params.weights is None:
        return
    path = Path(params.weights)
    state = read_state_dict(path, params.sha256)
    load_encoder = getattr(model, "load_encoder", None)
    if load_encoder is None:
        load_strictly(model, state, path, "segmenter.model")
    else:
        load_encoder(state, path)


def _factory(name: str) -> Callable[..., Any]:
    path = BUILT_IN.get(name, name)
    if ":" not in path:
        raise ScalerError(
            f"segmenter.model: got '{name}', expected one of {', '.join(BUILT_IN)} or an import path "
            "'package.module:Class' of your own network."
        )
    module, _, attribute = path.partition(":")
    try:
        factory: Any = getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:  # a user's module may raise anything; a script ends the process
        raise ScalerError(
            f"segmenter.model: '{name}' cannot be imported ({type(error).__name__}: {error}). Is the module on "
            "PYTHONPATH or in the project's root folder, the class name right, and all installed that it imports?"
        ) from None
    if not callable(factory):
        raise ScalerError(f"segmenter.model: expected a class at '{name}', found a {type(factory).__name__}.")
    return factory  # type: ignore[no-any-return]
