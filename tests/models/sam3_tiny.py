"""A SAM 3 that is small enough for tests: windows, tiled positions, words, and the whole published file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from torch import Tensor

from scaler.models import sam3
from scaler.models.sam3_build import Sam3Size, Transformer, build_detector, build_tracker

TINY = Sam3Size(
    side=56,  # 4 x 4 tokens
    vision=Transformer(32, 2, 3, 48),
    window=3,
    global_blocks=(1,),
    pretrained_side=42,
    text=Transformer(16, 2, 1, 24),
    decoder=Transformer(32, 8, 2, 24),
)
BEGIN, END = 49406, 49407
WORDS = {"unknown": 0, "polyp": 3, "camouflaged": 5, "animal": 7, "<begin>": BEGIN, "<end>": END}


def use_tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sam3, "SIZE", TINY)


def published() -> dict[str, Tensor]:
    """Noise under the names of the published file, videos' parts included."""
    torch.manual_seed(0)
    detector, tracker = build_detector(TINY, TINY.side), build_tracker(TINY, TINY.side)
    state = {f"detector_model.{name}": value for name, value in detector.state_dict().items()}
    for name, value in tracker.state_dict().items():
        if name.startswith("vision_encoder.neck."):
            state[name.replace("vision_encoder.neck.", "tracker_neck.")] = value
        elif not name.startswith("vision_encoder."):
            state[f"tracker_model.{name}"] = value
    state["tracker_model.memory_attention.layer_norm.weight"] = torch.zeros(4)
    state["tracker_model.no_object_pointer"] = torch.zeros(4)
    draw = torch.Generator().manual_seed(0)
    return {name: _noise(name, value, draw) for name, value in state.items()}


def _noise(name: str, value: Tensor, draw: torch.Generator) -> Tensor:
    if not value.is_floating_point():
        return value
    noise = torch.randn(value.shape, generator=draw)
    is_scale = value.dim() == 1 and name.endswith("weight")
    return 1.0 + 0.1 * noise if is_scale else 0.2 * noise


def write_vocabulary(folder: Path) -> Path:
    """A vocabulary of three words, in the format of the published one."""
    tokenizer = Tokenizer(WordLevel(WORDS, unk_token="unknown"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="<begin> $A <end>", special_tokens=[("<begin>", BEGIN), ("<end>", END)]
    )
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    return path
