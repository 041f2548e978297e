"""scaler.models.ws_sam: its size, its five depths at any size divisible by 32, determinism, precision, gradients."""

from __future__ import annotations

import copy
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from scaler.errors import ScalerError
from scaler.models.protocols import Segmenter
from scaler.models.ws_sam import WsSamSegmenter
from scaler.models.ws_sam_decoder import PositionAttention, ReverseStage
from scaler.models.ws_sam_grouping import Grouping, MultiScaleGrouping, SlotAttention, position_grid
from scaler.training.ema import mean_teacher


@pytest.fixture(scope="module")
def full() -> WsSamSegmenter:
    torch.manual_seed(0)
    return WsSamSegmenter().eval()


def picture(side: int, count: int = 1) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(side))


def millions(*modules: nn.Module) -> float:
    return sum(p.numel() for module in modules for p in module.parameters()) / 1e6


def test_parameters_are_as_many_as_the_authors_have(full: WsSamSegmenter) -> None:
    assert millions(full) == pytest.approx(46.5, rel=0.01)
    assert millions(full.encoder) == pytest.approx(23.5, rel=0.01)
    assert millions(full.textures, full.grouping, full.fusions) == pytest.approx(10.1, rel=0.01)
    assert millions(full.grouping) == pytest.approx(0.57, rel=0.01)
    assert millions(full.prior) == pytest.approx(9.3, rel=0.01)
    assert millions(full.stages) == pytest.approx(3.6, rel=0.02)


@torch.no_grad()
@pytest.mark.parametrize("side", [64, 352, 384])
def test_five_depths_in_the_frame_of_the_input(full: WsSamSegmenter, side: int) -> None:
    assert isinstance(full, Segmenter)
    depths = full(picture(side))
    assert [tuple(depth.shape) for depth in depths] == [(1, 1, side, side)] * 5
    assert all(bool(depth.isfinite().all()) for depth in depths)
    assert all(not torch.equal(a, b) for a, b in pairwise(depths))


@torch.no_grad()
def test_an_oblong_image(full: WsSamSegmenter) -> None:
    assert full(torch.rand(1, 3, 64, 96))[-1].shape == (1, 1, 64, 96)


@torch.no_grad()
def test_the_first_depth_is_the_prior_alone(full: WsSamSegmenter) -> None:
    image = picture(64)
    prior = full.prior(full.encoder(full.normalise(image))[-1])
    expected = torch.nn.functional.interpolate(prior, (64, 64), mode="bilinear", align_corners=False)
    torch.testing.assert_close(full(image)[0], expected)


def test_gradients_reach_every_parameter() -> None:
    torch.manual_seed(0)
    model = WsSamSegmenter().train()
    nn.init.ones_(model.prior.attention.scale)  # starts at 0, as does each last normalisation of timm's blocks:
    for name, module in model.encoder.named_modules():  # what lies behind them sees no gradient in the first step
        if name.endswith(".bn3"):
            nn.init.ones_(module.weight)
    sum(depth.square().mean() for depth in model(picture(64, 2))).backward()  # type: ignore[union-attr]
    gradients = {name: p.grad for name, p in model.named_parameters()}
    assert [n for n, g in gradients.items() if g is None or not bool(g.isfinite().all()) or not bool(g.any())] == []


