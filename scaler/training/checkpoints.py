"""Models in and out of artifacts: tensors and numbers only, loaded strictly."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import h5py
from torch import nn

from scaler.artifacts.filehash import sha256
from scaler.artifacts.models import read_tensors, write_log, write_tensors
from scaler.artifacts.reading import open_artifact
from scaler.errors import ScalerError
from scaler.models.segmenter import build_segmenter
from scaler.params import SamParams, SegmenterParams
from scaler.training.state import kept_state, load_kept_state

Log = Sequence[dict[str, float]]


def write_segmenter(file: h5py.File, student: nn.Module, teacher: nn.Module, log: Log, size: int) -> None:
    """Write student and teacher, float32 as trained, the log, and the side in pixels of the images it learned on."""
    file.attrs["input_size"] = size
    for name, model in (("student", student), ("teacher", teacher)):
        write_tensors(file, name, {key: value.cpu().numpy() for key, value in kept_state(model).items()})
    write_log(file, log)


def read_segmenter(path: Path, params: SegmenterParams, size: int) -> tuple[nn.Module, nn.Module]:
    """Student and teacher from an artifact of kind `segmenter`, on the CPU.

    Raises:
        ScalerError: the artifact is refused (see `open_artifact`) or does not fit the model that `params` names.
    """
    student = build_segmenter(params, size)
    teacher = copy.deepcopy(student).requires_grad_(False)
    with open_artifact(path, "segmenter") as file:
        load_kept_state(student, read_tensors(file, "student"))
        load_kept_state(teacher, read_tensors(file, "teacher"))
    return student, teacher


def write_sam(file: h5py.File, model: nn.Module, params: SamParams, log: Log, size: int) -> None:
    """Write the trained part of the foundation model, the checksum of its frozen weights, the log, and `size`."""
    file.attrs["input_size"] = size
    write_tensors(file, "trained", {key: value.cpu().numpy() for key, value in kept_state(model).items()})
    file.attrs["frozen_weights_sha256"] = sha256(Path(params.weights))
    write_log(file, log)


def read_sam(path: Path, params: SamParams) -> nn.Module:
    """The adapted foundation model from an artifact of kind `sam`, on the CPU.

    Raises:
        ScalerError: as `read_segmenter`; or the frozen weights are not those that the adapter was trained on.
    """
    from scaler.models.foundation import build_foundation  # here: segment-anything takes seconds to import

    model = build_foundation(params)
    with open_artifact(path, "sam") as file:
        expected = str(file.attrs["frozen_weights_sha256"])
        came = sha256(Path(params.weights))
        if came != expected:
            raise ScalerError(
                f"{path}: its adapter was trained on frozen weights with SHA-256 {expected}, but sam.weights "
                f"({params.weights}) has {came}. Put the first file back, or run the pipeline again."
            )
        load_kept_state(model, read_tensors(file, "trained"))
    return model


def input_size(path: Path, kind: str) -> int:
    """The side in pixels of the images that a model learned on, from an artifact of kind `segmenter` or `sam`."""
    with open_artifact(path, kind) as file:
        return int(file.attrs["input_size"])
