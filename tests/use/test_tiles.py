"""Tiles: where they lie, how they are blended, what is held in memory."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from scaler.use.tiles import TOP, blending, overlapping, tile_side, tiled


@pytest.mark.parametrize(("length", "side"), [(10, 64), (64, 64), (65, 64), (117, 64), (1000, 64), (12000, 2048)])
def test_tiles_cover_an_axis_and_their_weights_sum_to_one(length: int, side: int) -> None:
    tiles = overlapping(length, side)
    assert (tiles[0][0], tiles[-1][1]) == (0, length)
    assert all(end - begin == min(side, length) for begin, end in tiles)
    assert all(before[1] - after[0] >= side // 4 for before, after in pairwise(tiles))
    total = np.zeros(length)
    for (begin, end), weights in zip(tiles, blending(tiles, length), strict=True):
        assert (weights > 0).all()
        total[begin:end] += weights
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_what_is_tiled() -> None:
    assert tile_side((6000, 8192, 3), None) is None
    assert tile_side((100, 8193, 3), None) == 2048
    assert tile_side((12000, 12000, 3), 0) is None
    assert tile_side((300, 200, 3), 256) == 256
    assert tile_side((256, 256, 3), 256) is None


def test_tiles_that_agree_give_their_map_without_seams() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (333, 517, 3), dtype=np.uint8)
    seen = []

    def brightness(tiles: list[np.ndarray]) -> np.ndarray:
        seen.append(len(tiles))
        return np.stack([tile[..., 0].astype(np.float32) / 255 for tile in tiles])

    result = tiled(image, 128, brightness, 3)
    assert np.abs(result / TOP - image[..., 0] / 255).max() <= 2 / TOP
    assert max(seen) == 3


def test_seams_are_ramps() -> None:
    image = np.zeros((64, 112, 3), np.uint8)
    answers = iter([0.0, 1.0])
    result = tiled(image, 64, lambda tiles: np.stack([np.full((8, 8), next(answers), np.float32) for _ in tiles]), 1)
    row = result[30].astype(int)
    assert (row[:48] == 0).all()
    assert (row[64:] == TOP).all()
    steps = np.diff(row[47:65])
    assert (steps > 0).all()
    assert steps.max() < TOP / 10