@torch.no_grad()
def test_evaluation_is_deterministic_and_a_copy_agrees(full: WsSamSegmenter) -> None:
    image, teacher = picture(64, 2), copy.deepcopy(full)
    state = torch.random.get_rng_state()
    first = full(image)
    assert torch.equal(torch.random.get_rng_state(), state)
    for again in (full(image), teacher(image)):
        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_training_consumes_no_randomness_and_the_teacher_can_follow() -> None:
    model = WsSamSegmenter(channels=16).train()
    teacher, state = copy.deepcopy(model), torch.random.get_rng_state()
    model(picture(64, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    mean_teacher(teacher, model, 0.0)()
    assert torch.equal(teacher.encoder.bn1.running_mean, model.encoder.bn1.running_mean)


@torch.no_grad()
def test_bf16_autocast_and_channels_last_change_little(full: WsSamSegmenter) -> None:
    image, plain = picture(64), copy.deepcopy(full)
    expected = plain(image)[-1]
    last = plain.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    channels_last = image.to(memory_format=torch.channels_last)
    torch.testing.assert_close(last(channels_last)[-1], expected, rtol=1e-4, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        lowered = last(channels_last)[-1].float()
    assert 0 < (lowered - expected).abs().max() < 0.05 * expected.abs().max()


def test_a_training_step_under_bf16() -> None:
    model = WsSamSegmenter(channels=16).train()
    with torch.autocast("cpu", torch.bfloat16):
        depths = model(picture(64, 2))
    sum(depth.float().mean() for depth in depths).backward()  # type: ignore[union-attr]
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in model.parameters())


@pytest.mark.parametrize("channels", [8, 100, 0])
def test_other_widths_are_refused(channels: int) -> None:
    with pytest.raises(ScalerError, match=f"multiple of 16, got {channels}"):
        WsSamSegmenter(channels=channels)


@torch.no_grad()
def test_slots_share_each_place_and_mix_there() -> None:
    torch.manual_seed(1)
    attention, tokens = SlotAttention(16, 4).double(), torch.randn(2, 9, 16).double()
    shares = attention.shares(attention.start.expand(2, -1, -1), attention.key(attention.norm_input(tokens)))
    torch.testing.assert_close(shares.sum(1), torch.ones(2, 9).double())
    mixed = attention(tokens)
    assert mixed.shape == tokens.shape
    spread = mixed[0] - mixed[0].mean(0)  # mixtures of 4 slots with shares that sum to 1
    assert torch.linalg.matrix_rank(spread, atol=1e-12) == 3


@torch.no_grad()
def test_slots_do_not_know_the_order_of_places_but_the_grouping_does() -> None:
    torch.manual_seed(1)
    attention, tokens, order = SlotAttention(16, 4), torch.randn(1, 9, 16), torch.randperm(9)
    torch.testing.assert_close(attention(tokens[:, order]), attention(tokens)[:, order], rtol=1e-4, atol=1e-5)
    grouping, plain = Grouping(16, 4), torch.ones(1, 16, 3, 3)
    assert not torch.allclose(grouping(plain)[..., 0, 0], grouping(plain)[..., 2, 2])


@torch.no_grad()
def test_the_gate_weighs_the_two_groupings() -> None:
    grouping, x = MultiScaleGrouping(16), torch.randn(1, 16, 2, 3)
    fine = grouping.fine(x)
    for gate, share in ((-100.0, 0.0), (0.0, 0.5), (100.0, 1.0)):
        grouping.gate.fill_(gate)
        torch.testing.assert_close(grouping(x), x + share * fine + (1 - share) * grouping.coarse(x + fine))


def test_the_grid_measures_from_all_four_borders() -> None:
    grid = position_grid(2, 3, torch.device("cpu"))
    assert grid.tolist() == [
        [0.0, 0.0, 1.0, 1.0], [0.0, 0.5, 1.0, 0.5], [0.0, 1.0, 1.0, 0.0],
        [1.0, 0.0, 0.0, 1.0], [1.0, 0.5, 0.0, 0.5], [1.0, 1.0, 0.0, 0.0],
    ]  # fmt: skip


@torch.no_grad()
def test_a_stage_looks_inside_and_outside_of_the_map() -> None:
    torch.manual_seed(1)
    stage, feature = ReverseStage(16).eval(), torch.rand(1, 16, 4, 4)
    seen: dict[str, Tensor] = {}
    stage.inside.register_forward_pre_hook(lambda _, inputs: seen.update(inside=inputs[0]))
    stage.outside.register_forward_pre_hook(lambda _, inputs: seen.update(outside=inputs[0]))
    out = stage(feature, torch.full((1, 1, 2, 2), 2.0))
    torch.testing.assert_close(seen["inside"], feature * torch.tensor(2.0).sigmoid())
    torch.testing.assert_close(seen["inside"] + seen["outside"], feature)
    nn.init.zeros_(stage.head.weight)
    nn.init.zeros_(stage.head.bias)
    torch.testing.assert_close(stage(feature, torch.full((1, 1, 2, 2), 2.0)), torch.full((1, 1, 4, 4), 2.0))
    assert not torch.allclose(out, torch.full((1, 1, 4, 4), 2.0))


@torch.no_grad()
def test_position_attention_starts_as_the_identity_and_sees_everywhere() -> None:
    torch.manual_seed(1)
    attention, x = PositionAttention(16), torch.randn(1, 16, 3, 3)
    torch.testing.assert_close(attention(x), x)
    attention.scale.fill_(1.0)
    moved = x.clone()
    moved[..., 0, 0] += 1.0
    assert bool(((attention(moved) - attention(x))[..., 2, 2].abs() > 1e-6).any())
