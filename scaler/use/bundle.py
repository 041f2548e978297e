"""The bundle: a folder with one model as safetensors and a `config.json` that says how to build and feed it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor, nn

from scaler.artifacts.filehash import sha256
from scaler.artifacts.header import Header, Input
from scaler.errors import ScalerError
from scaler.models.loading import read_state_dict
from scaler.models.segmenter import build_segmenter
from scaler.params import SamParams, SegmenterParams
from scaler.training.state import kept_state, load_kept_state

CONFIG = "config.json"
FORMAT = "scaler-model"
SCHEMA = 1
TENSORS = {"segmenter": "model.safetensors", "sam": "adapter.safetensors"}
FROZEN = "frozen.safetensors"
INPUT = {
    "layout": "(batch, 3, size, size), RGB, float32 in [0, 1]",
    "resize": "each axis to `size` separately: area mean where it shrinks, bilinear where it grows",
    "normalisation": "none: the network subtracts the mean and divides by the deviation itself",
}


@dataclass(frozen=True)
class Bundle:
    """What `config.json` says.

    Attributes:
        kind: "segmenter" or "sam".
        name: "student", "teacher" or "sam".
        size: side of the network's input.
        white: the value of images of more than 8 bits that becomes 255, or None.
        header: provenance of the artifact that it was exported from, the params block among it.
        files: name -> SHA-256 of every file that belongs to it.
        frozen_sha256: for SAM, of the weights file that the adapter was trained on.
        frozen_file: the file with these weights in the bundle; None where only the trained tensors were exported.
        tile: side of the tiles that it learned on, or None.
    """

    kind: str
    name: str
    size: int
    white: int | None
    header: Header
    files: dict[str, str]
    frozen_sha256: str | None = None
    frozen_file: str | None = None
    tile: int | None = None


def write_tensors(
    folder: Path, kind: str, network: nn.Module, params: SegmenterParams | SamParams, whole: bool
) -> None:
    """Write the tensors of a model: all of a segmenter; of SAM the trained ones, and the frozen ones if `whole`."""
    _save(kept_state(network), folder / TENSORS[kind])
    if isinstance(params, SamParams) and whole:
        _save(read_state_dict(Path(params.weights)), folder / FROZEN)


def write_config(folder: Path, bundle: Bundle) -> None:
    """Write `config.json`; `bundle.files` is taken as it is."""
    values = {
        "format": FORMAT,
        "schema": SCHEMA,
        "kind": bundle.kind,
        "network": bundle.name,
        "input_size": bundle.size,
        "image_white": bundle.white,
        "tile": bundle.tile,
        "input": INPUT,
        "output": "sigmoid of the last logits: (batch, 1, size, size), probability of the object",
        "params": {bundle.kind: bundle.header.params[bundle.kind]},
        "frozen_weights": {"sha256": bundle.frozen_sha256, "file": bundle.frozen_file}
        if bundle.kind == "sam"
        else None,
        "files": bundle.files,
        "provenance": json.loads(bundle.header.provenance()),
    }
    (folder / CONFIG).write_text(json.dumps(values, indent=2, ensure_ascii=True) + "\n", encoding="utf-8")


def read_bundle(folder: Path) -> Bundle:
    """Read `config.json` and check every file that it names.

    Raises:
        ScalerError: there is none, it is of another program or version, or a file is missing or altered.
    """
    bundle = _parse(folder / CONFIG, _load(folder))
    for name, digest in bundle.files.items():
        path = folder / name
        if not path.is_file():
            raise ScalerError(f"{path}: {CONFIG} names this file, but it is missing; copy the whole folder again.")
        if sha256(path) != digest:
            raise ScalerError(f"{path}: its checksum differs from that in {CONFIG}: altered or damaged.")
    return bundle


def restore(folder: Path, bundle: Bundle, params: SegmenterParams | SamParams, size: int) -> nn.Module:
    """Build the network and load the bundle's tensors; in evaluation mode, on the CPU.

    Raises:
        ScalerError: the tensors do not fit the network, or SAM's frozen weights are not those it was trained on.
    """
    if isinstance(params, SamParams):
        from scaler.models.foundation import build_foundation  # here: segment-anything takes seconds to import

        if bundle.frozen_file is None and (came := sha256(Path(params.weights))) != bundle.frozen_sha256:
            raise ScalerError(
                f"{folder}: its tensors were trained on frozen weights with SHA-256 {bundle.frozen_sha256}, but "
                f"{params.weights} has {came}. Give the right file with --weights."
            )
        network: nn.Module = build_foundation(params)
    else:
        network = build_segmenter(params, size)
    state = read_state_dict(folder / TENSORS[bundle.kind])
    load_kept_state(network, {name: tensor.numpy() for name, tensor in state.items()})
    return network.eval().requires_grad_(False)


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of the files of a bundle: all but the card, which people edit."""
    named = (path for path in sorted(folder.iterdir()) if path.name not in (CONFIG, "README.md"))
    return {path.name: sha256(path) for path in named}


def _load(folder: Path) -> Any:
    try:
        return json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ScalerError(
            f"{folder}: a folder without {CONFIG}. Expected one made by `python -m scaler export model`, or an "
            "artifact such as results/stops/round_2/segmenter.h5."
        ) from None
    except ValueError as error:
        raise ScalerError(f"{folder / CONFIG}: not readable as JSON ({error}); export the model again.") from None


def _parse(path: Path, values: Any) -> Bundle:
    if not isinstance(values, dict) or values.get("format") != FORMAT or values.get("schema") != SCHEMA:
        raise ScalerError(
            f"{path}: expected format '{FORMAT}', schema {SCHEMA}; it was written by another program or version."
        )
    try:
        provenance = dict(values["provenance"])
        provenance["inputs"] = [Input(**item) for item in provenance["inputs"]]
        provenance["params"] = provenance["params"] | values["params"]
        frozen = values["frozen_weights"] or {}
        size, kind = int(values["input_size"]), str(values["kind"])
        white, tile = (None if values.get(key) is None else int(values[key]) for key in ("image_white", "tile"))
        files = {str(name): str(digest) for name, digest in values["files"].items()}
        if TENSORS[kind] not in files:
            raise KeyError(TENSORS[kind])
        weights = frozen.get("sha256"), frozen.get("file")
        return Bundle(kind, str(values["network"]), size, white, Header(**provenance), files, *weights, tile)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ScalerError(f"{path}: incomplete or altered ({type(error).__name__}: {error}).") from None


def _save(state: Mapping[str, Tensor], path: Path) -> None:
    # clones, since safetensors refuses tensors that share memory
    safetensors.torch.save_file({name: t.detach().cpu().contiguous().clone() for name, t in state.items()}, path)
