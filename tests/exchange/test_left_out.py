"""One rule for all importers: an object that was not read never becomes background."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scaler.errors import ScalerError
from tests.exchange.conftest import Importer, grid, marks_of, mask_of, picture, write
from tests.exchange.samples import coco, cvat, label_studio, labelme

BOX_MASK = grid("...... .###.. .###.. ......")
CORNERS = [[1, 1], [4, 1], [4, 3], [1, 3]]
PERCENT = [[x * 100 / 6, y * 100 / 4] for x, y in CORNERS]
POLYGON = {"type": "polygonlabels", "value": {"points": PERCENT, "polygonlabels": ["polyp"]}}
CVAT_POLYGON = '<polygon label="polyp" points="1,1;4,1;4,3;1,3" z_order="0"/>'
LABELME = {"label": "polyp", "shape_type": "polygon", "points": CORNERS}
COCO = {"segmentation": [[1, 1, 4, 1, 4, 3, 1, 3]]}


def vector(label: str) -> dict[str, Any]:
    return {"type": "vector", "value": {"vector": [label]}}


def lines(label: str) -> dict[str, Any]:
    """Polygons of one point and of one number."""
    return {"type": "polygonlabels", "value": {"points": [[1, 1]], "polygonlabels": [label]}}


# for each format: a good object of a polyp beside others of a label: of a kind that is not read, and two broken ones
IDS = {"polyp": 1, "person": 7}
UNREAD: dict[str, Callable[[str], Any]] = {
    "coco": lambda label: coco(COCO, COCO | {"iscrowd": 1, "category_id": IDS[label]}),
    "labelme": lambda label: labelme(LABELME, {"label": label, "shape_type": "cuboid", "points": [[1, 1]]}),
    "cvat": lambda label: cvat(CVAT_POLYGON + f'<skeleton label="{label}"/>'),
    "label-studio": lambda label: label_studio(POLYGON, vector(label)),
}
BROKEN: dict[str, Callable[[str], Any]] = {
    "coco": lambda label: coco(
        COCO,
        {"segmentation": [[1, 1, 4, 1]], "category_id": IDS[label]},
        {"segmentation": {"size": [4, 6], "counts": [3]}, "category_id": IDS[label]},
    ),
    "labelme": lambda label: labelme(LABELME, {"label": label, "points": [[1, 1]]}, {"label": label, "points": 3}),
    "cvat": lambda label: cvat(CVAT_POLYGON + f'<polygon label="{label}" points="1,1;4,1"/><box label="{label}"/>'),
    "label-studio": lambda label: label_studio(POLYGON, lines(label), lines(label) | {"image_rotation": 90}),
}


@pytest.fixture
def source(tmp_path: Path) -> Callable[[str, Any], Path]:
    picture(tmp_path / "in/a.png", 6, 4)
    return lambda kind, content: write(tmp_path / f"in/x.{'xml' if kind == 'cvat' else 'json'}", content)


@pytest.mark.parametrize("kind", UNREAD)
def test_a_kind_that_is_not_read(
    kind: str, source: Callable[[str, Any], Path], bring: Importer, summary: Callable[[], str]
) -> None:
    out = bring(kind, source(kind, UNREAD[kind]("polyp")), empty_is_background=True, crowds=False)
    assert (out / "images/a.png").is_file()
    assert not (out / "masks").exists()
    assert "1 images left unlabelled because of shapes that are not read" in summary()
    out = bring(kind, source(kind, UNREAD[kind]("person")), categories=("polyp",), crowds=False)
    np.testing.assert_array_equal(mask_of(out), BOX_MASK)


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_shapes_are_reported_together_or_skipped(
    kind: str, source: Callable[[str, Any], Path], bring: Importer, summary: Callable[[], str], tmp_path: Path
) -> None:
    path = source(kind, BROKEN[kind]("polyp"))
    with pytest.raises(ScalerError) as raised:
        bring(kind, path)
    assert len(raised.value.faults) == 2
    assert not list((tmp_path / "out").iterdir())
    out = bring(kind, path, skip_broken=True, empty_is_background=True)
    assert (out / "images/a.png").is_file()
    assert not (out / "masks").exists()
    assert "2 broken entries left out, and with them the labels of 1 images" in summary()
    with (out / "import_broken.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["images"] for row in rows] == ["a", "a"]
    assert all(row["entry"].startswith("x.") and row["reason"] for row in rows)


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_wrong_with_other_categories_does_not_matter(
    kind: str, source: Callable[[str, Any], Path], bring: Importer
) -> None:
    out = bring(kind, source(kind, BROKEN[kind]("person")), categories=("polyp",))
    np.testing.assert_array_equal(mask_of(out), BOX_MASK)


def test_nor_do_their_entries_in_coco(source: Callable[[str, Any], Path], bring: Importer) -> None:
    root = coco(COCO, {"segmentation": 3, "category_id": 9}, {"segmentation": 3, "category_id": 10})
    root = root | {"categories": [*root["categories"], {"id": 9}]}
    out = bring("coco", source("coco", root), categories=("polyp",))
    np.testing.assert_array_equal(mask_of(out), BOX_MASK)


@pytest.mark.parametrize("kind", ["coco", "cvat"])
def test_other_categories_only_is_not_empty(kind: str, source: Callable[[str, Any], Path], bring: Importer) -> None:
    content = coco(COCO | {"category_id": 7}) if kind == "coco" else cvat(CVAT_POLYGON.replace("polyp", "wall"))
    out = bring(kind, source(kind, content), categories=("polyp",), empty_is_background=True)
    assert not (out / "masks").exists()


@pytest.mark.parametrize("key", ["42", None, [42]])
def test_an_annotation_of_an_unclear_image_is_of_none_that_is_empty(
    key: object, source: Callable[[str, Any], Path], bring: Importer
) -> None:
    path = source("coco", coco(COCO | {"image_id": key}))
    out = bring("coco", path, skip_broken=True, empty_is_background=True)
    assert not (out / "masks").exists()


TINY = {"segmentation": [[1.1, 1.1, 1.3, 1.1, 1.3, 1.3]]}


@pytest.mark.parametrize("shape", [TINY, TINY | {"keypoints": [5, 3, 2]}, {"keypoints": [5, 3, 0]}])
def test_an_object_without_a_pixel_is_not_background(
    shape: dict[str, Any], source: Callable[[str, Any], Path], bring: Importer
) -> None:
    out = bring("coco", source("coco", coco(shape)), empty_is_background=True, mark_width=1)
    assert not (out / "masks").exists()


HOLE = {"label": "_background_", "points": [[2, 0], [3, 0], [3, 4], [2, 4]]}
UNKNOWN = {"label": "__ignore__", "points": [[3, 0], [6, 0], [6, 4], [3, 4]]}


def test_background_cuts_what_was_drawn_before(source: Callable[[str, Any], Path], bring: Importer) -> None:
    out = bring("labelme", source("labelme", labelme(LABELME, HOLE)))
    np.testing.assert_array_equal(mask_of(out), grid("...... .#.#.. .#.#.. ......"))
    out = bring("labelme", source("labelme", labelme(HOLE, LABELME)), overwrite=True)
    np.testing.assert_array_equal(mask_of(out), BOX_MASK)
    shapes = CVAT_POLYGON + '<box label="wall" xtl="2" ytl="0" xbr="3" ybr="4" z_order="-1"/>'
    out = bring("cvat", source("cvat", cvat(shapes)), background=("wall",), overwrite=True)
    np.testing.assert_array_equal(mask_of(out), BOX_MASK)  # drawn last in the file, but below
    out = bring("cvat", source("cvat", cvat(shapes.replace("-1", "1"))), background=("wall",), overwrite=True)
    np.testing.assert_array_equal(mask_of(out), grid("...... .#.#.. .#.#.. ......"))


def test_ignored_regions_are_unknown(source: Callable[[str, Any], Path], bring: Importer) -> None:
    path = source("labelme", labelme(LABELME, UNKNOWN))
    with pytest.raises(ScalerError, match="leaves its pixels unknown"):
        bring("labelme", path, categories=("polyp",))
    out = bring("labelme", path, as_marks=True)
    np.testing.assert_array_equal(marks_of(out), grid("...... .11... .11... ......"))
    out = bring("labelme", path, background=("__ignore__",))
    np.testing.assert_array_equal(mask_of(out), grid("...... .##... .##... ......"))
