"""Does a network keep the segmenters' protocol? Tried once when it is built, so that no training breaks on it later."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from scaler.errors import ScalerError
from scaler.params import SegmenterParams


def check_protocol(model: Any, params: SegmenterParams, size: int, trusted: bool) -> None:
    """Try a segmenter in evaluation mode on one image of `size` x `size`.

    Args:
        model: what the class that `params.model` names has built; left in the mode it came in.
        params: its block of `params.yaml`.
        size: the side of the images of the run.
        trusted: known to give the same output twice, so that this is not tried.

    Raises:
        ScalerError: it is no `nn.Module`, has nothing to train or no `multiple_of`, cannot take this size, raises, or
            gives anything but a list of finite logits (1, 1, size, size), one for each of `params.depth_weights`.
    """
    name = params.model
    if not isinstance(model, nn.Module):
        raise ScalerError(f"{name}: expected a torch.nn.Module, got {_kind(model)}.")
    multiple: Any = getattr(model, "multiple_of", None)
    if not isinstance(multiple, int) or isinstance(multiple, bool) or multiple < 1:
        raise ScalerError(
            f"{name}: expected an attribute `multiple_of`, a positive integer by which height and width of an image "
            f"must be divisible, got {multiple!r}."
        )
    if size % multiple:
        raise ScalerError(f"prepare_data.size: {name} needs a multiple of {multiple}, got {size}.")
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ScalerError(f"{name}: none of its parameters asks for gradients, so nothing would be learned.")
    mode = model.training
    model.eval()
    outputs = _run(model, name, size)
    _check_outputs(outputs, name, size)
    if not trusted and not _equal(outputs, _run(model, name, size)):
        raise ScalerError(
            f"{name}: two runs on the same image differ, though in evaluation mode. The teacher's labels, and going on "
            "from a checkpoint to the same bytes, need a forward without random numbers and without fresh layers."
        )
    model.train(mode)
    if len(outputs) != len(params.depth_weights):
        raise ScalerError(
            f"segmenter.depth_weights: expected {len(outputs)} weights, one per output of {name}, "
            f"got {len(params.depth_weights)}."
        )


@torch.no_grad()
def check_single_image(model: nn.Module, params: SegmenterParams, size: int, why: str) -> None:
    """Try a segmenter in training mode on a batch of one image, which some layers of normalisation cannot take.

    Args:
        model: the segmenter; it is left as it is.
        params: its block of `params.yaml`.
        size: the side of the images of the run.
        why: how a batch of one comes about and what to do, for the error.

    Raises:
        ScalerError: batch normalisation would have single values to normalise.
    """
    device = next(model.parameters()).device
    try:
        copy.deepcopy(model).train()(torch.zeros(1, 3, size, size, device=device))
    except ValueError as error:  # torch's own check, before it divides by the number of values less one
        name = " ".join([params.model, *(str(value) for value in params.options.values() if isinstance(value, str))])
        raise ScalerError(
            f"segmenter: {name} cannot be trained on one image at a time: it normalises single values over the batch "
            f"({error}). {why}, or choose another network in params.yaml."
        ) from None


@torch.no_grad()
def _run(model: nn.Module, name: str, size: int) -> Any:
    ramp = torch.linspace(0.0, 1.0, 3 * size * size).reshape(1, 3, size, size)
    try:
        return model(ramp)
    except Exception as error:  # a user's class may raise anything
        advice = getattr(model, "advice", "Run it alone on torch.zeros of that shape to see where.")
        raise ScalerError(
            f"{name}: fails on an image of shape (1, 3, {size}, {size}), in evaluation mode on the CPU "
            f"({type(error).__name__}: {error}). {advice}"
        ) from None


def _check_outputs(outputs: Any, name: str, size: int) -> None:
    wanted = (1, 1, size, size)
    if not isinstance(outputs, list) or not outputs:
        raise ScalerError(
            f"{name}: expected a list of logits of shape {wanted}, coarse to fine, got {_kind(outputs)}. Return "
            "[logits] if there is one output."
        )
    for number, item in enumerate(outputs):
        if not isinstance(item, Tensor):
            raise ScalerError(f"{name}: expected logits of shape {wanted} as output {number}, got {_kind(item)}.")
        if tuple(item.shape) != wanted:
            raise ScalerError(
                f"{name}: expected a list of logits of shape {wanted}, but output {number} has {tuple(item.shape)}. "
                "Logits belong in the frame of the input: enlarge them with torch.nn.functional.interpolate."
            )
        if not item.is_floating_point():
            raise ScalerError(f"{name}: expected logits in floating point, but output {number} is {item.dtype}.")
        if not bool(item.isfinite().all()):
            raise ScalerError(
                f"{name}: output {number} holds NaN or infinite values on an image in [0, 1], with fresh weights. Look "
                "for a logarithm, a division or a square root of zero."
            )


def _equal(first: Any, second: Any) -> bool:
    return len(first) == len(second) and all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def _kind(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"
