"""scaler.models.prompts and scaler.prompting: the package's embeddings, and prompts found by hand."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from scaler.geometry import View
from scaler.models.prompts import PADDING, Prompts, encode_prompts_sam
from scaler.prompting import prompts_from_marks, prompts_from_mask
from tests.tiny_sam import adapted, pictures, tiny_sam

SIDE = 40
KINDS = ("marks_points", "marks_box", "teacher_points", "teacher_box", "teacher_mask")


def prompts(kinds: str, batch: int = 3) -> Prompts:
    """Random prompts of the kinds named in `kinds`: p(oints), b(ox), m(ask)."""
    draw = torch.Generator().manual_seed(0)
    count = 2 if "p" in kinds else 0
    corner = torch.rand(batch, 2, generator=draw) * SIDE / 2
    return Prompts(
        points_xy=torch.rand(batch, count, 2, generator=draw) * SIDE,
        point_labels=torch.randint(0, 2, (batch, count), generator=draw),
        box_xyxy=torch.cat([corner, corner + 9.5], dim=1),
        has_box=torch.full((batch,), "b" in kinds),
        mask_logits=torch.randn(batch, 1, 20, 20, generator=draw) if "m" in kinds else None,
        has_mask=torch.full((batch,), "m" in kinds),
    )


@torch.no_grad()
@pytest.mark.parametrize("kinds", ["p", "b", "m", "pb", "pm", "bm", "pbm"])
def test_each_image_gets_the_packages_own_embeddings(kinds: str) -> None:
    encoder, given = tiny_sam().prompt_encoder, prompts(kinds)
    sparse, dense = encode_prompts_sam(encoder, given, 3)
    for i in range(3):
        one = slice(i, i + 1)
        expected = encoder(
            points=(given.points_xy[one] - 0.5, given.point_labels[one]) if "p" in kinds else None,
            boxes=given.box_xyxy[one] - 0.5 if "b" in kinds else None,
            masks=given.mask_logits[one] if given.mask_logits is not None else None,
        )
        torch.testing.assert_close(sparse[one], expected[0], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(dense[one], expected[1], rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_what_an_image_lacks_is_the_packages_not_a_point() -> None:
    encoder = tiny_sam().prompt_encoder
    given = prompts("pbm").dropped(torch.tensor([True, False, True]))
    sparse, dense = encode_prompts_sam(encoder, given, 3)
    nothing = encoder.not_a_point_embed.weight
    assert torch.equal(sparse[1], nothing.expand(4, -1))
    assert torch.equal(dense[1], encoder(None, None, None)[1][0])
    whole = encode_prompts_sam(encoder, prompts("pbm"), 3)
    assert torch.equal(sparse[0], whole[0][0])
    assert torch.equal(dense[2], whole[1][2])


@torch.no_grad()
def test_prompts_change_the_answer_and_none_is_none() -> None:
    model, image = adapted(tiny_sam()).eval(), pictures(3, SIDE, SIDE)
    plain = model(image)
    for kinds in ("p", "b", "m"):
        assert not torch.allclose(model(image, prompts(kinds)), plain)
    empty = prompts("")
    torch.testing.assert_close(model(image, empty), plain)


@torch.no_grad()
def test_prompts_are_carried_from_the_frame_of_the_image_into_sams() -> None:
    model, seen = adapted(tiny_sam()).eval(), []
    own = model.decode
    model.decode = lambda features, given: seen.append(given) or own(features, given)  # type: ignore[method-assign, func-returns-value]
    given = prompts("pb")
    model(pictures(3, 20, 80), given)  # half as high, twice as wide as SAM's 40 x 40
    factors = torch.tensor([0.5, 2.0])
    torch.testing.assert_close(seen[0].points_xy, given.points_xy * factors)
    torch.testing.assert_close(seen[0].box_xyxy, given.box_xyxy * factors.repeat(2))


def test_batches_are_cut_and_joined() -> None:
    given = prompts("pbm")
    joined = Prompts.cat([given.take(slice(0, 1)), given.take(slice(1, 3))])
    for name, value in vars(given).items():
        assert torch.equal(value, getattr(joined, name)), name


def test_shapes_that_do_not_belong_together_are_refused() -> None:
    good = prompts("p")
    with pytest.raises(ValueError, match=r"expected box_xyxy of shape \(3, 4\), got \(2, 4\)"):
        Prompts(good.points_xy, good.point_labels, good.box_xyxy[:2], good.has_box, None, good.has_mask)


def a_map(*rows: str) -> Tensor:
    """(1, 1, H, W) uint8 from digits."""
    return torch.tensor([[[[int(c) for c in row] for row in rows]]], dtype=torch.uint8)


def listed(found: Prompts, image: int = 0) -> list[tuple[float, float, int]]:
    return [
        (*xy, label)
        for xy, label in zip(found.points_xy[image].tolist(), found.point_labels[image].tolist(), strict=True)
        if label != PADDING
    ]


def test_a_disc_is_its_middle_and_each_component_comes() -> None:
    marks = a_map("0000000", "0111020", "0111000", "0111000", "0000000", "1000000")
    assert listed(prompts_from_marks(marks, "marks_points", 3)) == [(2.5, 2.5, 1), (0.5, 5.5, 1), (5.5, 1.5, 0)]
    assert listed(prompts_from_marks(marks, "marks_points", 1)) == [(2.5, 2.5, 1), (5.5, 1.5, 0)]


def test_a_long_stroke_gives_points_along_it() -> None:
    marks = a_map("000000000", "111111111", "000000000")
    assert listed(prompts_from_marks(marks, "marks_points", 3)) == [(4.5, 1.5, 1), (0.5, 1.5, 1), (8.5, 1.5, 1)]


def test_the_box_of_the_marks_has_the_centres_of_its_corner_pixels() -> None:
    found = prompts_from_marks(a_map("00000", "00100", "01002", "00000"), "marks_box", 3)
    assert found.box_xyxy.tolist() == [[1.5, 1.5, 2.5, 2.5]]
    assert found.has_box.tolist() == [True]


def test_the_teachers_object_gives_its_innermost_pixel_and_one_of_the_background() -> None:
    teacher = a_map("0000000000", "0111000000", "0111000000", "0111000000", "0000000000", "0000000000").float() * 0.9
    found = prompts_from_mask(teacher, "teacher_points", 2)
    points = listed(found)
    assert points[0] == (2.5, 2.5, 1)
    assert points[1][2] == 0
    assert points[1][0] > 5
    assert prompts_from_mask(teacher, "teacher_box", 2).box_xyxy.tolist() == [[1.5, 1.5, 3.5, 3.5]]
    mask = prompts_from_mask(teacher, "teacher_mask", 2)
    assert mask.mask_logits is not None
    torch.testing.assert_close(mask.mask_logits[0, 0, 2, 2], torch.tensor(0.9).logit())
    assert mask.mask_logits.abs().max() < 7


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_map_prompts_nothing(kind: str) -> None:
    make, maps = (prompts_from_marks, a_map("00", "00")) if kind.startswith("marks") else (prompts_from_mask, None)
    found = make(maps if maps is not None else a_map("00", "00").float(), kind, 3)
    assert not listed(found)
    assert not found.has_box.any()
    assert not found.has_mask.any()


def test_an_object_that_fills_the_image_has_no_background_point() -> None:
    assert listed(prompts_from_mask(torch.ones(1, 1, 5, 5), "teacher_points", 3)) == [(2.5, 2.5, 1)]


def test_images_of_a_batch_may_have_different_numbers_of_points() -> None:
    marks = torch.cat([a_map("100", "000", "001"), a_map("000", "020", "000")])
    found = prompts_from_marks(marks, "marks_points", 3)
    assert [len(listed(found, i)) for i in (0, 1)] == [2, 1]


@pytest.mark.parametrize(("flip", "turns"), list(itertools.product(("none", "h", "v"), range(4))))
@pytest.mark.parametrize("kind", ["marks_points", "marks_box", "teacher_points", "teacher_box"])
def test_prompts_move_with_their_map(kind: str, flip: str, turns: int) -> None:
    from_marks = kind.startswith("marks")
    empty, disc = "0" * 9, "011100000"
    maps = a_map(empty, disc, disc, disc, empty, empty, "000000020", empty, empty)
    maps = maps if from_marks else (maps == 1).float()
    make = prompts_from_marks if from_marks else prompts_from_mask
    view = View(flip, turns, 1.0)  # type: ignore[arg-type]
    found = make(view.apply(maps, "nearest"), kind, 1)
    spots = torch.zeros(1, 1, 9, 9)
    own = make(maps, kind, 1)
    corners = [(x, y) for x, y, label in listed(own) if label == 1] or own.box_xyxy.view(-1, 2).tolist()
    for x, y in corners:
        spots[0, 0, int(y), int(x)] = 1
    moved = view.apply(spots, "nearest")[0, 0]
    came = [(x, y) for x, y, label in listed(found) if label == 1] or found.box_xyxy.view(-1, 2).tolist()
    if kind == "marks_box" or kind == "teacher_box":
        rows, columns = moved.nonzero().unbind(1)
        expected = [float(v) + 0.5 for v in (columns.min(), rows.min(), columns.max(), rows.max())]
        assert found.box_xyxy[0].tolist() == expected
    else:
        assert all(moved[int(y), int(x)] == 1 for x, y in came)
