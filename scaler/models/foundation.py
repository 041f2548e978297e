"""Foundation models by name, their frozen weights loaded and an adaptation put in place."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

from scaler.models.adapted import AdaptedModel
from scaler.models.loading import read_state_dict
from scaler.models.lora import add_lora
from scaler.models.names import FOUNDATIONS, VOCABULARY
from scaler.params import SamParams


def build_foundation(params: SamParams) -> AdaptedModel:
    """A foundation model with its weights from `params.weights` and a fresh adaptation, on the CPU.

    Raises:
        ScalerError: the weights are missing, damaged, or of another architecture than `params.model`; or `params.size`
            does not suit it.
    """
    model = with_weights(params.model, params.size, Path(params.weights), params.sha256)
    if params.text is not None:
        model.read_words(params.text, Path(params.weights).with_name(VOCABULARY))
    add_adaptation(model, params.adaptation, params.lora_rank)
    model.recompute = params.recompute
    return model


def with_weights(name: str, side: int | None, path: Path, expected_sha256: str | None = None) -> AdaptedModel:
    """The model as its file has it, nothing adapted, on the CPU; raises as `build_foundation`."""
    model: AdaptedModel = _family(name).loaded(name, side, read_state_dict(path, expected_sha256), path)
    return model


def untrained(name: str, side: int | None) -> AdaptedModel:
    """The architecture with random weights, nothing adapted yet: for benchmarks and tests."""
    model: AdaptedModel = _family(name).untrained(name, side)
    return model


def add_adaptation(model: AdaptedModel, adaptation: str, lora_rank: int) -> None:
    """Put "adapter", "lora" or nothing ("decoder") in place, and freeze all the rest."""
    if adaptation == "adapter":
        model.add_adapter()
    elif adaptation == "lora":
        add_lora(model.encoder(), lora_rank, model.lora_layers)
    model.freeze()


def _family(name: str) -> ModuleType:
    """The module of a model's family, with `loaded` and `untrained`."""
    return import_module(FOUNDATIONS[name])
