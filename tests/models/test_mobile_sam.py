"""scaler.models.mobile_sam: the official file's keys, the official computation, what is trained and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from scaler.errors import ScalerError
from scaler.models.foundation import build_foundation
from scaler.models.mobile_sam import CONFIG, MobileSam, TinyEncoder, loaded
from scaler.models.sam import with_decoder
from tests.models import mobile_oracle
from tests.tiny_sam import moved_by_two_steps, of_adaptation, pictures, sam_params, with_adaptation, without_gradient

FILE = Path("mobile_sam.pt")


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    """Random tensors under the official keys, large enough to tell one computation from another."""
    draw = torch.Generator().manual_seed(0)
    filled = {}
    for key, value in mobile_oracle.shapes().items():
        if not value.is_floating_point():
            filled[key] = torch.zeros_like(value)
        elif key.endswith("running_var"):
            filled[key] = 0.5 + torch.rand(value.shape, generator=draw)
        else:
            filled[key] = torch.randn(value.shape, generator=draw) * (0.3 if value.dim() < 2 else 0.1)
    return filled


def adapted(state: dict[str, Tensor], adaptation: str = "adapter", side: int = 64) -> MobileSam:
    return with_adaptation(loaded("mobile_sam", side, state, FILE), adaptation)


@torch.no_grad()
@pytest.mark.parametrize("side", [64, 224, pytest.param(1024, marks=pytest.mark.slow)])
def test_the_encoder_computes_what_the_official_one_does(state: dict[str, Tensor], side: int) -> None:
    image = pictures(1, side, side)
    came = loaded("mobile_sam", side, state, FILE).eval().encode(image).embedding
    assert came.shape == (1, 256, side // 16, side // 16)
    torch.testing.assert_close(came, mobile_oracle.encode(state, image), rtol=1e-4, atol=1e-4)


def test_every_key_of_the_official_file_has_its_place(state: dict[str, Tensor]) -> None:
    with pytest.raises(ScalerError, match=r"1 missing: image_encoder\.stages\.1\.downsample\.conv1\.bn\.bias"):
        loaded("mobile_sam", 64, {k: v for k, v in state.items() if "0.downsample.conv1.bn.bias" not in k}, FILE)
    with pytest.raises(ScalerError, match=r"1 unexpected: image_encoder\.extra"):
        loaded("mobile_sam", 64, state | {"image_encoder.extra": torch.zeros(1)}, FILE)
    wrong = state | {"image_encoder.neck.1.bias": torch.zeros(3)}
    with pytest.raises(ScalerError, match=r"1 of another shape: image_encoder\.neck\.1\.bias \(3,\)"):
        loaded("mobile_sam", 64, wrong, FILE)


def test_the_official_file_is_taken_by_name(state: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "mobile_sam.pt"
    torch.save(state, path)
    model = build_foundation(sam_params(model="mobile_sam", weights=str(path), size=64, adaptation="decoder"))
    assert torch.equal(model.sam.mask_decoder.iou_token.weight, state["mask_decoder.iou_token.weight"])


def test_a_side_that_16_does_not_divide_is_refused() -> None:
    with pytest.raises(ScalerError, match=r"sam\.size: expected a multiple of 16"):
        MobileSam(with_decoder(TinyEncoder(), CONFIG), 72)


@torch.no_grad()
def test_adaptations_start_as_the_model_that_was_loaded(state: dict[str, Tensor]) -> None:
    image = pictures(2, 64, 64)
    plain = adapted(state, "decoder")(image)
    for adaptation in ("adapter", "lora"):
        torch.testing.assert_close(adapted(state, adaptation)(image), plain, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("adaptation", ["adapter", "lora", "decoder"])
@pytest.mark.parametrize("recompute", [False, True])
def test_a_step_moves_what_is_trained_and_no_running_statistics(
    state: dict[str, Tensor], adaptation: str, recompute: bool
) -> None:
    model = adapted(state, adaptation).train()
    model.recompute = recompute
    trained = set(model.trainable_names())
    own = of_adaptation(trained)
    assert moved_by_two_steps(model, 64) <= trained
    assert without_gradient(model, own) == set()
    assert bool(own) == (adaptation != "decoder")


def test_sizes() -> None:
    model = MobileSam(with_decoder(TinyEncoder(), CONFIG), 64)
    model.add_adapter()
    model.freeze()
    count = {
        "encoder": sum(p.numel() for p in model.encoder().parameters()),
        "adapter": sum(p.numel() for p in model.adapter.parameters()) if model.adapter else 0,
        "trained": sum(p.numel() for p in model.parameters() if p.requires_grad),
    }
    assert count == {"encoder": 5_743_892, "adapter": 82_944, "trained": 4_141_540}
