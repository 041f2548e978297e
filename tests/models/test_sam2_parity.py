"""scaler.models.sam2 gives what Meta's own predictor gives, with the same weights under Meta's keys."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from scaler.models.foundation import build_foundation
from scaler.models.prompts import Prompts
from tests.models.sam2_oracle import ours, predictor, weights
from tests.models.test_prompts import without
from tests.tiny_sam import sam_params

Values = dict[str, NDArray[np.float32]]
SIDE = 96
POINTS = np.array([[10, 20], [70, 33], [50, 90]], np.float32)
LABELS = np.array([1, 0, 1], np.int64)
BOX = np.array([12, 8, 80, 61], np.float32)
MASK = np.random.default_rng(3).normal(0, 3, (1, SIDE // 4, SIDE // 4)).astype(np.float32)


def photos(count: int, side: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (count, side, side, 3), np.uint8)


def tensor(images: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255


@torch.no_grad()
def low_resolution(side: int, images: NDArray[np.uint8], prompts: Prompts | None = None) -> Tensor:
    model = ours(side)
    return model.decode(model.encode((tensor(images) * 255 - model.pixel_mean) / model.pixel_std), prompts)


def official(side: int, images: NDArray[np.uint8], **prompts: NDArray[np.generic]) -> Tensor:
    """Meta's low-resolution logits (B, 1, side/4, side/4), each image set and prompted alone."""
    one_by_one, judge = [], predictor(side)
    for image in images:
        judge.set_image(image)
        one_by_one.append(torch.from_numpy(judge.predict(multimask_output=False, **prompts)[2]))
    out = torch.stack(one_by_one)
    assert out.std() > 0.05  # not degenerate
    assert out.abs().max() < 32  # not clamped
    return out


def prompted(batch: int, points: bool = False, box: bool = False, mask: bool = False) -> Prompts:
    """The constants above for each image, in continuous coordinates."""
    count = len(POINTS) if points else 0
    return Prompts(
        torch.from_numpy(POINTS[:count] + 0.5).expand(batch, -1, -1),
        torch.from_numpy(LABELS[:count]).expand(batch, -1),
        torch.from_numpy(BOX + 0.5).expand(batch, -1) if box else None,
        torch.full((batch,), box),
        torch.from_numpy(MASK).expand(batch, -1, -1, -1) if mask else None,
        torch.full((batch,), mask),
    )


@pytest.mark.parametrize("side", [32, 96, 160])
def test_each_image_of_a_batch_without_prompts(side: int) -> None:
    images = photos(3, side)
    torch.testing.assert_close(low_resolution(side, images), official(side, images), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_at_the_side_that_sam2_was_trained_at() -> None:
    images = photos(1, 1024)
    torch.testing.assert_close(low_resolution(1024, images), official(1024, images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "kinds", [("points",), ("box",), ("mask",), ("points", "box"), ("points", "box", "mask")], ids="+".join
)
def test_prompts(kinds: tuple[str, ...]) -> None:
    images = photos(2, SIDE)
    values: Values = {}
    if "points" in kinds:
        values |= {"point_coords": POINTS, "point_labels": LABELS}
    if "box" in kinds:
        values["box"] = BOX
    if "mask" in kinds:
        values["mask_input"] = MASK
    expected = official(SIDE, images, **values)
    came = low_resolution(SIDE, images, prompted(len(images), **dict.fromkeys(kinds, True)))
    torch.testing.assert_close(came, expected, rtol=1e-4, atol=1e-4)
    assert (came - low_resolution(SIDE, images)).abs().max() > 0.01  # the prompts say something


def test_a_box_and_a_mask_belong_to_their_own_image() -> None:
    images = photos(2, SIDE)
    both = prompted(2, box=True, mask=True)
    only_second = without(both, torch.tensor([False, True]))
    came = low_resolution(SIDE, images, only_second)
    expected = official(SIDE, images[1:], box=BOX, mask_input=MASK)
    torch.testing.assert_close(came[1:], expected, rtol=1e-4, atol=1e-4)
    padding = np.array([[0, 0], [0, 0]], np.float32)  # what the first image has in the places of the box
    lacking = official(SIDE, images[:1], point_coords=padding, point_labels=np.array([-1, -1]))
    torch.testing.assert_close(came[:1], lacking, rtol=1e-4, atol=1e-4)


def test_mask_token_0_even_where_the_predictor_would_take_another() -> None:
    images, judge = photos(1, SIDE), predictor(SIDE)
    decoder = judge.model.sam_mask_decoder
    usual = decoder.dynamic_multimask_stability_thresh
    decoder.dynamic_multimask_via_stability, decoder.dynamic_multimask_stability_thresh = True, 1.1  # none is so stable
    try:
        other = official(SIDE, images)
    finally:
        decoder.dynamic_multimask_via_stability, decoder.dynamic_multimask_stability_thresh = False, usual
    came = low_resolution(SIDE, images)
    assert (came - other).abs().max() > 0.01
    torch.testing.assert_close(came, official(SIDE, images), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_a_whole_run_from_metas_file(tmp_path: Path) -> None:
    """File, foundation, forward pass: the predictor's logits, brought to the image's size."""
    path = tmp_path / "sam2.1_hiera_tiny.pt"
    torch.save({"model": weights()}, path)
    model = build_foundation(sam_params(model="sam2.1_tiny", weights=str(path), size=SIDE)).eval()
    images = photos(1, SIDE)
    expected = torch.nn.functional.interpolate(official(SIDE, images), (SIDE, SIDE), mode="bilinear")
    torch.testing.assert_close(model(tensor(images)), expected, rtol=1e-4, atol=1e-4)
