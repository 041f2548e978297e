"""Labelme: masks known by hand."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.exchange.conftest import Importer, grid, marks_of, mask_of, picture, write
from tests.exchange.samples import labelme


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    picture(tmp_path / "photos/a.png", 6, 4)
    return tmp_path / "photos"


def encoded(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


PATCH = encoded(Image.fromarray(grid("#.# ###").astype(bool)))
AREAS: dict[str, tuple[dict[str, Any], str]] = {
    "polygon": ({"points": [[1, 1], [4, 1], [4, 3], [1, 3]]}, "...... .###.. .###.. ......"),
    "triangle": ({"shape_type": "polygon", "points": [[0, 0], [4, 0], [0, 4]]}, "###... ##.... #..... ......"),
    "old": ({"shape_type": None, "points": [[1, 1], [4, 1], [4, 3], [1, 3]]}, "...... .###.. .###.. ......"),
    "rectangle": ({"shape_type": "rectangle", "points": [[4, 3], [1, 1]]}, "...... .###.. .###.. ......"),
    "x-anylabeling": (
        {"shape_type": "rectangle", "points": [[1, 1], [4, 1], [4, 3], [1, 3]], "score": None},
        "...... .###.. .###.. ......",
    ),
    "rotation": (
        {"shape_type": "rotation", "points": [[3, 0.2], [4.8, 2], [3, 3.8], [1.2, 2]], "direction": 0.785},
        "...... ..##.. ..##.. ......",
    ),
    "circle": ({"shape_type": "circle", "points": [[2.5, 2.5], [2.5, 3.6]]}, "...... ..#... .###.. ..#..."),
    "mask": (
        {"shape_type": "mask", "points": [[2, 1], [4, 2]], "mask": PATCH},
        "...... ..#.#. ..###. ......",
    ),
    "clipped": ({"points": [[-1, -1], [2, -1], [2, 2], [-1, 2]]}, "##.... ##.... ...... ......"),
}


@pytest.mark.parametrize("name", AREAS)
def test_areas(name: str, folder: Path, bring: Importer) -> None:
    shape, expected = AREAS[name]
    write(folder / "a.json", labelme({"label": "x", "shape_type": "polygon", **shape}))
    np.testing.assert_array_equal(mask_of(bring("labelme", folder)), grid(expected))


def test_points_and_lines_become_marks(folder: Path, bring: Importer) -> None:
    write(
        folder / "a.json",
        labelme(
            {"label": "x", "shape_type": "point", "points": [[0.4, 0.9]]},
            {"label": "bg", "shape_type": "linestrip", "points": [[5.5, 0.5], [5.5, 3.5], [2.5, 3.5]]},
        ),
    )
    out = bring("labelme", folder, background=("bg",), mark_width=1)
    np.testing.assert_array_equal(marks_of(out), grid("1....2 .....2 .....2 ..2222"))
    assert not (out / "masks").exists()


def test_areas_may_be_scribbles(folder: Path, bring: Importer) -> None:
    left, right = [[0, 0], [2, 0], [2, 4], [0, 4]], [[4, 0], [6, 0], [6, 4], [4, 4]]
    write(
        folder / "a.json",
        labelme({"label": "x", "points": left}, {"label": "bg", "shape_type": "polygon", "points": right}),
    )
    out = bring("labelme", folder, background=("bg",), as_marks=True)
    np.testing.assert_array_equal(marks_of(out), grid("11..22 11..22 11..22 11..22"))


def test_images_without_file_are_unlabelled(folder: Path, bring: Importer, summary: Callable[[], str]) -> None:
    picture(folder / "b.png", 5, 5)
    picture(folder / "c.png", 5, 5)
    write(folder / "a.json", labelme())
    write(
        folder / "b.json",
        labelme({"label": "x", "points": [[0, 0], [5, 0], [0, 5]]}, width=5, height=5, imagePath="b.png"),
    )
    out = bring("labelme", folder)
    assert sorted(path.name for path in (out / "images").iterdir()) == ["a.png", "b.png", "c.png"]
    assert [path.name for path in (out / "masks").iterdir()] == ["b.png"]
    assert "1 images not annotated at all" in summary()
    assert "--empty-is-background gives them an empty mask" in summary()
    out = bring("labelme", folder, empty_is_background=True)
    assert sorted(path.name for path in (out / "masks").iterdir()) == ["a.png", "b.png"]
    assert not mask_of(out).any()


def test_an_embedded_image_stands_in(tmp_path: Path, bring: Importer) -> None:
    image = Image.fromarray(np.arange(72, dtype=np.uint8).reshape(4, 6, 3))
    content = labelme({"label": "x", "points": [[1, 1], [4, 1], [4, 3]]}, imagePath="a.jpg", imageData=encoded(image))
    out = bring("labelme", write(tmp_path / "json/a.json", content))
    np.testing.assert_array_equal(np.asarray(Image.open(out / "images/a.png")), np.asarray(image))
