"""What the page hands out, made by its own code in Chromium and read by other tools and by our importers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pycocotools.mask as coco
import pytest
from numpy.typing import NDArray
from PIL import Image

from scaler.data.split import read_id_list
from scaler.exchange.importing import import_annotations
from scaler.exchange.outlines import components
from scaler.exchange.raster import fill, runs
from scaler.exchange.shapes import U8, ImportOptions
from scaler.metrics.evaluation import to_native
from tests.pages.browser import blank_page

# pycocotools' arrays do not know NumPy 2's copy argument
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

HOSTILE = ["<script>alert(1)</script>", "a\"b'c & d", "=cmd|' /C calc'!A0", "sub/x, y", "ümlaut/木"]
MORE = ["../../etc/passwd", "line\nbreak", " blank", "half\ud800pair", "bell\x07"]


@pytest.fixture(scope="module")
def page(chromium: Any) -> Iterator[Any]:
    """A blank page of Chromium with the pure parts of ours."""
    blank = blank_page(chromium, "components", "outlines", "formats")
    yield blank
    blank.close()


def soft(seed: int, shape: tuple[int, int] = (48, 48)) -> U8:
    """A label with objects, holes, islands and corners that only touch."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random(shape), (0, 0), 1.6)
    return np.asarray(np.clip((noise - 0.5) * 1800 + 127.5, 0, 255), np.uint8)


def given(maps: dict[str, U8], sizes: dict[str, tuple[int, int]], note: str = "") -> list[dict[str, Any]]:
    return [
        {
            "id": name,
            "note": note,
            "map": {"values": values.reshape(-1).tolist(), "width": values.shape[1], "height": values.shape[0]},
            "height": sizes[name][0],
            "width": sizes[name][1],
        }
        for name, values in maps.items()
    ]


MAKE = """([kind, masks, items]) => {
  const made = items.map(({map, ...item}) => {
    const values = map && {...map, values: Uint8Array.from(map.values)};
    return {verdict: "annotate", columns: {stop: "init", iou: -0.5}, name: item.id + ".png", ...item,
      objects: map ? SCALER.components.objects(values, item.width, item.height) : [],
      polygons: map ? SCALER.outlines.outlines(values, item.width, item.height) : []};
  });
  return SCALER.formats[kind].make(made, masks);
}"""


def made(page: Any, kind: str, items: list[dict[str, Any]], masks: bool = False) -> tuple[dict[str, str], list[str]]:
    result = page.evaluate(MAKE, [kind, masks, items])
    return dict(result["files"]), result["left"]


def native(values: U8, size: tuple[int, int], found: NDArray[Any]) -> U8:
    """The mask that the project itself makes of a label at an image's own size; where a mean is 0.5, as it was found.

    Args:
        values: (S, S) uint8 = round(255 p).
        size: (H, W).
        found: (H, W) the page's mask: sums in another order may end on the other side of 0.5.
    """
    level = to_native(values.astype(np.float64), size)
    tied = np.abs(level - 127.5) < 1e-9
    assert tied.mean() < 0.001
    return np.where(tied, found, level >= 127.5).astype(np.uint8)


SIZES = [(48, 48), (131, 97), (96, 144), (30, 61)]


@pytest.mark.parametrize("size", SIZES)
def test_coco_is_what_pycocotools_decodes(page: Any, size: tuple[int, int]) -> None:
    maps = {f"{seed}": soft(seed) for seed in range(4)} | {"none": soft(0) * 0, "all": soft(0) | np.uint8(255)}
    files, left = made(page, "coco", given(maps, dict.fromkeys(maps, size)))
    root = json.loads(files["annotations.json"])
    assert left == []
    assert [image["file_name"] for image in root["images"]] == [f"{name}.png" for name in maps]
    for image, values in zip(root["images"], maps.values(), strict=True):
        own = [entry for entry in root["annotations"] if entry["image_id"] == image["id"]]
        decoded = [coco.decode(_packed(entry)) for entry in own]
        together = sum(decoded, np.zeros(size, np.uint8))
        expected = native(values, size, together)
        np.testing.assert_array_equal(together, expected)
        assert len(own) == len(list(components(expected)))
        for entry, mask in zip(own, decoded, strict=True):
            assert entry["area"] == mask.sum() == int(coco.area(_packed(entry)))
            assert entry["bbox"] == coco.toBbox(_packed(entry)).tolist()
            assert _packed(entry)["counts"] == coco.encode(np.asfortranarray(mask))["counts"]
    assert len({entry["id"] for entry in root["annotations"]}) == len(root["annotations"])


def _packed(entry: dict[str, Any]) -> dict[str, Any]:
    return {**entry["segmentation"], "counts": entry["segmentation"]["counts"].encode()}


@pytest.mark.parametrize("seed", range(8))
def test_outlines_go_round_the_objects(page: Any, seed: int) -> None:
    """Unsimplified and at the map's size, a polygon holds exactly the pixels of its object."""
    values = soft(seed, (33, 48))
    rings = page.evaluate(
        "([map]) => SCALER.outlines.outlines({...map, values: Uint8Array.from(map.values)}, 48, 33, 0)",
        [given({"a": values}, {"a": (33, 48)})[0]["map"]],
    )
    parts = list(components((values >= 128).astype(np.uint8)))
    assert len(parts) == len(rings) > 1
    filled = [fill([np.asarray(ring)], values.shape) for ring in rings]
    assert {mask.tobytes() for mask in filled} == {part.tobytes() for part in parts}


