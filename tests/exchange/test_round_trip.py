"""Out and back: what an export says is what an import reads."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pycocotools.mask as pycoco
import pytest
from PIL import Image

from scaler.errors import ScalerError
from scaler.exchange.exporting import export_annotations
from scaler.exchange.importing import import_annotations
from scaler.exchange.objects import find_images
from scaler.exchange.outlines import components, keyhole, outlines
from scaler.exchange.raster import fill, fill_coco
from scaler.exchange.shapes import ImportOptions
from tests.exchange.conftest import U8, grid, mask_of, picture, write

RING = grid("######## #......# #.##...# #.##...# #......# ########")


def blobs(seed: int, shape: tuple[int, int]) -> U8:
    """A mask of objects with holes, islands in them, single pixels and corners that only touch."""
    noise = np.random.default_rng(seed).random(shape)
    return (cv2.blur(noise, (3, 3)) > 0.5).astype(np.uint8)


@pytest.mark.parametrize("seed", range(6))
def test_outlines_give_the_same_mask_again(seed: int) -> None:
    mask = blobs(seed, (17 + seed, 31))
    for part in components(mask):
        outer, holes = outlines(part)
        np.testing.assert_array_equal(fill([outer, *holes], mask.shape), part)
        np.testing.assert_array_equal(fill([keyhole(outer, holes)], mask.shape), part)
        np.testing.assert_array_equal(fill_coco([keyhole(outer, holes)], mask.shape), part)


def test_objects_are_connected_parts() -> None:
    parts = list(components(RING))
    assert [int(part.sum()) for part in parts] == [24, 4]
    outer, holes = outlines(parts[0])
    assert len(holes) == 1
    assert outer.min(axis=0).tolist() == [0, 0]
    assert outer.max(axis=0).tolist() == [8, 6]


def test_a_tolerance_makes_outlines_simpler() -> None:
    disc = (np.hypot(*(np.mgrid[:60, :60] - 30)) < 20).astype(np.uint8)
    exact, rough = outlines(disc)[0], outlines(disc, 1.0)[0]
    assert len(rough) < len(exact) / 3
    assert (fill([rough], disc.shape) != disc).mean() < 0.03


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data set: two objects, one of which lies in the other; an empty mask; no mask."""
    folder = tmp_path / "data"
    for name in ("a", "sub/b", "c"):
        picture(folder / f"images/{name}.png", 8, 6)
    for name, mask in (("a", RING), ("sub/b", np.zeros((6, 8), np.uint8))):
        (folder / f"masks/{name}.png").parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask * 255).save(folder / f"masks/{name}.png")
    return folder


FILES = {"coco": "annotations.json", "cvat": "annotations.xml", "labelme": ""}


@pytest.mark.parametrize("polygons", [True, False])
@pytest.mark.parametrize("kind", FILES)
def test_out_and_back(kind: str, polygons: bool, data: Path, tmp_path: Path) -> None:
    items = find_images(data, None, only=None, threshold=0.5)
    lines = export_annotations(kind, items, tmp_path / "x", label="Fisch & Co", polygons=polygons)
    assert "3 images, 2 of them labelled" in lines[0]
    options = ImportOptions(("Fisch & Co",), images=data / "images")
    import_annotations(kind, tmp_path / "x" / FILES[kind], tmp_path / "out", options)
    np.testing.assert_array_equal(mask_of(tmp_path / "out"), RING)
    assert [path.name for path in (tmp_path / "out/masks").rglob("*.png")] == ["a.png"]
    import_annotations(
        kind,
        tmp_path / "x" / FILES[kind],
        tmp_path / "full",
        ImportOptions(images=data / "images", empty_is_background=True),
    )
    assert not mask_of(tmp_path / "full", "sub/b").any()


