"""Meta's own SAM2 as the oracle: the package `sam2`, its configurations, its predictor. And a SAM2 for quick tests."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from unittest.mock import patch

import sam2
import torch
from hydra.core.global_hydra import GlobalHydra
from hydra.utils import instantiate
from omegaconf import OmegaConf
from sam2.modeling.sam2_base import SAM2Base
from sam2.sam2_image_predictor import SAM2ImagePredictor
from torch import Tensor, nn

from scaler.models.sam2 import Sam2, loaded
from scaler.models.sam2_build import HieraSize, build_sam2, empty_sam2
from tests.tiny_sam import with_adaptation

GlobalHydra.instance().clear()  # importing sam2 sets it, for a way of building models that is not taken here
LETTERS = {"sam2.1_tiny": "t", "sam2.1_small": "s", "sam2.1_base_plus": "b+", "sam2.1_large": "l"}
MINI = HieraSize(32, 1, (1, 2, 3, 2), (4,), (8, 4, 14, 7), 7)  # pools before blocks 1, 3, 6; 14 tokens need padding


def configuration(name: str) -> OmegaConf:
    """The block `model` of Meta's YAML file."""
    return OmegaConf.load(Path(sam2.__file__).parent / f"configs/sam2.1/sam2.1_hiera_{LETTERS[name]}.yaml").model


def official(name: str, side: int) -> SAM2Base:
    """Meta's model for images of side x side pixels; mask token 0 always."""
    chosen = configuration(name)
    chosen.image_size = side
    return instantiate(chosen).eval()


@contextmanager
def without_memory() -> Iterator[None]:
    """Models are built without numbers; Meta's Hiera needs those of one `linspace`."""
    with torch.device("meta"), patch("torch.linspace", partial(torch.linspace, device="cpu")):
        yield


def shapes(name: str) -> dict[str, Tensor]:
    """Meta's keys with tensors of the right shapes and any content."""
    with without_memory():
        model = official(name, 64)
    return {key: torch.empty_like(value, device="cpu") for key, value in model.state_dict().items()}


@cache
def weights(name: str = "sam2.1_tiny") -> dict[str, Tensor]:
    """Under Meta's keys; noise added to all, for much is zero or one at first."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        state = official(name, 64).state_dict()
    draw = torch.Generator().manual_seed(0)
    for key, value in state.items():
        strength = 0.3 if value.dim() < 2 or "embed" in key or "token" in key else 0.02
        value += strength * torch.randn(value.shape, generator=draw)
    return state


@cache
def predictor(side: int) -> SAM2ImagePredictor:
    """Meta's predictor with SAM2 tiny and `weights`, at another side than its 1024 too."""
    model = official("sam2.1_tiny", side)
    model.load_state_dict(weights())
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*torch\.jit")  # which its transforms use
        made = SAM2ImagePredictor(model)
    made._bb_feat_sizes = [(side // stride, side // stride) for stride in (4, 8, 16)]
    return made


@cache
def ours(side: int) -> Sam2:
    """The same SAM2 tiny, loaded by the project; not to be changed."""
    return loaded("sam2.1_tiny", side, weights(), Path("sam2.1_hiera_tiny.pt")).eval()


@cache
def mini_weights() -> dict[str, Tensor]:
    """Of MINI, under transformers' keys."""
    sam = build_sam2(MINI)
    shake(sam, 0)
    return sam.state_dict()


def mini(adaptation: str = "adapter", side: int = 64) -> Sam2:
    """A SAM2 with all that the big ones have and a small Hiera, adapted, not trained."""
    sam = empty_sam2(MINI).eval()
    sam.load_state_dict(mini_weights())
    return with_adaptation(Sam2(sam, side), adaptation)


def shake(module: nn.Module, seed: int) -> None:
    """Add noise to all that a checkpoint holds."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in module.state_dict().values():
            value += 0.05 * torch.randn(value.shape, generator=draw)
