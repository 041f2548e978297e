"""Step checkpoints: what an interrupted stage continues from. They are kept outside the declared outputs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.opening import open_hdf5
from scaler.artifacts.patient import patient
from scaler.artifacts.writing import replacing

NEUTRAL = True  # it decides about files, not about what is in them

FILE = "step.h5"


@dataclass(frozen=True)
class StepState:
    """Everything that a loop needs to go on.

    Attributes:
        numbers: JSON values: the position, the log so far.
        tensors: flat name -> array; names use "/" for nesting.
    """

    numbers: dict[str, Any]
    tensors: dict[str, NDArray[Any]]


def save_step(folder: Path, state: StepState) -> None:
    """Replace the step checkpoint in `folder` in one step.

    Raises:
        ScalerError: the disk is full.
    """
    with replacing(folder / FILE) as disk, patient(disk) as kept, h5py.File(kept, "w") as file:
        for name, value in state.tensors.items():
            file.create_dataset(name, data=value, track_times=False)
        file.attrs["numbers"] = json.dumps(state.numbers)


def load_step(folder: Path) -> StepState | None:
    """The step checkpoint in `folder`; None if there is none, or none that can be read (then the stage starts over)."""
    path = folder / FILE
    try:
        with open_hdf5(path) as file:
            tensors: dict[str, NDArray[Any]] = {}

            def collect(name: str, item: Any) -> None:
                if isinstance(item, h5py.Dataset):
                    tensors[name] = np.asarray(item[()])

            file.visititems(collect)
            return StepState(json.loads(file.attrs["numbers"]), tensors)
    except (OSError, KeyError, ValueError):
        return None
