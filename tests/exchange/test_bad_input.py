"""Every kind of broken input ends in one message that names the place, and writes nothing."""

from __future__ import annotations

import base64
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scaler.errors import ScalerError
from tests.exchange.conftest import Importer, picture, write
from tests.exchange.samples import coco, cvat, label_studio, labelme

BOX = [1, 1, 4, 1, 4, 3, 1, 3]
GOOD = {"segmentation": [BOX]}


def polygon(*points: Any, **more: Any) -> dict[str, Any]:
    return {"label": "x", "shape_type": "polygon", "points": [*points], **more}


def brush(rle: Any) -> dict[str, Any]:
    return {"type": "brushlabels", "value": {"format": "rle", "rle": rle, "brushlabels": ["x"]}}


def twice(root: dict[str, Any]) -> dict[str, Any]:
    return root | {"images": [*root["images"], root["images"][0] | {"id": 43}]}


PNG = base64.b64encode(b"no picture").decode()
FAR = [[2, 2], [300, 2], [2, 300]]
Case = tuple[str, Any, dict[str, Any], str]
CASES: dict[str, Case] = {
    "json": ("coco", '{"images": [\n  {"id": 1,,}]}', {}, r"line 2, column 12: not valid JSON"),
    "list id": ("coco", coco(GOOD | {"category_id": [1]}), {}, r"category_id \[1\]: the id is not among"),
    "lfs": ("coco", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", {}, "run git lfs pull"),
    "json list": ("coco", [], {}, "COCO results"),
    "no images": ("coco", {"annotations": [], "categories": []}, {}, "'images' is missing"),
    "empty": ("coco", {"images": [], "annotations": [], "categories": []}, {}, "no image in this source"),
    "nan": ("coco", coco({"segmentation": [[1, 1, float("nan"), 1, 4, 3]]}), {}, "finite number, got nan"),
    "text": ("coco", coco({"segmentation": [[1, 1, "a", 1, 4, 3]]}), {}, "finite number, got 'a'"),
    "odd": ("coco", coco({"segmentation": [[1, 1, 4, 1, 4, 3, 1]]}), {}, "7 coordinates; expected pairs"),
    "two points": ("coco", coco({"segmentation": [[1, 1, 4, 1]]}), {}, "polygon of 2 points"),
    "outside": ("coco", coco({"segmentation": [[7, 5, 9, 5, 9, 6]]}), {}, "entirely outside the image of 6 x 4"),
    "category": ("coco", coco(GOOD), {"categories": ("polip",)}, "no category 'polip'; did you mean polyp"),
    "both": ("coco", coco(GOOD), {"categories": ("polyp",), "background": ("polyp",)}, "both --category and"),
    "unknown image": ("coco", coco(GOOD | {"image_id": 5}), {}, "image_id 5: the id is not among the images"),
    "unknown id": ("coco", coco(GOOD | {"category_id": 5}), {}, "category_id 5: the id is not among the categories"),
    "missing file": ("coco", coco(GOOD, name="b.png"), {}, r"image 42 \('b.png'\): the image is not in .*; say where"),
    "duplicate": ("coco", twice(coco(GOOD)), {}, "2 entries for one image"),
    "parent": ("coco", coco(GOOD, name="../../a.png"), {}, "'../../a.png'"),
    "size": ("coco", coco(GOOD, width=12), {}, r"should have 12 x 4 pixels \(width x height\), but has 6 x 4"),
    "zero size": ("coco", coco(GOOD, width=0), {}, "width: expected a whole number above 0, got 0"),
    "rle sum": ("coco", coco({"segmentation": {"size": [4, 6], "counts": [5, 5]}}), {}, "cover 10 pixels, .* has 24"),
    "rle size": ("coco", coco({"segmentation": {"size": [6, 4], "counts": [24]}}), {}, "run lengths for 4 x 6 pixels"),
    "rle sign": ("coco", coco({"segmentation": {"size": [4, 6], "counts": [-1, 25]}}), {}, "run lengths from 0"),
    "rle text": (
        "coco",
        coco({"segmentation": {"size": [4, 6], "counts": "01400000"}}),
        {},
        "cover 16 pixels, .* has 24",
    ),
    "rle letter": ("coco", coco({"segmentation": {"size": [4, 6], "counts": "01!"}}), {}, "'!' does not occur"),
    "rle bytes": ("coco", coco({"segmentation": {"size": [4, 6], "counts": "b'Y1'"}}), {}, "counts.decode"),
    "text id": ("coco", coco(GOOD | {"image_id": "42"}), {}, "'42': the id is not among .* whose ids are numbers"),
    "rle end": ("coco", coco({"segmentation": {"size": [4, 6], "counts": "01P"}}), {}, "end too early"),
    "box only": ("coco", coco({"bbox": [1, 1, 2, 2]}), {}, "a box is no mask"),
    "keypoints": ("coco", coco({"keypoints": [1, 1]}), {}, "2 values; expected triples"),
    "keypoint off": ("coco", coco({"keypoints": [9, 1, 2]}), {}, r"the point \(9, 1\) is outside"),
    "marked twice": (
        "coco",
        coco({"category_id": 7, "keypoints": [2, 2, 2, 3, 2, 2]}),
        {"background": ("floor",)},
        "marked as object and as background",
    ),
    "no labelme": ("labelme", {"hello": 1}, {}, "'shapes' is missing"),
    "labelme far": ("labelme", labelme(polygon(*FAR)), {}, "another image or have another unit"),
    "labelme pair": ("labelme", labelme(polygon([1], [2, 3], [4, 5])), {}, "expected points of x and y"),
    "labelme circle": ("labelme", labelme(polygon([1, 1], shape_type="circle")), {}, "1 points; expected 2"),
    "labelme point": ("labelme", labelme(polygon([1, 1], [1, 1], shape_type="circle")), {}, "radius 0"),
    "labelme mask": (
        "labelme",
        labelme(polygon([1, 1], [2, 2], shape_type="mask", mask="?")),
        {},
        r"not base64 text",
    ),
    "labelme png": ("labelme", labelme(polygon([1, 1], [2, 2], shape_type="mask", mask=PNG)), {}, "not a PNG image"),
    "labelme parent": (
        "labelme",
        labelme(imagePath="../a.png"),
        {},
        "'../a.png'",
    ),
    "xml": ("cvat", "<annotations>\n<image></annotations>", {}, "line 2, column 10: not valid XML"),
    "xml entity": ("cvat", '<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>', {}, "XML entities"),
    "other xml": ("cvat", "<annotation/>", {}, "the root is <annotation>"),
    "video": ("cvat", "<annotations><track/></annotations>", {}, "export the task as CVAT for images 1.1"),
    "cvat points": ("cvat", cvat('<polygon label="x" points="1,1;2;3,3"/>'), {}, r"expected x,y;x,y"),
    "cvat label": ("cvat", cvat('<polygon points="1,1;2,2;3,1"/>'), {}, "the label is missing"),
    "cvat box": ("cvat", cvat('<box label="x" xtl="3" ytl="1" xbr="3" ybr="2"/>'), {}, "has no area"),
    "cvat mask": (
        "cvat",
        cvat('<mask label="x" rle="4" left="5" top="0" width="2" height="2"/>'),
        {},
        "does not fit into 6 x 4",
    ),
    "cvat rle": ("cvat", cvat('<mask label="x" rle="3" left="0" top="0" width="2" height="2"/>'), {}, "cover 3 pixels"),
    "json-min": ("label-studio", [{"id": 1, "image": "a.png", "label": []}], {}, "not JSON-MIN"),
    "no address": ("label-studio", label_studio(data={"text": "hello"}), {}, "expected one address of an image"),
    "brush text": ("label-studio", label_studio(brush([1, 2, 300])), {}, "whole numbers from 0 to 255"),
    "brush size": ("label-studio", label_studio(brush([0, 0, 0, 8])), {}, "holds 8 values, but 6 x 4 pixels have 96"),
    "rotated": ("label-studio", label_studio(brush([]) | {"image_rotation": 90}), {}, "rotated by 90 degrees"),
    "percent": (
        "label-studio",
        label_studio({"type": "keypointlabels", "value": {"y": 5, "keypointlabels": ["x"]}}),
        {},
        "x: expected a finite number, got None",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_one_message_and_nothing_written(name: str, tmp_path: Path, bring: Importer) -> None:
    kind, content, options, message = CASES[name]
    picture(tmp_path / "in/a.png", 6, 4)
    source = write(tmp_path / f"in/x.{'xml' if kind == 'cvat' else 'json'}", content)
    with pytest.raises(ScalerError, match=message) as raised:
        bring(kind, source, **options)
    assert "Traceback" not in str(raised.value)
    assert not list((tmp_path / "out").rglob("*"))


YOLO: dict[str, tuple[dict[str, str], str]] = {
    "box": ({"labels/a.txt": "\n0 0.5 0.5 0.2 0.2\n"}, "line 2: four numbers are a box"),
    "class": ({"labels/a.txt": "5 0.1 0.1 0.2 0.1 0.2 0.2\n"}, "class 5 has no name"),
    "number": ({"labels/a.txt": "0 0.1 0.1 0.2 x 0.2 0.2\n"}, "finite number, got 'x'"),
    "pixels": ({"labels/a.txt": "0 10 10 200 10 200 200\n"}, "the coordinate 200; expected fractions"),
    "orphan": ({"labels/b.txt": "0 0.1 0.1 0.2 0.1 0.2 0.2\n"}, r"\('b'\): the image is not in"),
    "names": ({"labels/a.txt": "", "data.yaml": "names: 3\n"}, "expected a list of class names"),
    "yaml": ({"labels/a.txt": "", "data.yaml": "names: [\n"}, "not valid YAML"),
    "two yaml": ({"labels/a.txt": "", "other.yaml": "names: [a]\n"}, "several YAML files"),
    "none": ({}, "no folder labels"),
}


@pytest.mark.parametrize("name", YOLO)
def test_yolo(name: str, tmp_path: Path, bring: Importer) -> None:
    texts, message = YOLO[name]
    picture(tmp_path / "in/images/a.png", 6, 4)
    for path, text in ({"data.yaml": "names: [wall]\n"} | texts).items():
        write(tmp_path / "in" / path, text)
    with pytest.raises(ScalerError, match=message):
        bring("yolo", tmp_path / "in")


def colour_mask(folder: Path) -> None:
    picture(folder / "gt/a.png", 6, 4)


MASKS: dict[str, tuple[Callable[[Path], object], dict[str, Any], str]] = {
    "no images": (
        colour_mask,
        {"images": None},
        "say where they are with --images",
    ),
    "no mask": (lambda folder: (folder / "gt").mkdir(), {}, "no mask in this folder"),
    "value": (
        colour_mask,
        {"values": (3,)},
        "a mask in colour has no index values",
    ),
    "colour": (colour_mask, {"colours": ((1, 2, 3),)}, r"no mask has the colour"),
    "jpeg": (lambda folder: picture(folder / "gt/a.jpg", 6, 4), {"values": (3,)}, "a JPEG blurs values"),
    "orphan": (lambda folder: picture(folder / "gt/b.png", 6, 4), {}, r"\('b'\): the image is not in"),
    "suffix": (colour_mask, {"mask_suffix": "_m"}, "does not end in '_m'"),
    "grey": (colour_mask, {}, "black and one other colour"),
}


@pytest.mark.parametrize("name", MASKS)
def test_masks(name: str, tmp_path: Path, bring: Importer) -> None:
    prepare, options, message = MASKS[name]
    picture(tmp_path / "in/a.png", 6, 4)
    prepare(tmp_path)
    with pytest.raises(ScalerError, match=message):
        bring("masks", tmp_path / "gt", **{"images": tmp_path / "in", **options})


def test_no_source(tmp_path: Path, bring: Importer) -> None:
    with pytest.raises(ScalerError, match="no such file or folder"):
        bring("coco", tmp_path / "nothing.json")
    with zipfile.ZipFile(tmp_path / "zip.json", "w") as archive:
        archive.writestr("a.json", "{}")
    with pytest.raises(ScalerError, match="a zip; expected a coco file"):
        bring("coco", tmp_path / "zip.json")
    with pytest.raises(ScalerError, match=r"no such folder \(--images\)"):
        bring("coco", tmp_path / "zip.json", images=tmp_path / "nothing")


def test_a_damaged_or_foreign_image(tmp_path: Path, bring: Importer) -> None:
    write(tmp_path / "a.png", "no picture")
    with pytest.raises(ScalerError, match=r"a\.png: not an image"):
        bring("coco", write(tmp_path / "coco.json", coco(GOOD)))
    write(tmp_path / "a.heic", "no picture")
    with pytest.raises(ScalerError, match=r"\.heic is not read"):
        bring("coco", write(tmp_path / "coco.json", coco(GOOD, name="a.heic")))
