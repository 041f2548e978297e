"""The ensemble over views, with stand-ins whose answer is known."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from scaler.data.geometry import View, all_views, canonical
from scaler.method.ensemble import Ensemble, draw_views, ensemble, sam_ensemble
from scaler.params import LabelWithSamParams
from scaler.training.device import Compute
from scaler.training.prediction import Inference

ALL_VIEWS = all_views()
EXACT = [view for view in ALL_VIEWS if view.is_exact]


def images(count: int = 2, size: tuple[int, int] = (6, 10)) -> Tensor:
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(0))


def brightness(x: Tensor) -> Tensor:
    """Equivariant: each pixel's answer depends on that pixel alone."""
    return x.mean(dim=1, keepdim=True)


def ramp(x: Tensor) -> Tensor:
    """Not equivariant: the answer grows from left to right, whatever the image shows."""
    width = x.shape[-1]
    values = (torch.arange(width, dtype=x.dtype) + 0.5) / width
    return values.expand(len(x), 1, *x.shape[-2:])


def label_of(*arguments: Any, **options: Any) -> Tensor:
    return sam_ensemble(*arguments, **options).probability


@pytest.mark.parametrize("average", ["probability", "logits"])
@pytest.mark.parametrize("count", [1, 3, 7, 12])
def test_an_equivariant_model_gives_its_own_output(average: str, count: int) -> None:
    x = images()
    views = [[EXACT[i % len(EXACT)] for i in range(start, start + count)] for start in (0, 5)]
    came = label_of(brightness, x, views, average)
    if average == "probability":
        assert torch.equal(came, brightness(x))  # to the last bit
    else:
        assert torch.allclose(came, brightness(x), atol=1e-6)


def test_an_equivariant_model_at_every_scale() -> None:
    x = torch.full((1, 3, 8, 12), 0.3)
    assert torch.allclose(label_of(brightness, x, [ALL_VIEWS]), torch.full((1, 1, 8, 12), 0.3), atol=1e-6)


def test_a_map_of_large_shapes_stays_in_place_at_every_scale() -> None:
    x = torch.zeros(1, 3, 16, 24)
    x[..., 4:12, 2:10] = 1.0
    p = label_of(brightness, x, [ALL_VIEWS])
    assert torch.equal(p > 0.5, x[:, :1] > 0.5)
    assert (p[..., 6:10, 4:8] > 0.97).all()
    assert (p[..., 14:, :] < 0.02).all()


def test_other_models_give_the_mean_over_views() -> None:
    # A 2 x 2 image; the ramp says [1/4, 3/4] in each row, in the frame of the view. Carried back:
    #   as it is:      [[1/4, 3/4], [1/4, 3/4]]
    #   h:             [[3/4, 1/4], [3/4, 1/4]]
    #   a quarter turn counter-clockwise, undone clockwise: [[1/4, 1/4], [3/4, 3/4]]
    # Drawn once, once and twice: (1/4 + 3/4 + 2/4) / 4, (3/4 + 1/4 + 2/4) / 4; (1/4 + 3/4 + 6/4) / 4, likewise.
    views = [View(), View("h"), View("none", 1), View("none", 1)]
    came = label_of(ramp, torch.zeros(1, 3, 2, 2), [views])
    assert came[0, 0].tolist() == [[0.375, 0.375], [0.625, 0.625]]


def test_mean_of_logits_by_hand() -> None:
    # logit(1/4) = -ln 3, logit(3/4) = ln 3; twice as is, once flipped: -ln(3) / 3 and ln(3) / 3
    came = label_of(ramp, torch.zeros(1, 3, 1, 2), [[View(), View(), View("h")]], "logits")
    third = 3 ** (1 / 3)
    assert came.flatten().tolist() == pytest.approx([1 / (1 + third), third / (1 + third)], rel=1e-6)


def test_certain_votes_stay_finite_in_the_mean_of_logits() -> None:
    def certain(x: Tensor) -> Tensor:
        return (ramp(x) > 0.5).float()

    came = label_of(certain, torch.zeros(1, 3, 1, 2), [[View(), View("h")]], "logits")
    assert came.flatten().tolist() == pytest.approx([0.5, 0.5], abs=1e-6)


