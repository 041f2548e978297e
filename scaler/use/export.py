"""Export of one model of a run, as a folder that can be given away."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scaler.use.model import LoadedModel


@dataclass(frozen=True)
class Forms:
    """The forms of an export: ONNX, a torch.export program, SAM's trained tensors without the frozen ones."""

    onnx: bool = False
    program: bool = False
    adapters_only: bool = False


def export_model(
    model: LoadedModel, out: Path, forms: Forms, *, licence: str | None = None, overwrite: bool = False
) -> None:
    """Write a bundle, load it again, compare, and only then give it its name.

    Raises:
        ScalerError: `out` is in use, a form does not fit the model, or what was written gives other predictions.
    """
    _refuse(model, out, forms, overwrite)
    out.parent.mkdir(parents=True, exist_ok=True)
    building = out.with_name(f".{out.name}.export.tmp")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    try:
        _fill(model, building, forms, licence)
        _check_same(model, building, forms)
        if out.exists():
            shutil.rmtree(out)
        building.replace(out)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


def _fill(model: LoadedModel, folder: Path, forms: Forms, licence: str | None) -> None:
    from scaler.use.bundle import CONFIG, FROZEN, TENSORS, Bundle, checksums, write_config, write_tensors
    from scaler.use.card import model_card
    from scaler.use.model import frozen_checksum
    from scaler.use.portable import ONNX_FILE, OPSET, PROGRAM_FILE, write_onnx, write_program

    write_tensors(folder, model.kind, model.network, model.params, whole=not forms.adapters_only)
    described = {TENSORS[model.kind]: "the trained tensors", CONFIG: "architecture, input, provenance, checksums"}
    differences = {}
    if model.kind == "sam" and not forms.adapters_only:
        described[FROZEN] = "the weights that training began with"
    if forms.onnx:
        named = {"scaler_fingerprint": model.header.fingerprint, "scaler_network": model.name}
        differences["ONNX"] = write_onnx(model.network, model.size, folder / ONNX_FILE, named)
        described[ONNX_FILE] = f"ONNX, opset {OPSET}: `image` (batch, 3, {model.size}, {model.size}) to `probability`"
    if forms.program:
        differences["torch.export"] = write_program(model.network, model.size, folder / PROGRAM_FILE)
        described[PROGRAM_FILE] = "program for `torch.export.load(...).module()`, same input and output"
    frozen = frozen_checksum(model.path) if model.kind == "sam" else None
    frozen_file = FROZEN if model.kind == "sam" and not forms.adapters_only else None
    bundle = Bundle(
        model.kind,
        model.name,
        model.size,
        model.white,
        model.header,
        checksums(folder),
        frozen,
        frozen_file,
        model.tile,
    )
    write_config(folder, bundle)
    (folder / "README.md").write_text(model_card(model, described, differences, licence), encoding="utf-8")


def _check_same(model: LoadedModel, folder: Path, forms: Forms) -> None:
    import torch

    from scaler.errors import ScalerError
    from scaler.params import SamParams
    from scaler.use.model import load_model

    weights = Path(model.params.weights) if forms.adapters_only and isinstance(model.params, SamParams) else None
    again = load_model(folder, weights=weights)
    image = torch.rand(2, 3, model.size, model.size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        same = torch.equal(model.forward(model.network, image), again.forward(again.network, image))
    if not same:
        raise ScalerError(f"{model.path}: the export was not kept, since it gives other predictions when loaded.")


def _refuse(model: LoadedModel, out: Path, forms: Forms, overwrite: bool) -> None:
    from scaler.errors import ScalerError
    from scaler.use.bundle import CONFIG

    if model.kind == "sam" and (forms.onnx or forms.program):
        raise ScalerError("--onnx, --torch-export: these are for the segmenter; SAM is exported as safetensors.")
    if model.kind != "sam" and forms.adapters_only:
        raise ScalerError("--adapters-only: a segmenter has no adapter; leave the option out, or name a sam.h5.")
    if model.path.is_dir():
        raise ScalerError(f"{model.path}: is an exported model already; name the artifact of the run.")
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / CONFIG).is_file():
        raise ScalerError(f"{out}: holds other files; choose a new or empty folder.")
    if not overwrite:
        raise ScalerError(f"{out}: holds an exported model; choose another folder, or use --overwrite to replace it.")
