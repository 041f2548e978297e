"""Label Studio: percent, brushes bit by bit, addresses of images."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scaler.data.images import read_image
from scaler.errors import ScalerError
from scaler.exchange.brush import decode_brush, encode_brush
from tests.exchange.conftest import Importer, grid, marks_of, mask_of, picture, write
from tests.exchange.samples import label_studio

# 2 x 1 pixels, the second one painted: head, one block of four 0, then 255 once in a block that repeats nothing, and a
# block of three 255.
BITS = (
    "00000000000000000000000000001000"  # 8 values
    "00111"  # words of 8 bits
    "0010001101111111"  # lengths of 3, 4, 8, 16 bits
    "1" "00" "011" "00000000"  # repeat, in 3 bits, 4 times: 0
    "0" "00" "000" "11111111"  # one by one, in 3 bits, 1 value: 255
    "1" "01" "0010" "11111111"  # repeat, in 4 bits, 3 times: 255
)  # fmt: skip
BRUSH = [int(BITS[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(BITS), 8)]


def test_a_brush_bit_by_bit() -> None:
    np.testing.assert_array_equal(decode_brush(BRUSH, (1, 2), "x"), [[0, 1]])


def test_alpha_decides() -> None:
    """Label Studio's brush stores colour in the first three channels; only the fourth is the mask."""
    values = [[9, 9, 9, 200], [9, 9, 9, 100]]
    blocks = "".join(f"000000{value:08b}" for pixel in values for value in pixel)
    text = f"{8:032b}" + "00111" + "0010001101111111" + blocks
    rle = [int(text[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(text), 8)]
    np.testing.assert_array_equal(decode_brush(rle, (1, 2), "x"), [[1, 0]])


def test_a_brush_there_and_back() -> None:
    mask = np.zeros((300, 311), np.uint8)
    mask[5:200, 17:300] = 1
    mask[::7, ::3] ^= 1
    np.testing.assert_array_equal(decode_brush(encode_brush(mask), mask.shape, "x"), mask)


def test_a_brush_cut_short() -> None:
    with pytest.raises(ScalerError, match="ends too early"):
        decode_brush(BRUSH[:-2], (1, 2), "x")


AREAS: dict[str, tuple[dict[str, Any], str]] = {
    "polygon": ({"points": [[25, 25], [75, 25], [75, 75], [25, 75]]}, "........ ..####.. ..####.. ........"),
    "rectangle": (
        {"x": 25, "y": 25, "width": 50, "height": 50, "rotation": 0},
        "........ ..####.. ..####.. ........",
    ),
    "ellipse": (
        {"x": 50, "y": 50, "radiusX": 31, "radiusY": 24, "rotation": 0},
        "........ ..####.. ..####.. ........",
    ),
    "brush": ({"format": "rle", "rle": encode_brush(grid("........ ...##... ........ .......#"))}, ""),
}
AREAS["brush"] = (AREAS["brush"][0], "........ ...##... ........ .......#")
TURNED = {"x": 75, "y": 0, "width": 25, "height": 50, "rotation": 90}  # about its first corner


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., Path]:
    picture(tmp_path / "photos/a.png", 8, 4)
    return lambda *regions, **task: write(tmp_path / "ls.json", label_studio(*regions, width=8, **task))


@pytest.mark.parametrize("kind", AREAS)
def test_areas(kind: str, source: Callable[..., Path], tmp_path: Path, bring: Importer) -> None:
    value, expected = AREAS[kind]
    region = {"type": f"{kind}labels", "value": {**value, f"{kind}labels": ["polyp"]}}
    out = bring("label-studio", source(region), images=tmp_path / "photos", categories=("polyp",))
    np.testing.assert_array_equal(mask_of(out), grid(expected))


def test_a_turned_box(source: Callable[..., Path], tmp_path: Path, bring: Importer) -> None:
    region = {"type": "rectanglelabels", "value": {**TURNED, "rectanglelabels": ["x"]}}
    out = bring("label-studio", source(region), images=tmp_path / "photos")
    np.testing.assert_array_equal(mask_of(out), grid("....##.. ....##.. ........ ........"))


def test_shape_and_label_kept_apart(source: Callable[..., Path], tmp_path: Path, bring: Importer) -> None:
    value = AREAS["polygon"][0]
    pair = [
        {"id": "one", "type": "polygon", "value": value},
        {"id": "one", "type": "labels", "value": {**value, "labels": ["polyp"]}},
        {"id": "two", "type": "choices", "value": {"choices": ["good"]}},
    ]
    out = bring("label-studio", source(*pair), images=tmp_path / "photos", categories=("polyp",))
    np.testing.assert_array_equal(mask_of(out), grid("........ ..####.. ..####.. ........"))


def test_keypoints(source: Callable[..., Path], tmp_path: Path, bring: Importer) -> None:
    points = [
        {"type": "keypointlabels", "value": {"x": 6, "y": 12, "width": 0.5, "keypointlabels": ["polyp"]}},
        {"type": "keypointlabels", "value": {"x": 94, "y": 88, "width": 0.5, "keypointlabels": ["wall"]}},
    ]
    out = bring("label-studio", source(*points), images=tmp_path / "photos", background=("wall",), mark_width=1)
    np.testing.assert_array_equal(marks_of(out), grid("1....... ........ ........ .......2"))


