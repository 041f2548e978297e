"""scaler.models.attention: the folded bias gives what segment-anything's own attention gives."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from segment_anything.modeling.image_encoder import Block
from torch import Tensor, nn

from scaler.models import attention
from scaler.models.attention import run_block, run_block_by_parts, run_fused_block

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def block(window: int, table: int) -> Block:
    """A block of 24 channels with random weights, its tables of relative positions too."""
    made = Block(
        24,
        2,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        use_rel_pos=True,
        window_size=window,
        input_size=(table, table),
    )
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw) * 0.3)
    return made


def tokens(side: int) -> Tensor:
    return torch.randn(2, side, side, 24, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("run", [run_block, run_fused_block])
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("window", "table", "side"),
    [
        pytest.param(0, 6, 6, id="all tokens"),
        pytest.param(0, 6, 9, id="all tokens, another grid: interpolated positions"),
        pytest.param(3, 3, 6, id="windows"),
        pytest.param(4, 4, 6, id="windows that need padding"),
    ],
)
def test_output_and_gradients_are_the_packages(
    run: Callable[[Block, Tensor], Tensor], device: str, window: int, table: int, side: int
) -> None:
    made = block(window, table).to(device)
    results = []
    for function in (made, partial(run, made)):
        made.zero_grad()
        x = tokens(side).to(device).requires_grad_()
        out = function(x)
        out.square().mean().backward()
        assert x.grad is not None
        results.append([out.detach(), x.grad, *(p.grad for p in made.parameters() if p.grad is not None)])
    for own, fused in zip(*results, strict=True):
        torch.testing.assert_close(fused, own, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("device", DEVICES)
def test_low_precision_stays_as_near_to_the_truth_as_the_package(device: str) -> None:
    made, x = block(0, 6).to(device), tokens(6).to(device)
    with torch.no_grad():
        truth = made(x)
        with torch.autocast(device, torch.bfloat16):
            own, fused = made(x), run_fused_block(made, x)
    assert (fused - truth).abs().mean() < 1.5 * (own - truth).abs().mean()


def test_fewer_tokens_than_a_window_are_projected_alone() -> None:
    made, x = block(14, 14), tokens(4)
    seen: list[int] = []
    made.attn.proj.register_forward_hook(lambda module, inputs, out: seen.append(out.shape[1] * out.shape[2]))
    torch.testing.assert_close(run_block(made, x), made(x), rtol=1e-4, atol=1e-5)
    assert seen == [16, 196]


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("window", "table", "side"), [(0, 6, 6), (0, 6, 9), (3, 3, 6), (4, 4, 6)])
def test_attention_by_parts_gives_the_packages_output(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, window: int, table: int, side: int
) -> None:
    monkeypatch.setattr(attention, "PART", 100)  # several parts a head
    made, x = block(window, table), tokens(side)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        own, parts = made(x), run_block_by_parts(made, x)
    near = {"rtol": 1e-4, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 0.05, "atol": 0.1}
    torch.testing.assert_close(parts, own, **near)


def test_the_way_is_chosen_by_gradients_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[str] = []
    for name in ("_by_parts", "_mapped", "_fused"):
        core = getattr(attention, name)
        monkeypatch.setattr(attention, name, lambda *a, name=name, core=core: used.append(name) or core(*a))
    monkeypatch.setattr(attention, "LARGE_MAP", 36)
    for window, side in ((0, 6), (0, 5), (3, 6), (4, 6)):
        for gradients in (False, True):
            with torch.set_grad_enabled(gradients):
                run_block(block(window, window or 6), tokens(side))
    assert used == ["_by_parts", "_fused", "_mapped"]  # the others run as the package has them
    monkeypatch.setenv("SCALER_PLAIN", "attention")
    with torch.no_grad():
        run_block(block(0, 6), tokens(6))
    assert len(used) == 3


def test_on_the_cpu_the_packages_own_attention_runs() -> None:
    made, x = block(3, 3), tokens(6)
    assert torch.equal(run_block(made, x), made(x))