class Recorder:
    """Counts the images that go through a model."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []

    def __call__(self, x: Tensor) -> Tensor:
        self.seen.append(tuple(x.shape))
        return brightness(x)


def test_repeats_are_computed_once_and_counted_each_time() -> None:
    record, done = Recorder(), Counter[str]()
    twice = [View("v", 0), View("h", 2), View("h", 2), View("h", 0)]  # the first three are one geometry
    views = [twice, [View("h", 0)] * 4]
    came = label_of(record, images(), views, advance=lambda count: done.update(views=count))
    assert sorted(record.seen) == [(1, 3, 6, 10), (2, 3, 6, 10)]  # "h" of both images together; half a turn of one
    assert done["views"] == 8
    assert torch.equal(came, brightness(images()))
    assert label_of(ramp, torch.zeros(1, 3, 1, 2), [twice])[0, 0, 0].tolist() == pytest.approx([0.375, 0.625])


def test_images_have_views_of_their_own() -> None:
    x = torch.zeros(2, 3, 2, 2)
    came = label_of(ramp, x, [[View()], [View("h")]])
    assert came[:, 0, 0].tolist() == [[0.25, 0.75], [0.75, 0.25]]
    both = label_of(ramp, x, [[View(), View("h", 1)], [View("h"), View("v", 3)]])
    for i, views in enumerate([[View(), View("h", 1)], [View("h"), View("v", 3)]]):
        assert torch.equal(both[i : i + 1], label_of(ramp, x[:1], [views]))


def test_sides_follow_the_model_s_multiple() -> None:
    record = Recorder()
    came = label_of(record, images(1, (32, 64)), [[View(scale=s) for s in (0.5, 1.0, 2.0)]], multiple_of=32)
    assert came.shape == (1, 1, 32, 64)
    assert sorted(record.seen) == [(1, 3, 32, 32), (1, 3, 32, 64), (1, 3, 64, 128)]


def test_wrong_arguments_are_refused() -> None:
    x = images()
    with pytest.raises(ValueError, match="expected 2 lists"):
        label_of(brightness, x, [[View()]])
    with pytest.raises(ValueError, match="at least one view"):
        label_of(brightness, x, [[View()], []])
    with pytest.raises(ValueError, match="average"):
        label_of(brightness, x, [[View()]] * 2, "median")


def drawing(count: int, flips: Sequence[str] = ("h", "v"), **values: object) -> LabelWithSamParams:
    defaults = {"quarter_turns": [0, 1, 2, 3], "scales": [1.0], "draw": "distinct", "zoom": False}
    rest = {"average": "probability", "batch_size": 4}
    return LabelWithSamParams.model_validate({"views": count, "flips": list(flips), **defaults, **rest, **values})


def test_draws_follow_the_generator_and_the_options() -> None:
    def draw(seed: int, count: int = 12, **values: object) -> list[View]:
        return draw_views(np.random.default_rng(seed), drawing(count, scales=[0.5, 1.0, 2.0], **values))

    assert draw(0) == draw(0)
    assert draw(0) != draw(1)
    allowed = set(itertools.product(("h", "v"), range(4), (0.5, 1.0, 2.0)))
    many = Counter(draw(0, 2400, draw="independent"))
    assert set(map(tuple, many)) == allowed
    assert min(many.values()) > 60  # 100 expected of each of the 24
    assert max(many.values()) < 140


@pytest.mark.parametrize(("flips", "geometries"), [(("h", "v"), 4), (("none", "h"), 8), (("none", "h", "v"), 8)])
@pytest.mark.parametrize("count", [3, 8, 12])
def test_distinct_views_come_first(flips: tuple[str, ...], geometries: int, count: int) -> None:
    drawn = Counter(canonical(view) for view in draw_views(np.random.default_rng(1), drawing(count, flips)))
    assert len(drawn) == min(count, geometries)
    assert max(drawn.values()) - min(drawn.values()) <= 1


def test_agreement_is_one_where_views_agree_and_falls_with_their_spread() -> None:
    x, twice = torch.zeros(1, 3, 4, 4), [View(), View("h")]

    def sided(p_left: float) -> Ensemble:
        def predict(image: Tensor) -> Tensor:  # the same in the frame of each view, so flipped in that of the image
            p = torch.full((len(image), 1, 4, 4), 0.2)
            p[..., :2] = p_left
            return p

        return sam_ensemble(predict, x, [twice])

    assert sided(0.2).agreement.tolist() == [1.0]
    # mean 0.5 and deviation 0.3 at all 16 pixels
    assert sided(0.8).agreement.tolist() == pytest.approx([(1 + 16 * 0.2) / (1 + 16 * 0.8)])
    assert sided(0.8).agreement < sided(0.4).agreement


def test_zoom_shows_the_model_larger_and_smaller_objects() -> None:
    image = torch.zeros(1, 3, 32, 32)
    image[..., 8:24, 8:24] = 1.0
    shares: list[float] = []

    def predict(seen: Tensor) -> Tensor:
        assert seen.shape[-2:] == (32, 32)
        shares.append(float(seen.mean()))
        return brightness(seen)

    for scale, inputs in ((2.0, 4), (0.5, 1), (1.0, 1)):
        shares.clear()
        came = sam_ensemble(predict, image, [[View(scale=scale)]], zoom=True).probability
        assert came.shape == (1, 1, 32, 32)
        assert len(shares) == inputs
        assert float((came - image[:, :1]).abs().mean()) < 0.1, "what it says lies where the object is"
    assert shares == [pytest.approx(0.25)]


class Stand(nn.Module):
    """A foundation model that refuses wrong sides and training mode; its logits are those of the brightness."""

    multiple_of = 4

    def forward(self, image: Tensor, prompts: None = None) -> Tensor:
        assert not self.training
        assert not torch.is_grad_enabled()
        assert all(side % 4 == 0 for side in image.shape[-2:])
        return torch.logit(brightness(image), eps=1e-6)

    def trainable_names(self) -> list[str]:
        return []


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_a_stack_of_images(batch_size: int) -> None:
    rng = np.random.default_rng(0)
    stack = rng.integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    views = [draw_views(rng, drawing(4, ("none", "h", "v"))) for _ in range(5)]
    model, done = Stand().train(), Counter[str]()
    compute = Compute(torch.device("cpu"), False, None)
    inference = Inference(model, lambda module, x: torch.sigmoid(module(x)), compute, batch_size)
    came, agreement = ensemble(inference, stack, views, "probability", advance=lambda count: done.update(views=count))
    assert np.allclose(agreement, 1)
    assert came.dtype == np.float32
    assert np.allclose(came, stack.mean(axis=3) / 255, atol=1e-6)
    assert done["views"] == 20
    assert model.training


def test_named_repeats_share_one_geometry() -> None:
    assert len({canonical(View(flip, turns)) for flip in ("h", "v") for turns in range(4)}) == 4
