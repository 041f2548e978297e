"""The pictures of all pages."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from scaler.pages.pictures import BLUE, ORANGE, disagreement, label, outline, outlines, photograph, thumbnail


def decode(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGBA"))


def test_pictures_show_what_they_are_given() -> None:
    ramp = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1))
    np.testing.assert_array_equal(decode(label(ramp))[..., 0], ramp)
    assert np.abs(decode(label(ramp, levels=16))[..., 0].astype(int) - ramp).max() <= 9
    first, sam = (np.zeros((8, 8), np.uint8) for _ in range(2))
    first[:, :5] = 200
    sam[:, 3:] = 200
    shown = decode(disagreement(first, sam))
    assert tuple(shown[0, 0, :3]) == BLUE
    assert tuple(shown[0, 7, :3]) == ORANGE
    assert shown[0, 3, 0] > 200
    over = decode(outlines(first, sam, None))
    assert tuple(over[4, 4]) == (*BLUE, 255)
    assert tuple(over[4, 3]) == (*ORANGE, 255)
    assert over[4, 0, 3] < 255  # inside, the photograph shows through
    image = np.random.default_rng(0).integers(0, 256, (300, 200, 3), dtype=np.uint8)
    assert decode(photograph(image)).shape == (128, 85, 4)


def test_an_outline_is_the_rim_of_the_object() -> None:
    inside = np.zeros((7, 7), bool)
    inside[2:5, 2:5] = True
    rim = outline(inside)
    assert rim.sum() == 8
    assert not rim[3, 3]


def test_a_thumbnail_has_the_outline_and_the_marks() -> None:
    image, mask, marks = (
        np.zeros((128, 128, 3), np.uint8),
        np.zeros((128, 128), np.uint8),
        np.zeros((128, 128), np.uint8),
    )
    mask[:, 32:96], marks[8:24, :16], marks[64:80, 48:64] = 1, 2, 1
    shown = decode(thumbnail(image, mask, marks))[..., :3].astype(int)
    for place, colour in (((16, 8), BLUE), ((72, 56), ORANGE)):
        assert np.abs(shown[place] - colour).max() < 40
    assert shown[100, 32].min() > 150  # a line of one pixel, after JPEG
    assert shown[100, 64].max() < 40
