"""Images cut into tiles for training: pixels, labels, groups, marks, and what stays whole."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from scaler.artifacts.splits import DataSet
from scaler.data.images import read_image, read_mask
from scaler.data.tiling import image_of_tile, placed, tile_count
from tests.data.conftest import Folder, Params
from tests.data.prepared import Prepared, prepare

SIDE = 32


@pytest.fixture
def root(folder: Folder) -> Path:
    """As `folder`, with two training images of 80 x 50 pixels (width x height): 3 x 2 tiles."""
    source = folder()
    rng = np.random.default_rng(1)
    for number in (0, 1):
        mask = np.zeros((50, 80), np.uint8)
        mask[20:40, 30 + number : 60] = 255
        cv2.imwrite(str(source / f"images/train_{number}.png"), rng.integers(0, 255, (50, 80, 3), dtype=np.uint8))
        cv2.imwrite(str(source / f"masks/train_{number}.png"), mask)
    return source


def tiles_of(data: DataSet, name: str) -> list[int]:
    return [row for row, id_ in enumerate(data.ids) if image_of_tile(id_) == name]


@pytest.mark.parametrize(("length", "side"), [(10, 32), (32, 32), (33, 32), (64, 32), (65, 32), (1000, 32)])
def test_tiles_cover_an_axis_by_the_fewest(length: int, side: int) -> None:
    tiles = placed(length, side)
    assert len(tiles) == -(-length // side)
    assert {place for begin, end in tiles for place in range(begin, end)} == set(range(length))


def test_tiles_are_the_pixels_of_their_place(root: Path, params: Params) -> None:
    train = prepare(root, params(tiles=SIDE, size=SIDE, supervision="full"), 0).train
    rows = tiles_of(train, "train_1")
    assert [train.ids[row] for row in rows] == [f"train_1/tile_{r}_{c}" for r in range(2) for c in range(3)]
    image, mask = read_image(root / "images/train_1.png"), read_mask(root / "masks/train_1.png")
    last = rows[-1]
    np.testing.assert_array_equal(train.image[last], image[-SIDE:, -SIDE:])
    np.testing.assert_array_equal(train.mask[last], mask[-SIDE:, -SIDE:])
    np.testing.assert_array_equal(train.native_size[last], [SIDE, SIDE])
    assert train.file[last] == ""
    assert train.tile == SIDE
    larger = prepare(root, params(tiles=2 * SIDE, size=SIDE, supervision="full"), 0).train
    assert "train_5" in larger.ids
    assert larger.file[larger.ids.index("train_5")] == "images/train_5.png"
    assert len(tiles_of(larger, "train_1")) == 2


def test_whole_images_are_labelled(root: Path, params: Params) -> None:
    """Whether a fraction is drawn or a list names the images, tiles of one image stay together."""
    (root / "list.txt").write_text("train_0\n", encoding="utf-8")
    for options in ({"labelled_fraction": 0.25}, {"labelled_list": "list.txt"}):
        train = prepare(root, params(tiles=SIDE, size=SIDE, **options), 0).train
        names = {image_of_tile(name) for name in train.ids}
        states = {name: set(train.labelled[tiles_of(train, name)].tolist()) for name in names}
        assert all(len(state) == 1 for state in states.values())
        assert {True} in states.values()
        assert {False} in states.values()
    assert [name for name, state in states.items() if state == {True}] == ["train_0"]


def test_points_have_their_radius_in_tiles(root: Path, params: Params) -> None:
    (root / "marks").mkdir()
    (root / "marks/train_0.csv").write_text("x,y,label\n70,10,1\n10,40,0\n", encoding="utf-8")
    options = {"tiles": SIDE, "size": SIDE, "supervision": "points", "point_radius": 2, "marks": "marks"}
    train = prepare(root, params(**options), 0).train
    marks = train.marks[tiles_of(train, "train_0")]
    top_right = marks[2]
    assert (top_right == 1).sum() == 13  # a disc of radius 2
    assert (marks[3] == 2).sum() == 13


def test_sam_gets_the_pixels_of_the_tile(root: Path, params: Params) -> None:
    prepared = prepare(root, params(tiles=SIDE, size=SIDE, foundation_size=64, supervision="full"), 0)
    assert prepared.train.large is not None
    last = tiles_of(prepared.train, "train_0")[-1]
    np.testing.assert_array_equal(
        prepared.train.large.pixels[last], read_image(root / "images/train_0.png")[-SIDE:, -SIDE:]
    )


def test_broken_images_are_listed_once(root: Path, params: Params) -> None:
    (root / "images/train_2.png").write_bytes(b"")
    (root / "masks/train_3.png").write_bytes(b"")
    prepared: Prepared = prepare(root, params(tiles=SIDE, size=SIDE, skip_broken=True, supervision="full"), 0)
    assert [item.ids for item in prepared.left_out] == [("train_2",), ("train_3",)]
    assert not tiles_of(prepared.train, "train_2")
    assert not prepared.train.labelled[tiles_of(prepared.train, "train_3")].any()
    assert tile_count((50, 80), SIDE) == 6
