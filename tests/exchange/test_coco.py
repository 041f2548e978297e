"""COCO: masks known by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.exchange.conftest import Importer, grid, marks_of, mask_of, picture, write
from tests.exchange.samples import coco

BOX = [1, 1, 4, 1, 4, 3, 1, 3]
BOX_MASK = grid("...... .###.. .###.. ......")


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., Path]:
    picture(tmp_path / "a.png", 6, 4)
    return lambda *annotations, **values: write(tmp_path / "coco.json", coco(*annotations, **values))


def test_a_polygon(source: Callable[..., Path], bring: Importer, summary: Callable[[], str]) -> None:
    out = bring("coco", source({"segmentation": [BOX], "bbox": [1, 1, 3, 2], "area": 6}))
    np.testing.assert_array_equal(mask_of(out), BOX_MASK)
    assert (out / "images/a.png").read_bytes() == (out.parent / "a.png").read_bytes()
    assert "1 images, 1 masks, 0 marks files" in summary()
    assert not (out / "marks").exists()


def test_several_objects_and_parts_are_united(source: Callable[..., Path], bring: Importer) -> None:
    out = bring(
        "coco",
        source({"segmentation": [[0, 0, 2, 0, 2, 1, 0, 1], [4, 3, 6, 3, 6, 4, 4, 4]]}, {"segmentation": [BOX]}),
    )
    np.testing.assert_array_equal(mask_of(out), grid("##.... .###.. .###.. ....##"))


def test_rings_without_area_are_left_out_and_named(
    source: Callable[..., Path], bring: Importer, summary: Callable[[], str]
) -> None:
    out = bring("coco", source({"segmentation": [BOX, [5, 0, 5, 1]]}, {"segmentation": [[0, 3], BOX]}))
    np.testing.assert_array_equal(mask_of(out), BOX_MASK)
    assert "annotation 100, coco.json: annotation 101: polygons of one or two points" in summary()


@pytest.mark.parametrize("segmentation", [BOX, [[[1, 1], [4, 1], [4, 3], [1, 3]]]])
def test_polygons_in_other_lists(segmentation: list[object], source: Callable[..., Path], bring: Importer) -> None:
    np.testing.assert_array_equal(mask_of(bring("coco", source({"segmentation": segmentation}))), BOX_MASK)


def test_run_lengths_go_down_the_columns(source: Callable[..., Path], bring: Importer) -> None:
    rle = {"size": [4, 6], "counts": [5, 2, 2, 2, 13]}
    out = bring("coco", source({"segmentation": rle, "iscrowd": 1}))
    np.testing.assert_array_equal(mask_of(out), grid("...... .##... .##... ......"))


def test_compressed_run_lengths(tmp_path: Path, bring: Importer) -> None:
    picture(tmp_path / "a.png", 4, 4)
    eye = {"size": [4, 4], "counts": "01400000"}  # 0 1 4 1 4 1 4 1, each as the difference to the last but one
    out = bring("coco", write(tmp_path / "coco.json", coco({"segmentation": eye}, width=4)))
    np.testing.assert_array_equal(mask_of(out), np.eye(4))


def test_an_image_with_a_crowd_left_out_is_unlabelled(
    source: Callable[..., Path], bring: Importer, summary: Callable[[], str]
) -> None:
    crowd = {"segmentation": {"size": [4, 6], "counts": [0, 24]}, "iscrowd": 1}
    out = bring("coco", source({"segmentation": [BOX]}, crowd), crowds=False, empty_is_background=True)
    assert not (out / "masks").exists()
    assert "1 crowd regions (--without-crowds) that are not read" in summary()


def test_categories_are_filtered(source: Callable[..., Path], bring: Importer) -> None:
    whole = {"segmentation": {"size": [4, 6], "counts": [0, 24]}, "category_id": 7}
    path = source({"segmentation": [BOX]}, whole)
    np.testing.assert_array_equal(mask_of(bring("coco", path, categories=("polyp",))), BOX_MASK)
    assert mask_of(bring("coco", path, categories=("person",), overwrite=True)).all()


def test_keypoints_become_marks(source: Callable[..., Path], bring: Importer) -> None:
    seen, hidden = [1.5, 0.5, 2, 4.2, 2.9, 1], [1.5, 0.5, 0, 0, 0, 0]
    person = {"category_id": 7, "num_keypoints": 2}
    path = source({**person, "keypoints": seen}, {**person, "keypoints": hidden})
    out = bring("coco", path, background=("floor",), mark_width=1)
    np.testing.assert_array_equal(marks_of(out), grid(".1.... ...... ....2. ......"))
    assert not (out / "masks").exists()


def test_boxes_are_no_masks_without_an_option(source: Callable[..., Path], bring: Importer) -> None:
    out = bring("coco", source({"segmentation": [], "bbox": [1, 1, 3, 2]}), boxes=True)
    np.testing.assert_array_equal(mask_of(out), BOX_MASK)


def test_numbers_that_a_table_program_wrote(source: Callable[..., Path], tmp_path: Path, bring: Importer) -> None:
    root = coco({"segmentation": [[1, 1, 4, 1, 4, 3, 1, 3]], "image_id": 42.0, "category_id": 1.0})
    root["images"][0]["id"] = 42.0
    root["categories"] = [{"id": 1.0, "name": "polyp"}]
    picture(tmp_path / "a.png", 6, 4)
    out = bring("coco", write(tmp_path / "x.json", root), categories=("polyp",))
    np.testing.assert_array_equal(mask_of(out), grid("...... .###.. .###.. ......"))
