"""Every architecture and encoder of segmentation_models_pytorch, by name, with random weights and one output."""

from __future__ import annotations

import difflib
import inspect
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import segmentation_models_pytorch
import timm
import torch
from segmentation_models_pytorch.encoders import encoders
from torch import Tensor, nn
from torch.nn import functional as F

from scaler.errors import ScalerError
from scaler.models import lite_keys, vit_weights
from scaler.models.compact import CHANNEL_MEAN, CHANNEL_STD, Normalise
from scaler.models.encoder_weights import load_encoder_strictly

ARCHITECTURES = segmentation_models_pytorch.MODEL_ARCHITECTURES_MAPPING
UNIVERSAL = "tu-"  # the package's prefix of timm's encoders
OURS = {"encoder_name": "encoder", "encoder_weights": "segmenter.weights", "in_channels": "3", "classes": "1"}
FIXED = {"activation": "none, for logits", "aux_params": "none, for one output"}
CLASSIFIERS = ("fc.", "_fc.", "classifier.", "last_linear.", "head.")  # of the classifiers that the encoders come from
SHOWN = 4

Option = int | float | str | bool


class SmpSegmenter(nn.Module):
    """A network of segmentation_models_pytorch. Implements `scaler.models.protocols.Segmenter` with one depth.

    Args:
        architecture: a name such as "unet", see `ARCHITECTURES`.
        encoder: a name of the package such as "resnet34", or "tu-" and the name of a model of timm.
        options: anything else that the architecture's class takes and that is a number, a word or a truth value; with a
            "tu-" encoder also what timm's model takes, such as `img_size`.

    Raises:
        ScalerError: an unknown name (the nearest ones are named), or a choice that the package refuses.
    """

    advice = (
        "An encoder made for one image size takes `img_size` in segmenter.options, equal to prepare_data.size; or take "
        "a convolutional encoder. If the images are too small for the architecture (pan needs 128), take another."
    )

    def __init__(self, architecture: str, encoder: str, **options: Option) -> None:
        super().__init__()
        _check_names(architecture, encoder)
        _check_options(architecture, encoder, options)
        self.normalise = Normalise(*_statistics(encoder))
        self.network = _build(architecture, encoder, options)
        self.multiple_of = int(getattr(self._encoder(), "output_stride", 32))

    def forward(self, image: Tensor) -> list[Tensor]:
        """See the protocol; one depth."""
        logits = self.network(self.normalise(image))
        return [F.interpolate(logits, image.shape[-2:], mode="bilinear", align_corners=False)]

    def load_encoder(self, state: Mapping[str, Tensor], path: Path) -> None:
        """Load the encoder from the file of the image classifier that it is part of, in timm's or the package's keys.

        A ViT's patch embedding and positions are resampled to its own patch and grid (`scaler.models.vit_weights`).

        Raises:
            ScalerError: a key other than the classifier's is missing or unexpected, or a shape differs.
        """
        encoder = self._encoder()
        if lite_keys.STEM in state and lite_keys.STEM not in encoder.state_dict():
            state = lite_keys.to_timm(state)
        name = getattr(encoder, "name", None)
        if name is None:
            load_encoder_strictly(encoder, state, path, CLASSIFIERS)
            return
        state = vit_weights.resampled(state, encoder)
        own = {_plain(key): key for key in encoder.state_dict()}
        rest = tuple(key for key in _whole_model_keys(name) if _plain(key) not in own)
        renamed = {own.get(_plain(key), key): value for key, value in state.items()}
        load_encoder_strictly(encoder, renamed, path, (*CLASSIFIERS, *rest))

    def _encoder(self) -> nn.Module:
        return self.network.get_submodule("encoder")


def _statistics(encoder: str) -> tuple[Sequence[float], Sequence[float]]:
    """Mean and deviation of the channels that an encoder of timm was trained with; ImageNet's for all others."""
    known = timm.get_pretrained_cfg(encoder.removeprefix(UNIVERSAL)) if encoder.startswith(UNIVERSAL) else None
    return (CHANNEL_MEAN, CHANNEL_STD) if known is None else (known.mean, known.std)


def _plain(key: str) -> str:
    """A key as timm's whole model and its feature extractor both would have it (`stages.0` and `stages_0`)."""
    while key.startswith("model."):
        key = key.removeprefix("model.")
    return key.replace("_", ".")


def _whole_model_keys(name: str) -> list[str]:
    """The keys of timm's classifier, whose last layers its feature extractor leaves out."""
    with torch.device("meta"):
        return list(timm.create_model(name, pretrained=False).state_dict())


def _build(architecture: str, encoder: str, options: Mapping[str, Option]) -> nn.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of the `timm-` names, which work
            network: nn.Module = ARCHITECTURES[architecture](
                encoder_name=encoder, encoder_weights=None, in_channels=3, classes=1, **options
            )
    except Exception as error:  # the package and timm refuse in many ways: KeyError, ValueError, RuntimeError, ...
        raise ScalerError(
            f"segmenter.options: segmentation_models_pytorch cannot build {architecture} with encoder {encoder} and "
            f"{dict(options)} ({type(error).__name__}: {error}). Not every architecture goes with every encoder; unet "
            "goes with all that have stages at strides 2 to 32."
        ) from None
    return network


def _check_names(architecture: str, encoder: str) -> None:
    for name, value in (("architecture", architecture), ("encoder", encoder)):
        if not isinstance(value, str):
            raise ScalerError(f"segmenter.options.{name}: expected a name, got {value!r} ({type(value).__name__}).")
    if architecture not in ARCHITECTURES:
        raise ScalerError(
            f"segmenter.options.architecture: got {architecture!r}.{_near(architecture, list(ARCHITECTURES))} "
            f"Allowed: {', '.join(ARCHITECTURES)}."
        )
    if encoder in encoders or (encoder.startswith(UNIVERSAL) and _known_to_timm(encoder.removeprefix(UNIVERSAL))):
        return
    known = [*encoders, *(UNIVERSAL + name for name in timm.list_models())]
    raise ScalerError(
        f"segmenter.options.encoder: segmentation_models_pytorch has no {encoder!r}.{_near(encoder, known)} Its own "
        f"are {', '.join(list(encoders)[:SHOWN])}, ... ({len(encoders)} of them); timm's are `tu-` and timm's name."
    )


def _known_to_timm(name: str) -> bool:
    """A name of timm's own list: others, such as `hf-hub:...`, would be fetched from a network."""
    return ":" not in name and bool(timm.is_model(name))


def _check_options(architecture: str, encoder: str, options: Mapping[str, Option]) -> None:
    allowed = list(inspect.signature(ARCHITECTURES[architecture].__init__).parameters)
    for name in options:
        if name in OURS | FIXED:
            raise ScalerError(f"segmenter.options.{name}: set by the pipeline ({(OURS | FIXED)[name]}); leave it out.")
        if name not in allowed and not encoder.startswith(UNIVERSAL):  # those pass on what they don't know to timm
            named = [item for item in allowed if item not in ("self", "kwargs", *OURS, *FIXED)]
            raise ScalerError(
                f"segmenter.options: {architecture} takes no `{name}`.{_near(name, named)} "
                f"Allowed: architecture, encoder, {', '.join(named)}."
            )


def _near(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=SHOWN, cutoff=0.6)
    return f" Did you mean {' or '.join(close)}?" if close else ""
