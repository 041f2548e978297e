"""A segmenter as ONNX and as a `torch.export` program; each is compared with the network before it is kept."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from scaler.errors import ScalerError
from scaler.training.prediction import segment

TOLERANCE = 1e-4  # of probabilities: float32 sums in another order
OPSET = 18
EXAMPLES = (1, 2, 5)  # batch sizes that are compared
ONNX_FILE, PROGRAM_FILE = "model.onnx", "model.pt2"

F32 = NDArray[np.float32]


class Probability(nn.Module):
    """A segmenter's prediction alone: (B, 3, S, S) RGB in [0, 1] to probabilities (B, 1, S, S)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        return segment(self.network, image)


def write_onnx(network: nn.Module, size: int, path: Path, metadata: dict[str, str]) -> float:
    """Write the segmenter as ONNX, opset 18, with any batch size; input `image`, output `probability`.

    Args:
        network: in evaluation mode, on the CPU.
        size: side of its input.
        path: the file.
        metadata: put into the file.

    Returns:
        The greatest difference from the network, in onnxruntime on the CPU.

    Raises:
        ScalerError: the network cannot be expressed, or differs by more than `TOLERANCE`.
    """
    import onnx
    import onnxruntime

    with _quiet(), _explained("ONNX"):
        program = torch.onnx.export(
            Probability(network).eval(),
            (_images(2, size),),
            dynamo=True,
            opset_version=OPSET,
            input_names=["image"],
            output_names=["probability"],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            verbose=False,
        )
        if program is None:
            raise RuntimeError("torch.onnx.export gave no program")
        model = program.model_proto
        onnx.helper.set_model_props(model, metadata)
        onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return _compared(network, size, lambda image: session.run(None, {"image": image})[0], "ONNX")


def write_program(network: nn.Module, size: int, path: Path) -> float:
    """Write the segmenter as a `torch.export` program (.pt2), any batch size; returns and raises as `write_onnx`."""
    with _quiet(), _explained("torch.export"):
        shapes = {"image": {0: torch.export.Dim("batch", min=1)}}
        program = torch.export.export(Probability(network).eval(), (_images(2, size),), dynamic_shapes=shapes)
        torch.export.save(program, path)
        module = torch.export.load(path).module()
    return _compared(network, size, lambda image: module(torch.from_numpy(image)).numpy(), "torch.export")


@torch.no_grad()
def _compared(network: nn.Module, size: int, run: Callable[[F32], F32], what: str) -> float:
    worst = 0.0
    for count in EXAMPLES:
        image = _images(count, size)
        expected, came = segment(network, image).numpy(), run(image.numpy())
        if came.shape != expected.shape:
            raise ScalerError(f"{what}: expected an output of shape {expected.shape}, got {came.shape}.")
        worst = max(worst, float(np.abs(came - expected).max()))
    if not worst <= TOLERANCE:  # written so that NaN fails too
        raise ScalerError(
            f"{what}: its probabilities differ from the network's by up to {worst:.2g} (allowed {TOLERANCE:g}), so it "
            "was not kept. Does the network draw random numbers, or branch on its input?"
        )
    return worst


def _images(count: int, size: int) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(count))


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the exporters raise whatever the network's own code makes them raise
        first = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise ScalerError(
            f"{what}: this segmenter cannot be expressed ({type(error).__name__}: {first}). Its forward must consist "
            "of tensor operations whose shapes follow from the input's. Export it as safetensors alone instead."
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporters: their log lines, and deprecations inside torch that a caller cannot fix."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
