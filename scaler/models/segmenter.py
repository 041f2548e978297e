"""Segmenters by name, or by the import path of a user's own class."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import nn

from scaler.errors import ScalerError
from scaler.models.compact import CompactSegmenter
from scaler.params import SegmenterParams

BUILT_IN: dict[str, Callable[..., nn.Module]] = {"compact": CompactSegmenter}


def build_segmenter(params: SegmenterParams, size: int) -> nn.Module:
    """Build the segmenter that `params.yaml` names and try it once on an input of `size` x `size`.

    Raises:
        ScalerError: unknown name, failing import, wrong options, or a class that breaks
            `scaler.models.protocols.Segmenter`.
    """
    factory = _factory(params.model)
    try:
        model = factory(**params.options)
    except TypeError as error:
        raise ScalerError(f"segmenter.options {params.options} do not fit {params.model}: {error}") from None
    _check(model, params, size)
    return model


def _factory(name: str) -> Callable[..., nn.Module]:
    if name in BUILT_IN:
        return BUILT_IN[name]
    if ":" not in name:
        raise ScalerError(
            f"segmenter.model: got '{name}', expected one of {', '.join(BUILT_IN)} or an import path "
            "'package.module:Class' of your own network."
        )
    module, _, attribute = name.partition(":")
    try:
        return cast(Callable[..., nn.Module], getattr(importlib.import_module(module), attribute))
    except (ImportError, AttributeError) as error:
        raise ScalerError(
            f"segmenter.model: '{name}' cannot be imported ({error}). Is the module on PYTHONPATH or in the "
            "project's root folder, and the class name right?"
        ) from None


@torch.no_grad()
def _check(model: nn.Module, params: SegmenterParams, size: int) -> None:
    multiple = getattr(model, "multiple_of", None)
    if not isinstance(multiple, int):
        raise ScalerError(
            f"{params.model}: expected an integer attribute `multiple_of` (see Segmenter), got {multiple!r}."
        )
    if size % multiple:
        raise ScalerError(f"prepare_data.size: {params.model} needs a multiple of {multiple}, got {size}.")
    mode = model.training
    outputs: Any = model.eval()(torch.zeros(1, 3, size, size))
    model.train(mode)
    shape = (1, 1, size, size)
    if not isinstance(outputs, list) or any(tuple(item.shape) != shape for item in outputs):
        came = [tuple(item.shape) for item in outputs] if isinstance(outputs, list) else type(outputs).__name__
        raise ScalerError(f"{params.model}: expected a list of logits of shape {shape}, got {came}.")
    if len(outputs) != len(params.depth_weights):
        raise ScalerError(
            f"segmenter.depth_weights: expected {len(outputs)} weights, one per output of {params.model}, "
            f"got {len(params.depth_weights)}."
        )
