"""scaler.models.sam2_adapter: which block belongs to which stage, the formula, and the identity at first."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from scaler.models.sam2_adapter import blocks_entered
from scaler.models.sam2_build import SIZES
from scaler.models.sam_adapter import high_pass
from scaler.models.stage_adapters import StageAdapters
from tests.models.sam2_oracle import MINI, mini, shake
from tests.tiny_sam import pictures

SIDE = 64
STAGE_OF_BLOCK = (0, 0, 1, 1, 2, 2, 2, 3)  # of MINI, by the grid of the tokens that enter


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("sam2.1_tiny", (1, 3, 10, 11)),
        ("sam2.1_small", (1, 3, 14, 15)),
        ("sam2.1_base_plus", (2, 5, 21, 23)),
        ("sam2.1_large", (2, 8, 44, 47)),
    ],
)
def test_every_block_is_entered_by_one_stage(name: str, last: tuple[int, ...]) -> None:
    entered = blocks_entered(SIZES[name].blocks)
    assert [number for stage in entered for number in stage] == list(range(sum(SIZES[name].blocks)))
    assert tuple(stage[-1] for stage in entered) == last


def test_ranks_and_patches() -> None:
    size = SIZES["sam2.1_large"]
    with torch.device("meta"):
        stages = StageAdapters(size.widths, blocks_entered(size.blocks), (4, 8, 16, 32)).stages
    assert [stage.embedding_tune.in_features for stage in stages] == [144, 288, 576, 1152]
    assert [stage.embedding_tune.out_features for stage in stages] == [24, 24, 24, 36]
    assert [stage.high_pass_tune.stride for stage in stages] == [(4, 4), (8, 8), (16, 16), (32, 32)]


@torch.no_grad()
def test_a_fresh_adapter_changes_nothing_and_a_trained_one_does() -> None:
    plain, model, image = mini("decoder"), mini("adapter"), pictures(2, SIDE, SIDE)
    torch.testing.assert_close(model(image), plain(image), rtol=0, atol=0)
    for stage in range(4):
        model = mini("adapter")
        shake(model.adapter.stages[stage].shared, 2)
        assert (model(image) - plain(image)).abs().max() > 1e-3, stage


@torch.no_grad()
def test_tokens_entering_each_block_follow_the_formula() -> None:
    model = mini()
    shake(model.adapter, 5)
    hiera = model.sam.vision_encoder.backbone
    entering: list[Tensor] = []
    leaving: list[Tensor] = []
    for block in hiera.blocks:
        block.register_forward_pre_hook(lambda _, inputs: entering.append(inputs[0]))
        block.register_forward_hook(lambda _, inputs, output: leaving.append(output))
    image = torch.randn(2, 3, SIDE, SIDE)
    model.encode(image)

    patches = hiera.patch_embed(image)
    first = [patches, leaving[1], leaving[3], leaving[6]]  # blocks 1, 3 and 6 pool
    before = [patches + hiera._get_pos_embed(patches.shape[1:3]), *leaving[:-1]]
    own_number = {number: STAGE_OF_BLOCK[:number].count(stage) for number, stage in enumerate(STAGE_OF_BLOCK)}
    assert len(entering) == sum(MINI.blocks) == len(STAGE_OF_BLOCK)
    for number, stage in enumerate(STAGE_OF_BLOCK):
        adapter, patch = model.adapter.stages[stage], 4 * 2**stage
        columns = F.unfold(high_pass(image), patch, stride=patch).transpose(1, 2)
        tuned = columns @ adapter.high_pass_tune.weight.flatten(1).T + adapter.high_pass_tune.bias
        features = adapter.embedding_tune(first[stage]) + tuned.view(2, SIDE // patch, SIDE // patch, -1)
        nudge = adapter.shared(F.gelu(adapter.per_block[own_number[number]][0](features)))
        assert nudge.abs().max() > 1e-3
        torch.testing.assert_close(entering[number], before[number] + nudge, rtol=1e-4, atol=1e-4)
