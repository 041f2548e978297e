"""CVAT, YOLO and plain masks: known by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scaler.errors import ScalerError
from tests.exchange.conftest import Importer, grid, marks_of, mask_of, picture, write
from tests.exchange.samples import CVAT_BRUSH, cvat

SHAPES = {
    "polygon": ('points="1.00,1.00;4.00,1.00;4.00,3.00;1.00,3.00"', "...... .###.. .###.. ......"),
    "box": ('xtl="1.00" ytl="1.00" xbr="4.00" ybr="3.00"', "...... .###.. .###.. ......"),
    "box ": ('xtl="1.00" ytl="1.00" xbr="5.00" ybr="3.00" rotation="90.00"', "..##.. ..##.. ..##.. ..##.."),
    "ellipse": ('cx="3.0" cy="2.0" rx="2.6" ry="0.9"', "...... .####. .####. ......"),
    "mask": ('rle="1, 1, 1, 3" left="2" top="1" width="3" height="2"', "...... ...#.. ..###. ......"),
}


@pytest.mark.parametrize("kind", SHAPES)
def test_cvat_areas(kind: str, tmp_path: Path, bring: Importer) -> None:
    picture(tmp_path / "images/a.png", 6, 4)
    attributes, expected = SHAPES[kind]
    write(
        tmp_path / "annotations.xml",
        cvat(f'<{kind} label="polyp" occluded="0" z_order="0" {attributes}></{kind.strip()}>'),
    )
    np.testing.assert_array_equal(mask_of(bring("cvat", tmp_path)), grid(expected))


def test_cvat_own_brush(tmp_path: Path, bring: Importer) -> None:
    picture(tmp_path / "a.png", 130, 350)
    mask = mask_of(bring("cvat", write(tmp_path / "x.xml", cvat(CVAT_BRUSH, 130, 350))))
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (304, 343, 79, 118)
    assert mask[304].nonzero()[0].tolist() == list(range(79 + 17, 79 + 27))
    assert mask[324, 79:119].all()  # a disc is full in its middle: along rows, not down columns
    assert mask.sum() == sum(int(v) for v in CVAT_BRUSH.split('"')[7].split(",")[1::2])


def test_cvat_points_and_lines(tmp_path: Path, bring: Importer, summary: Callable[[], str]) -> None:
    picture(tmp_path / "a.png", 6, 4)
    shapes = """
    <points label="polyp" points="0.50,0.50;2.50,1.50"></points>
    <polyline label="wall" points="3.50,3.50;5.50,3.50"></polyline>
    <polyline label="wall" outside="1" points="0.50,0.50;5.50,3.50"></polyline>
    <tag label="polyp" source="manual"></tag>"""
    out = bring("cvat", write(tmp_path / "x.xml", cvat(shapes)), background=("wall",), mark_width=1)
    np.testing.assert_array_equal(marks_of(out), grid("1..... ..1... ...... ...222"))
    assert "1 shapes that are outside their image left out" in summary()


YOLO_LINE = "1 0.25 0.25 0.75 0.25 0.75 0.75 0.25 0.75\n"


def yolo(folder: Path, text: str, names: str = "names:\n  0: wall\n  1: polyp\n") -> Path:
    picture(folder / "images/train/a.png", 8, 4)
    write(folder / "labels/train/a.txt", text)
    write(folder / "data.yaml", f"path: /somewhere/else\ntrain: images/train\n{names}")
    return folder


def test_yolo(tmp_path: Path, bring: Importer) -> None:
    folder = yolo(tmp_path / "set", YOLO_LINE)
    picture(folder / "images/train/b.png", 8, 4)
    picture(folder / "images/train/c.png", 8, 4)
    write(folder / "labels/train/b.txt", "")
    out = bring("yolo", folder / "data.yaml", categories=("polyp",), empty_is_background=True)
    np.testing.assert_array_equal(mask_of(out, "train/a"), grid("........ ..####.. ..####.. ........"))
    assert not mask_of(out, "train/b").any()
    assert not (out / "masks/train/c.png").exists()
    assert (out / "images/train/c.png").exists()


def test_yolo_boxes_with_an_option(tmp_path: Path, bring: Importer) -> None:
    out = bring("yolo", yolo(tmp_path / "set", "0 0.5 0.5 0.5 0.5\n"), boxes=True)
    np.testing.assert_array_equal(mask_of(out, "train/a"), grid("........ ..####.. ..####.. ........"))


def index_mask(path: Path, values: str) -> None:
    image = Image.fromarray(grid(values)).convert("P")
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def test_masks_by_value_and_by_colour(tmp_path: Path, bring: Importer) -> None:
    picture(tmp_path / "photos/a.jpg", 3, 2)
    picture(tmp_path / "photos/b.jpg", 3, 2)
    index_mask(tmp_path / "gt/a_gt.png", "012 330")
    index_mask(tmp_path / "gt/b_gt.png", "000 010")
    options = {"images": tmp_path / "photos", "mask_suffix": "_gt"}
    out = bring("masks", tmp_path / "gt", values=(2, 3), **options)
    np.testing.assert_array_equal(mask_of(out), grid("..# ##."))
    assert not mask_of(out, "b").any()  # a full map without the value: background all over
    out = bring("masks", tmp_path / "gt", colours=((255, 0, 0), (0, 255, 0)), overwrite=True, **options)
    np.testing.assert_array_equal(mask_of(out), grid(".## ..."))
    np.testing.assert_array_equal(mask_of(out, "b"), grid("... .#."))


def test_images_and_texts_in_one_folder(tmp_path: Path, bring: Importer) -> None:
    """Darknet's layout, which CVAT exports too: lists of images and of names are no annotations."""
    folder = tmp_path / "set"
    for name in ("a", "b"):
        picture(folder / f"obj_train_data/{name}.JPG", 8, 4)
    write(folder / "obj_train_data/a.txt", YOLO_LINE)
    write(folder / "obj.names", "wall\npolyp\n")
    write(folder / "train.txt", "data/obj_train_data/a.JPG\ndata/obj_train_data/b.JPG\n")
    write(folder / "obj.data", "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\n")
    for source in (folder, folder / "obj.data"):
        out = bring("yolo", source, categories=("polyp",), overwrite=True)
        np.testing.assert_array_equal(mask_of(out, "obj_train_data/a"), grid("........ ..####.. ..####.. ........"))
        assert (out / "images/obj_train_data/b.JPG").is_file()
        assert not (out / "masks/obj_train_data/b.png").exists()


def test_a_text_without_its_image_is_named(tmp_path: Path, bring: Importer) -> None:
    picture(tmp_path / "set/a.png", 8, 4)
    write(tmp_path / "set/a.txt", YOLO_LINE)
    write(tmp_path / "set/lost.txt", YOLO_LINE)
    with pytest.raises(ScalerError, match=r"lost\.txt"):
        bring("yolo", tmp_path / "set")


def test_poses_are_no_outlines(tmp_path: Path, bring: Importer) -> None:
    folder = yolo(tmp_path / "set", "0 0.5 0.5 0.5 0.5 0.1 0.1 2 0.9 0.9 2\n", "kpt_shape: [2, 3]\nnames: [wall]\n")
    with pytest.raises(ScalerError, match="kpt_shape"):
        bring("yolo", folder)


def test_names_by_numbers_that_are_text(tmp_path: Path, bring: Importer) -> None:
    folder = yolo(tmp_path / "set", YOLO_LINE, 'names: {"0": wall, "1": polyp}\n')
    out = bring("yolo", folder, categories=("polyp",))
    assert mask_of(out, "train/a").any()