@pytest.mark.parametrize(
    "address",
    [
        "/data/local-files/?d=photos%2Fa.png",
        "s3://bucket/some/a.png",
        "https://example.org/x/a.png?token=1",
        "a.png",
        "/data/upload/7/12345678-a.png",
    ],
)
def test_addresses(address: str, source: Callable[..., Path], tmp_path: Path, bring: Importer) -> None:
    out = bring("label-studio", source(data={"img": address, "note": "hm"}), images=tmp_path / "photos")
    assert (out / "images/a.png").is_file()


def test_several_annotators(source: Callable[..., Path], tmp_path: Path, bring: Importer) -> None:
    def annotation(day: int, x: int, **more: object) -> dict[str, Any]:
        region = label_studio(
            {
                "type": "rectanglelabels",
                "value": {"x": x, "y": 0, "width": 25, "height": 100, "rectanglelabels": ["x"]},
            },
            width=8,
        )
        return region[0]["annotations"][0] | {"updated_at": f"2024-02-0{day}T00:00:00Z"} | more

    given = [annotation(2, 0), annotation(1, 50), annotation(3, 75, was_cancelled=True)]
    path, images = source(annotations=given), tmp_path / "photos"
    with pytest.raises(ScalerError, match=r"2 annotations of one image.*--several last"):
        bring("label-studio", path, images=images)
    left, both = grid("##...... " * 4), grid("##..##.. " * 4)
    np.testing.assert_array_equal(mask_of(bring("label-studio", path, images=images, several="last")), left)
    out = bring("label-studio", path, images=images, several="union", overwrite=True)
    np.testing.assert_array_equal(mask_of(out), both)


def png_uri(values: Any, head: str = "data:image/png;base64,") -> str:
    stream = io.BytesIO()
    Image.fromarray(np.asarray(values, np.uint8)).save(stream, "PNG")
    return head + base64.b64encode(stream.getvalue()).decode()


DRAWN = grid("........ ...##... .....#.. .......#")
BITMASKS = {
    "Label Studio's own: black on transparent": np.dstack([DRAWN * 0] * 3 + [DRAWN * 255]),
    "white on transparent": np.dstack([DRAWN * 255] * 4),
    "a converter's, opaque": np.dstack([DRAWN * 255] * 3 + [DRAWN * 0 + 255]),
    "a converter's, grey": DRAWN * 255,
    "a converter's, 0 and 1": DRAWN,
}


@pytest.mark.parametrize("form", BITMASKS)
@pytest.mark.parametrize("kind", ["bitmask", "bitmasklabels"])
def test_bitmasks(form: str, kind: str, source: Callable[..., Path], tmp_path: Path, bring: Importer) -> None:
    region = {"type": kind, "value": {"imageDataURL": png_uri(BITMASKS[form]), kind: ["polyp"]}}
    out = bring("label-studio", source(region), images=tmp_path / "photos", categories=("polyp",))
    np.testing.assert_array_equal(mask_of(out), DRAWN)


@pytest.mark.parametrize("uri", [png_uri(DRAWN[:3]), "data:image/png;base64,AAAA", "https://example.org/a.png", None])
def test_a_broken_bitmask_is_named(
    uri: str | None, source: Callable[..., Path], tmp_path: Path, bring: Importer
) -> None:
    region = {"type": "bitmasklabels", "value": {"imageDataURL": uri, "bitmasklabels": ["polyp"]}}
    with pytest.raises(ScalerError, match=r"task 3.*imageDataURL"):
        bring("label-studio", source(region), images=tmp_path / "photos")


def test_an_image_in_the_task_itself(tmp_path: Path, bring: Importer) -> None:
    image = np.random.default_rng(0).integers(0, 255, (4, 8, 3), np.uint8)
    region = {"type": "polygonlabels", "value": {**AREAS["polygon"][0], "polygonlabels": ["x"]}}
    tasks = label_studio(region, width=8)
    tasks[0]["data"] = {"picture": png_uri(image)}
    out = bring("label-studio", write(tmp_path / "ls.json", tasks))
    np.testing.assert_array_equal(read_image(out / "images/task_3.png"), image)
    np.testing.assert_array_equal(mask_of(out, "task_3"), grid(AREAS["polygon"][1]))


def test_exports_of_before_version_1(source: Callable[..., Path], tmp_path: Path, bring: Importer) -> None:
    region = {"type": "polygonlabels", "value": {**AREAS["polygon"][0], "polygonlabels": ["x"]}}
    tasks = label_studio(region, width=8)
    tasks[0]["completions"] = tasks[0].pop("annotations")
    out = bring("label-studio", write(tmp_path / "ls.json", tasks), images=tmp_path / "photos")
    np.testing.assert_array_equal(mask_of(out), grid(AREAS["polygon"][1]))