def test_run_lengths_along_rows(page: Any) -> None:
    part = (soft(3) >= 128).astype(np.uint8)
    found = page.evaluate(
        "([values]) => SCALER.components.runs({left: 2, top: 1, width: 48, height: 48, values}, 53, 50)",
        [part.reshape(-1).tolist()],
    )
    framed = np.zeros((50, 53), np.uint8)
    framed[1:49, 2:50] = part
    assert found == runs(framed)


def test_our_importers_read_every_format(page: Any, tmp_path: Path) -> None:
    """Exact for run lengths, alike for polygons; names with quotes and brackets, in folders."""
    sizes = {name: SIZES[number % len(SIZES)] for number, name in enumerate(HOSTILE)}
    maps = {name: soft(number) for number, name in enumerate(HOSTILE)}
    for name, (height, width) in sizes.items():
        path = tmp_path / "images" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((height, width), np.uint8)).save(path)
    for number, (kind, masks) in enumerate(
        [
            ("coco", True),
            ("labelme", False),
            ("cvat", True),
            ("cvat", False),
            ("label-studio", True),
            ("label-studio", False),
        ]
    ):
        files, left = made(page, kind, given(maps, sizes, note='a "note"\n'), masks)
        assert left == []
        source = _written(files, tmp_path / f"{number}", kind)
        out = tmp_path / f"out{number}"
        import_annotations(kind, source, out, ImportOptions(("object",), images=tmp_path / "images"))
        for name, values in maps.items():
            found = np.asarray(Image.open(out / "masks" / f"{name}.png")) > 0
            expected = native(values, sizes[name], found) > 0
            likeness = (found & expected).sum() / (found | expected).sum()
            assert (likeness == 1) if masks else (likeness > 0.9), (kind, name, likeness)


def _written(files: dict[str, str], folder: Path, kind: str) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if kind == "label-studio":  # where an annotator agrees, Label Studio copies the prediction
        tasks = json.loads(files["tasks.json"])
        for number, task in enumerate(tasks):
            task |= {"id": number, "annotations": [{"id": number, "result": task["predictions"][0]["result"]}]}
        (folder / "tasks.json").write_text(json.dumps(tasks))
    return folder if kind == "labelme" else folder / next(iter(files))


def test_the_list_is_one_for_labelled_list(page: Any, tmp_path: Path) -> None:
    files, left = made(page, "list", [{"id": name, "note": ""} for name in [*HOSTILE, *MORE]])
    (tmp_path / "selection.txt").write_text(files["selection.txt"], encoding="utf-8")
    expected = [*HOSTILE, "../../etc/passwd", "bell\x07"]
    assert read_id_list(tmp_path, "selection.txt", "prepare_data.labelled_list", expected) == expected
    assert left == ["line\nbreak", " blank", "half\ud800pair"]


def test_csv_is_read_back_and_holds_no_formula(page: Any) -> None:
    notes = ["=1+1", "+1", "-1", "@sum", "\t=1", " =1", 'plain, "quoted"\nand broken', "−"]
    items = [{"id": name, "note": note} for name, note in zip([*HOSTILE, "a", "b", "c"], notes, strict=True)]
    files, left = made(page, "csv", items)
    rows = list(csv.reader(io.StringIO(files["selection.csv"], newline="")))
    assert left == []
    assert rows[0] == ["id", "verdict", "note", "stop", "iou"]
    assert [row[0].removeprefix("'") for row in rows[1:]] == [item["id"] for item in items]
    assert [row[2].removeprefix("'") for row in rows[1:]] == notes
    assert all(row[4] == "-0.5" for row in rows[1:])  # a number stays one
    texts = [cell for row in rows[1:] for cell in row[:3]]
    assert not [text for text in texts if text.lstrip()[:1] in ("=", "+", "-", "@")]
    assert rows[3][0] == "'" + HOSTILE[2]


def test_hostile_names_are_escaped(page: Any) -> None:
    items = given({name: soft(1) for name in [*HOSTILE, *MORE]}, dict.fromkeys([*HOSTILE, *MORE], (48, 48)), ']]>"<')
    files, left = made(page, "cvat", items)
    root = ElementTree.fromstring(files["annotations.xml"])
    assert [image.get("name") for image in root.iter("image")] == [
        f"{name}.png" for name in [*HOSTILE, "../../etc/passwd", "line\nbreak", " blank"]
    ]
    assert left == ["half\ud800pair", "bell\x07"]
    assert (
        json.loads(made(page, "coco", items)[0]["annotations.json"])["images"][8]["file_name"] == "half\ud800pair.png"
    )
    assert len(made(page, "labelme", items)[0]) == len(items)
    files, left = made(page, "label-studio", items)
    assert left == ["half\ud800pair"]
    ElementTree.fromstring(files["labeling_config.xml"])
    assert "%3Cscript%3E" in files["tasks.json"]


def test_parts_that_touch_in_a_corner_have_one_ring(page: Any) -> None:
    values = np.asarray([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    item = given({"a": values}, {"a": (3, 3)})[0]["map"]
    rings = page.evaluate(
        "([map]) => SCALER.outlines.rings(map, {...map, left: 0, top: 0, values: map.values.map(v => Number(v > 0))})",
        [item],
    )
    assert len(rings) == 1
    assert len(rings[0]) == 12
