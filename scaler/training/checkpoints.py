"""Models in and out of artifacts: tensors and numbers only, loaded strictly."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray
from torch import nn

from scaler.artifacts.filehash import sha256
from scaler.artifacts.models import ModelInput, StoredModel, Tensors, read_model, read_moments, write_model
from scaler.errors import Fault, ScalerError
from scaler.models.segmenter import build_segmenter
from scaler.params import SamParams, SegmenterParams
from scaler.training.state import kept_state, load_kept_state

Log = Sequence[dict[str, float]]


@dataclass(frozen=True)
class Past:
    """What the next stage of a model needs of its training so far, beside the weights.

    Attributes:
        epochs: that it was trained for.
        moments: of the optimizer, as in `StoredModel`; {} where they are not carried.
    """

    epochs: int = 0
    moments: Tensors = field(default_factory=dict)


START = Past()


def write_segmenter(
    file: h5py.File, student: nn.Module, teacher: nn.Module, log: Log, shown: ModelInput, past: Past = START
) -> None:
    """Write student and teacher, float32 as trained, and the log.

    Args:
        file: of kind `segmenter`.
        student: f_s.
        teacher: f_t.
        log: one row per epoch of the stage.
        shown: how the images were read that they learned on.
        past: of their training, over all stages of the run.
    """
    networks = {"student": _arrays(student), "teacher": _arrays(teacher)}
    write_model(file, StoredModel(networks, shown, "", past.epochs, past.moments), log)


def read_segmenter(path: Path, params: SegmenterParams, size: int) -> tuple[nn.Module, nn.Module]:
    """Student and teacher from an artifact of kind `segmenter`, on the CPU.

    Raises:
        ScalerError: the artifact is refused (see `open_artifact`) or does not fit the model that `params` names.
    """
    student = build_segmenter(params, size)
    teacher = copy.deepcopy(student).requires_grad_(False)
    stored = read_model(path, "segmenter")
    load_kept_state(student, stored.networks["student"])
    load_kept_state(teacher, stored.networks["teacher"])
    return student, teacher


def write_sam(
    file: h5py.File, model: nn.Module, params: SamParams, log: Log, shown: ModelInput, past: Past = START
) -> None:
    """Write the trained part of the foundation model and the checksum of its frozen weights."""
    digest = sha256(Path(params.weights))
    write_model(file, StoredModel({"trained": _arrays(model)}, shown, digest, past.epochs, past.moments), log)


def read_sam(path: Path, params: SamParams) -> nn.Module:
    """The adapted foundation model from an artifact of kind `sam`, on the CPU.

    Raises:
        ScalerError: as `read_segmenter`; or the frozen weights are not those that the adapter was trained on.
    """
    from scaler.models.foundation import build_foundation  # here: segment-anything takes seconds to import

    model = build_foundation(params)
    stored = read_model(path, "sam")
    digest = sha256(Path(params.weights))
    if digest != stored.frozen_sha256:
        raise ScalerError(
            Fault(
                "other_weights",
                (path,),
                f"its adapter was trained on frozen weights with SHA-256 {stored.frozen_sha256}, but sam.weights "
                f"({params.weights}) has {digest}",
                "put the first file back, or run the pipeline again",
            )
        )
    load_kept_state(model, stored.networks["trained"])
    return model


def model_input(path: Path, kind: str) -> ModelInput:
    """How the images were read that a model learned on, from an artifact of kind `segmenter` or `sam`."""
    return read_model(path, kind, tensors=False).input


def past_of(path: Path, kind: str, *, moments: bool) -> Past:
    """The training so far of a model, from an artifact of kind `segmenter` or `sam`; with its moments, if asked for."""
    epochs = read_model(path, kind, tensors=False).epochs
    return Past(epochs, read_moments(path, kind) if moments else {})


def _arrays(model: nn.Module) -> dict[str, NDArray[np.generic]]:
    return {key: value.cpu().numpy() for key, value in kept_state(model).items()}
