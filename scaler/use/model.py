"""A trained model, from an artifact of the pipeline or an exported folder, with the parameters it was made with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ValidationError
from torch import Tensor, nn

from scaler.artifacts.header import Header, Input, read_header
from scaler.artifacts.models import read_model
from scaler.errors import ScalerError
from scaler.params import SamParams, SegmenterParams
from scaler.training.checkpoints import model_input, read_sam, read_segmenter
from scaler.training.prediction import segment, segment_with_sam
from scaler.use.bundle import CONFIG, Bundle, read_bundle, restore

Network = Literal["student", "teacher"]
BlockType = TypeVar("BlockType", bound=BaseModel)


@dataclass(frozen=True)
class LoadedModel:
    """A model and what is known of it.

    Attributes:
        network: in evaluation mode, on the CPU; takes (B, 3, S, S) RGB in [0, 1].
        kind: "segmenter" or "sam".
        name: "student", "teacher" or "sam".
        size: S, the side of the square that images are resized to for the network.
        white: the value of images of more than 8 bits that becomes 255, as it did for training.
        params: the `segmenter` or `sam` block that it was made with.
        header: provenance of the artifact, also where it came from a bundle.
        path: where it was read.
        tile: side of the tiles that it learned on; larger images are predicted in such tiles. None: whole images.
    """

    network: nn.Module
    kind: str
    name: str
    size: int
    white: int | None
    params: SegmenterParams | SamParams
    header: Header
    path: Path
    tile: int | None = None

    @property
    def forward(self) -> Callable[[nn.Module, Tensor], Tensor]:
        """Probabilities (B, 1, S, S) of `network` for a batch."""
        return segment if self.kind == "segmenter" else segment_with_sam


def load_model(
    path: Path, network: Network | None = None, *, size: int | None = None, weights: Path | None = None
) -> LoadedModel:
    """Read a model for prediction.

    Args:
        path: an artifact of kind `segmenter` or `sam`, or the folder of a bundle.
        network: which of the two segmenters; None: the teacher, or the one that the bundle holds.
        size: side of the network's input; None: that of the run, by the bundle or by the data artifact that the model
            names as its input.
        weights: the frozen weights of SAM, if they have moved since it was trained.

    Raises:
        ScalerError: no such file, no model, damaged, made with params that this version does not know, of unknown
            input size, or `network` asks for what is not there.
    """
    if path.is_dir():
        return _from_bundle(path, network, size, weights)
    header = read_header(path)
    if header is None or header.kind not in ("segmenter", "sam"):
        came = "no such file" if not path.exists() else "no artifact" if header is None else f"kind '{header.kind}'"
        raise ScalerError(
            f"{path}: expected a model: results/stops/round_<r>/segmenter.h5 or sam.h5, or a folder made by "
            f"`python -m scaler export model` ({CONFIG} in it); got {came}."
        )
    if header.kind == "segmenter":
        block = _block(path, header, "segmenter", SegmenterParams)
        shown = model_input(path, header.kind)
        side = size or shown.size
        pair = dict(zip(("student", "teacher"), read_segmenter(path, block, side), strict=True))
        name = network or "teacher"
        return LoadedModel(pair[name].eval(), "segmenter", name, side, shown.white, block, header, path, shown.tile)
    _refuse_network(path, network, "sam")
    sam = _with_weights(path, _block(path, header, "sam", SamParams), weights)
    shown = model_input(path, header.kind)
    side = size or shown.size
    return LoadedModel(read_sam(path, sam).eval(), "sam", "sam", side, shown.white, sam, header, path, shown.tile)


def data_artifact(path: Path, header: Header) -> Path | None:
    """The training data of a model, found by the path that its header names, from here or from the model's own tree.

    Returns:
        The very data that the model was trained on, or None.
    """
    for item in header.inputs:
        if item.name == "data" and not item.raw:
            return next((p for p in _places(item, path) if _identity(p) == item.fingerprint), None)
    return None


def frozen_checksum(path: Path) -> str:
    """SHA-256 of the frozen weights that an artifact of kind `sam` needs."""
    return read_model(path, "sam", tensors=False).frozen_sha256


def _from_bundle(path: Path, network: Network | None, size: int | None, weights: Path | None) -> LoadedModel:
    bundle = read_bundle(path)
    _refuse_network(path, network, bundle.name)
    side = size or bundle.size
    block: SegmenterParams | SamParams
    if bundle.kind == "segmenter":
        block = _block(path, bundle.header, "segmenter", SegmenterParams)
    else:
        sam = _block(path, bundle.header, "sam", SamParams)
        block = _with_weights(path, _bundled_weights(path, bundle, sam), weights)
    built = restore(path, bundle, block, side)
    return LoadedModel(built, bundle.kind, bundle.name, side, bundle.white, block, bundle.header, path, bundle.tile)


def _bundled_weights(path: Path, bundle: Bundle, block: SamParams) -> SamParams:
    """Where they are; the bundle's own checksums verify them, not the one of params.yaml."""
    inside = {} if bundle.frozen_file is None else {"weights": str(path / bundle.frozen_file)}
    return block.model_copy(update={"sha256": None, **inside})


def _block(path: Path, header: Header, name: str, model: type[BlockType]) -> BlockType:
    try:
        return model.model_validate(header.params[name])
    except KeyError:
        raise ScalerError(
            f"{path}: its header holds no params of '{name}'; it was not made by this pipeline."
        ) from None
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ScalerError(
            f"{path}: made by a version of the project with another block '{name}' ({faults}). Use that version, "
            "or run the pipeline again."
        ) from None


def _with_weights(path: Path, params: SamParams, weights: Path | None) -> SamParams:
    """The params with the path at which the frozen weights are found."""
    if weights is not None:
        return params.model_copy(update={"weights": str(weights)})
    named = Input("weights", params.weights, True, "")
    place = next((p for p in _places(named, path) if p.is_file()), None)
    if place is None:
        raise ScalerError(
            f"{path}: needs the frozen weights {params.weights}, and there is no such file here. "
            "Put it there, or give its path with --weights."
        )
    return params.model_copy(update={"weights": str(place)})


def _places(item: Input, near: Path) -> list[Path]:
    return [Path(item.path), *(parent / item.path for parent in near.absolute().parents)]


def _identity(path: Path) -> str | None:
    header = read_header(path)
    return header.identity if header else None


def _refuse_network(path: Path, network: str | None, held: str) -> None:
    if network is not None and network != held:
        raise ScalerError(f"{path}: holds the {held}, not the {network}. Leave --model out, or give another file.")
