"""scaler.models.lite: prompts drawn where they are, an adaptation that starts as nothing, strict loading."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch

from scaler.errors import ScalerError
from scaler.models.foundation import build_foundation
from scaler.models.lite import Lite, loaded
from scaler.models.lite_decoder import draw
from scaler.models.prompts import BACKGROUND, FOREGROUND, PADDING, Prompts
from tests.tiny_sam import moved_by_two_steps, of_adaptation, pictures, sam_params, with_adaptation, without_gradient

SIDE = 64
FILE = Path("lite.safetensors")


def lite(adaptation: str = "decoder", seed: int = 0) -> Lite:
    torch.manual_seed(seed)
    model = Lite(SIDE)
    for module in model.modules():  # so that no layer is silent, and activations stay finite
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    return with_adaptation(model.eval(), adaptation)


def prompts(batch: int = 1, mask: bool = False, **changes: torch.Tensor) -> Prompts:
    values = {
        "points_xy": torch.zeros(batch, 1, 2),
        "point_labels": torch.full((batch, 1), PADDING),
        "box_xyxy": torch.zeros(batch, 4),
        "has_box": torch.zeros(batch, dtype=torch.bool),
        "mask_logits": torch.zeros(batch, 1, 16, 16) if mask else None,
        "has_mask": torch.full((batch,), mask),
    }
    return Prompts(**(values | changes))  # type: ignore[arg-type]


def test_a_point_is_drawn_where_it_is_and_as_what_it_is() -> None:
    point = torch.tensor([[[22.0, 6.0]]])  # x, y in pixels: the middle of column 5, row 1 of cells
    for label, own, other in ((FOREGROUND, 0, 2), (BACKGROUND, 2, 0)):
        maps = draw(prompts(points_xy=point, point_labels=torch.tensor([[label]])), 1, 16, torch.device("cpu"))[0]
        assert divmod(int(maps[own].argmax()), 16) == (1, 5)
        assert maps[own].max() == 1.0
        assert maps[own + 1, 1, 15] > maps[own, 1, 15]  # the wide spot reaches farther
        assert not maps[other : other + 2].any()
        assert not maps[4:].any()


def test_a_box_covers_its_inside_and_parts_of_cells() -> None:
    box = torch.tensor([[8.0, 12.0, 18.0, 20.0]])
    maps = draw(prompts(box_xyxy=box, has_box=torch.tensor([True])), 1, 16, torch.device("cpu"))[0]
    inside = torch.zeros(16, 16)
    inside[3:5, 2:4], inside[3:5, 4] = 1.0, 0.5
    assert torch.equal(maps[4], inside)
    assert not maps[[0, 1, 2, 3, 5, 6]].any()


def test_a_mask_is_drawn_with_its_certainty() -> None:
    logits = torch.full((1, 1, 16, 16), -1.0)
    logits[..., :8] = 2.0
    maps = draw(prompts(mask=True, mask_logits=logits), 1, 16, torch.device("cpu"))[0]
    torch.testing.assert_close(maps[5], 2 * torch.sigmoid(logits[0, 0]) - 1)
    assert not maps[-1].any()


def test_no_prompt_has_a_map_of_its_own() -> None:
    nothing = draw(None, 2, 16, torch.device("cpu"))
    assert torch.equal(draw(prompts(2), 2, 16, torch.device("cpu")), nothing)
    assert bool(nothing[:, -1].all())
    assert not nothing[:, :-1].any()


@torch.no_grad()
def test_an_image_gets_the_same_in_any_batch() -> None:
    model, images = lite(), pictures(3, SIDE, SIDE)
    asked = prompts(
        3,
        points_xy=torch.tensor([[[20.0, 30.0]], [[0.0, 0.0]], [[50.0, 9.0]]]),
        point_labels=torch.tensor([[FOREGROUND], [PADDING], [BACKGROUND]]),
        box_xyxy=torch.tensor([[0.0] * 4, [10.0, 10.0, 40.0, 50.0], [0.0] * 4]),
        has_box=torch.tensor([False, True, False]),
    )
    whole = model(images, asked)
    for number in range(3):
        chosen = slice(number, number + 1)
        torch.testing.assert_close(model(images[chosen], asked.select(chosen)), whole[chosen], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(whole[:2], model(images[:2]), atol=1e-2)  # prompts matter


@torch.no_grad()
def test_several_prompts_of_an_image_are_answered_one_by_one() -> None:
    model, images = lite(), pictures(2, SIDE, SIDE)
    spots = torch.tensor([[[20.0, 30.0]], [[40.0, 9.0]], [[5.0, 60.0]], [[33.0, 33.0]]])
    asked = prompts(4, points_xy=spots, point_labels=torch.full((4, 1), FOREGROUND))
    together = model(images, asked)
    alone = torch.cat([model(images[k // 2 : k // 2 + 1], asked.select(slice(k, k + 1))) for k in range(4)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_prompts_are_in_pixels_of_the_images() -> None:
    model, asked = lite(), prompts(points_xy=torch.tensor([[[20.0, 30.0]]]), point_labels=torch.tensor([[FOREGROUND]]))
    small, large = (torch.full((1, 3, side, side), 0.5) for side in (SIDE, 2 * SIDE))
    wanted = model(small, asked)
    came = torch.nn.functional.avg_pool2d(model(large, asked.scaled(2.0, 2.0)), 2)
    elsewhere = torch.nn.functional.avg_pool2d(model(large, asked), 2)
    assert (came - wanted).square().mean() < 0.02 * (elsewhere - wanted).square().mean()


@torch.no_grad()
def test_adaptations_start_as_the_model_that_was_loaded() -> None:
    image = pictures(2, SIDE, SIDE)
    plain = lite()(image)
    for adaptation in ("adapter", "lora"):
        torch.testing.assert_close(lite(adaptation)(image), plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("adaptation", ["adapter", "lora", "decoder"])
@pytest.mark.parametrize("recompute", [False, True])
def test_a_step_moves_what_is_trained_and_nothing_else(adaptation: str, recompute: bool) -> None:
    model = lite(adaptation).train()
    model.recompute = recompute
    trained = set(model.trainable_names())
    own = of_adaptation(trained)
    assert moved_by_two_steps(model, SIDE) <= trained
    assert without_gradient(model, own) == set()
    assert bool(own) == (adaptation != "decoder")
    assert trained - own == {name for name in model.state_dict() if name.startswith("decoder.")}


def test_the_encoder_takes_a_classifiers_file_strictly() -> None:
    state = timm.create_model("tf_efficientnet_lite0", pretrained=False).state_dict()
    drawn = {name: torch.rand_like(value) if value.is_floating_point() else value for name, value in state.items()}
    model = Lite(SIDE)
    model.load_encoder(drawn, FILE)
    assert torch.equal(model.encoder().state_dict()["conv_stem.weight"], drawn["conv_stem.weight"])
    with pytest.raises(ScalerError, match=r"1 missing: blocks\.6\.0\.conv_pw\.weight"):
        model.load_encoder({k: v for k, v in state.items() if k != "blocks.6.0.conv_pw.weight"}, FILE)


def test_weights_are_loaded_strictly_and_by_name(tmp_path: Path) -> None:
    state = Lite(SIDE).state_dict()
    with pytest.raises(ScalerError, match=r"1 missing: decoder\.head\.0\.weight"):
        loaded("lite", SIDE, {k: v for k, v in state.items() if k != "decoder.head.0.weight"}, FILE)
    torch.save(state, tmp_path / "lite.pth")
    model = build_foundation(sam_params(model="lite", weights=str(tmp_path / "lite.pth")))
    assert model.side == 192


def test_a_side_that_32_does_not_divide_is_refused() -> None:
    with pytest.raises(ScalerError, match=r"sam\.size: expected a multiple of 32 \(for lite\), got 72\. Nearest: 64"):
        Lite(72)


def test_sizes() -> None:
    model = lite("adapter")
    assert model.adapter is not None
    count = {
        "encoder": sum(p.numel() for p in model.encoder().parameters()),
        "adapter": sum(p.numel() for p in model.adapter.parameters()),
        "decoder": sum(p.numel() for p in model.decoder.parameters()),
    }
    assert count == {"encoder": 2_958_848, "adapter": 145_768, "decoder": 1_568_961}
