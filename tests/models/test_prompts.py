"""scaler.models.prompts and scaler.training.prompting: the package's embeddings, and prompts found by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from scaler.models.prompts import PADDING, Prompts, encode_prompts_sam
from scaler.training.prompting import prompts_from_marks, prompts_from_mask
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
        box_xyxy=torch.cat([corner, corner + 9.5], dim=1) if "b" in kinds else None,
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
            boxes=given.box_xyxy[one] - 0.5 if given.box_xyxy is not None else None,
            masks=given.mask_logits[one] if given.mask_logits is not None else None,
        )
        torch.testing.assert_close(sparse[one], expected[0], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(dense[one], expected[1], rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_what_an_image_lacks_is_the_packages_not_a_point() -> None:
    encoder = tiny_sam().prompt_encoder
    given = without(prompts("pbm"), torch.tensor([True, False, True]))
    sparse, dense = encode_prompts_sam(encoder, given, 3)
    nothing = encoder.not_a_point_embed.weight
    assert torch.equal(sparse[1], nothing.expand(4, -1))
    assert torch.equal(dense[1], encoder(None, None, None)[1][0])
    whole = encode_prompts_sam(encoder, prompts("pbm"), 3)
    assert torch.equal(sparse[0], whole[0][0])
    assert torch.equal(dense[2], whole[1][2])


@torch.no_grad()
@pytest.mark.parametrize("kinds", ["p", "b", "m", "pbm"])
def test_a_batch_may_be_cut_anywhere(kinds: str) -> None:
    model, image = adapted(tiny_sam()).eval(), pictures(3, SIDE, SIDE)
    given = without(prompts(kinds), torch.tensor([True, False, True]))
    alone = torch.cat([model(image[i : i + 1], given.select(slice(i, i + 1))) for i in range(3)])
    torch.testing.assert_close(model(image, given), alone, rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_what_an_image_is_given_does_not_hang_on_its_batch(kind: str) -> None:
    encoder = tiny_sam().prompt_encoder
    maps = torch.cat([a_map("1000", "0010", "0000", "2002"), a_map("0000", "0020", "0000", "0000")])
    make, maps = (prompts_from_marks, maps) if kind.startswith("marks") else (prompts_from_mask, (maps == 1).float())
    sparse, dense = encode_prompts_sam(encoder, make(maps, kind, 3), 2)
    for i in range(2):
        one = encode_prompts_sam(encoder, make(maps[i : i + 1], kind, 3), 1)
        torch.testing.assert_close((sparse[i], dense[i]), (one[0][0], one[1][0]), rtol=1e-5, atol=1e-6)


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
    assert given.box_xyxy is not None
    torch.testing.assert_close(seen[0].box_xyxy, given.box_xyxy * factors.repeat(2))


def test_batches_are_cut_and_joined() -> None:
    given = prompts("pbm")
    joined = Prompts.cat([given.select(slice(0, 1)), given.select(slice(1, 3))])
    for name, value in vars(given).items():
        assert torch.equal(value, getattr(joined, name)), name


def test_shapes_that_do_not_belong_together_are_refused() -> None:
    good = prompts("p")
    with pytest.raises(ValueError, match=r"expected box_xyxy of shape \(3, 4\), got \(2, 4\)"):
        Prompts(good.points_xy, good.point_labels, torch.zeros(2, 4), good.has_box, None, good.has_mask)
    with pytest.raises(ValueError, match="as many points"):
        Prompts.cat([good, prompts("")])
    with pytest.raises(ValueError, match="or none has"):
        Prompts.cat([prompts("b"), prompts("")])


def test_kinds_shapes_and_numbers_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="expected one of marks_points, marks_box, got teacher_box"):
        prompts_from_marks(a_map("01"), "teacher_box", 3)
    with pytest.raises(ValueError, match=r"expected maps \(B, 1, H, W\), got \(1, 1, 2\)"):
        prompts_from_mask(a_map("01").float()[0], "teacher_box", 3)
    with pytest.raises(ValueError, match="at least 1 point, got 0"):
        prompts_from_marks(a_map("01"), "marks_points", 0)


def without(given: Prompts, keep: Tensor) -> Prompts:
    """The same prompts, but none for the images where `keep` (B,) is False."""
    labels = torch.where(keep.unsqueeze(1), given.point_labels, PADDING)
    return replace(given, point_labels=labels, has_box=given.has_box & keep, has_mask=given.has_mask & keep)


def a_map(*rows: str) -> Tensor:
    """(1, 1, H, W) uint8 from digits."""
    return torch.tensor([[[[int(c) for c in row] for row in rows]]], dtype=torch.uint8)


def listed(found: Prompts, image: int = 0) -> list[tuple[float, float, int]]:
    return [
        (*xy, label)
        for xy, label in zip(found.points_xy[image].tolist(), found.point_labels[image].tolist(), strict=True)
        if label != PADDING
    ]


def boxes(found: Prompts) -> list[list[float]]:
    assert found.box_xyxy is not None
    return found.box_xyxy.tolist()


def test_a_disc_is_its_middle_and_each_component_comes() -> None:
    marks = a_map("0000000", "0111020", "0111000", "0111000", "0000000", "1000000")
    assert listed(prompts_from_marks(marks, "marks_points", 3)) == [(2.5, 2.5, 1), (0.5, 5.5, 1), (5.5, 1.5, 0)]
    assert listed(prompts_from_marks(marks, "marks_points", 1)) == [(2.5, 2.5, 1), (5.5, 1.5, 0)]


@pytest.mark.parametrize("radius", range(9))
def test_a_disc_of_any_size_is_one_point(radius: int) -> None:
    away = torch.arange(31) - 15
    disc = (away.square().unsqueeze(1) + away.square() <= radius**2).to(torch.uint8)
    assert listed(prompts_from_marks(disc.view(1, 1, 31, 31), "marks_points", 5)) == [(15.5, 15.5, 1)]


@pytest.mark.parametrize("radius", [2, 3, 5, 8])
def test_a_disc_that_was_cut_in_half_is_one_point(radius: int) -> None:
    away = torch.arange(31) - 15
    disc = (away.square().unsqueeze(1) + away.square() <= radius**2) & (away >= 0)
    assert len(listed(prompts_from_marks(disc.to(torch.uint8).view(1, 1, 31, 31), "marks_points", 5))) == 1


def test_what_a_disc_does_not_need_goes_to_the_stroke() -> None:
    marks = a_map("11111111111", "00000000000", "10000000000")
    points = listed(prompts_from_marks(marks, "marks_points", 4))
    assert sorted(points) == [(0.5, 0.5, 1), (0.5, 2.5, 1), (5.5, 0.5, 1), (10.5, 0.5, 1)]


def test_among_equally_deep_pixels_the_teachers_surest_is_taken() -> None:
    p = torch.full((1, 1, 5, 9), 0.1)
    p[..., 1:4, 1:5] = 0.8  # columns 2 and 3 of row 2 are equally deep
    p[..., 2, 3] = 0.9
    p[..., 2, 7] = 0.01  # as deep as the pixels above and below it
    assert listed(prompts_from_mask(p, "teacher_points", 1)) == [(3.5, 2.5, 1), (7.5, 2.5, 0)]


def test_a_long_stroke_gives_points_along_it() -> None:
    marks = a_map("000000000", "111111111", "000000000")
    assert listed(prompts_from_marks(marks, "marks_points", 3)) == [(4.5, 1.5, 1), (0.5, 1.5, 1), (8.5, 1.5, 1)]


def test_the_box_of_the_marks_has_the_centres_of_its_corner_pixels() -> None:
    found = prompts_from_marks(a_map("00000", "00100", "01002", "00000"), "marks_box", 3)
    assert boxes(found) == [[1.5, 1.5, 2.5, 2.5]]
    assert found.has_box.tolist() == [True]


def test_the_teachers_object_gives_its_innermost_pixel_and_one_of_the_background() -> None:
    teacher = a_map("0000000000", "0111000000", "0111000000", "0111000000", "0000000000", "0000000000").float() * 0.9
    found = prompts_from_mask(teacher, "teacher_points", 2)
    points = listed(found)
    assert points[0] == (2.5, 2.5, 1)
    assert points[1][2] == 0
    assert points[1][0] > 5
    assert boxes(prompts_from_mask(teacher, "teacher_box", 2)) == [[1.5, 1.5, 3.5, 3.5]]
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