@pytest.mark.parametrize("polygons", [True, False])
def test_label_studio_after_the_annotator_agreed(polygons: bool, data: Path, tmp_path: Path) -> None:
    """Label Studio makes an annotation of a prediction by copying its result."""
    items = find_images(data, None, only=None, threshold=0.5)
    export_annotations("label-studio", items, tmp_path / "x", label='a "b"', polygons=polygons)
    tasks = json.loads((tmp_path / "x/tasks.json").read_text())
    assert all("annotations" not in task for task in tasks)
    for number, task in enumerate(tasks):
        task |= {"id": number, "annotations": [{"id": number, "result": p["result"]} for p in task["predictions"]]}
    source = write(tmp_path / "export.json", tasks)
    import_annotations("label-studio", source, tmp_path / "out", ImportOptions(('a "b"',), images=data / "images"))
    np.testing.assert_array_equal(mask_of(tmp_path / "out"), RING)
    config = ElementTree.parse(tmp_path / "x/labeling_config.xml").getroot()
    assert {label.get("value") for label in config.iter("Label")} == {'a "b"'}


def test_coco_is_what_pycocotools_reads(data: Path, tmp_path: Path) -> None:
    export_annotations("coco", find_images(data, None, only=None, threshold=0.5), tmp_path / "x")
    root = json.loads((tmp_path / "x/annotations.json").read_text())
    assert [image["file_name"] for image in root["images"]] == ["a.png", "c.png", "sub/b.png"]
    assert [annotation["area"] for annotation in root["annotations"]] == [24, 4]
    assert [annotation["bbox"] for annotation in root["annotations"]] == [[0, 0, 8, 6], [2, 2, 2, 2]]
    for annotation in root["annotations"]:
        packed = {**annotation["segmentation"], "counts": annotation["segmentation"]["counts"].encode()}
        assert int(pycoco.area(packed)) == annotation["area"]


def test_soft_predictions_are_cut(data: Path, tmp_path: Path) -> None:
    soft = tmp_path / "predictions"
    (soft / "camo").mkdir(parents=True)
    write(soft / "predictions.json", {"format": "scaler-predictions"})
    values = np.asarray([[0, 100, 127, 128, 200, 255, 0, 0]] * 6, np.uint8)
    Image.fromarray(values).save(soft / "camo/a.png")
    items = find_images(soft, data / "images", only=None, threshold=0.5)
    export_annotations("masks", items, tmp_path / "half")
    np.testing.assert_array_equal(mask_of_file(tmp_path / "half/a.png"), values >= 128)
    items = find_images(soft, data / "images", only=None, threshold=0.75)
    export_annotations("masks", items, tmp_path / "strict")
    np.testing.assert_array_equal(mask_of_file(tmp_path / "strict/a.png"), values >= 200)


def mask_of_file(path: Path) -> U8:
    return np.asarray(Image.open(path)) > 0


def test_a_selection(data: Path, tmp_path: Path) -> None:
    chosen = write(tmp_path / "only.txt", "sub/b\n\na.png\na\n")
    assert [item.id for item in find_images(data, None, only=chosen, threshold=0.5)] == ["sub/b", "a"]
    unknown = write(tmp_path / "wrong.txt", "a\nsub/d\n")
    with pytest.raises(ScalerError, match=r"line 2: no image 'sub/d' \(the nearest is sub/b\)"):
        find_images(data, None, only=unknown, threshold=0.5)


def test_nothing_is_overwritten_unasked(data: Path, tmp_path: Path) -> None:
    items = find_images(data, None, only=None, threshold=0.5)
    export_annotations("coco", items, tmp_path / "x", with_images=True)
    assert (tmp_path / "x/images/sub/b.png").is_file()
    with pytest.raises(ScalerError, match="is there already"):
        export_annotations("coco", items[:1], tmp_path / "x")
    export_annotations("coco", items[:1], tmp_path / "x", overwrite=True)
    assert len(json.loads((tmp_path / "x/annotations.json").read_text())["images"]) == 1
    assert not list((tmp_path / "x").glob(".export-*"))


def test_a_map_of_another_size(data: Path, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(data / "masks/c.png")
    with pytest.raises(ScalerError, match=r"5 x 5 pixels \(width x height\), but its image has 8 x 6"):
        export_annotations("coco", find_images(data, None, only=None, threshold=0.5), tmp_path / "x")
    assert not list((tmp_path / "x").iterdir())
