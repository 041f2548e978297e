"""One rule for the paths of images inside annotations, whatever the format."""

from __future__ import annotations

import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scaler.errors import ScalerError
from tests.exchange.conftest import Importer, grid, mask_of, picture, write
from tests.exchange.samples import coco, cvat, label_studio, labelme

BOX_MASK = grid("...... .###.. .###.. ......")
CORNERS = [[1, 1], [4, 1], [4, 3], [1, 3]]
SHAPE = {"label": "x", "points": CORNERS}
REGION = {"type": "polygonlabels", "value": {"points": [[x * 100 / 6, y * 100 / 4] for x, y in CORNERS]}}
SOURCES: dict[str, Callable[[str], Any]] = {
    "coco": lambda name: coco({"segmentation": [[1, 1, 4, 1, 4, 3, 1, 3]]}, name=name),
    "cvat": lambda name: cvat('<polygon label="polyp" points="1,1;4,1;4,3;1,3"/>', name=name),
    "label-studio": lambda name: label_studio(REGION, data={"image": name}),
    "labelme": lambda name: labelme(SHAPE, imagePath=name),
}
LONG = "photos/" + "a" * 500 + ".png"
STATED = ["/home/someone/photos/a.png", "C:\\photos\\a.png", "..\\..\\photos\\a.png", "old/place/a.png", "A.PNG"]


@pytest.mark.parametrize("stated", STATED)
@pytest.mark.parametrize("kind", SOURCES)
def test_with_images_the_file_name_decides(kind: str, stated: str, tmp_path: Path, bring: Importer) -> None:
    picture(tmp_path / "photos/a.png", 6, 4)
    source = write(tmp_path / f"in/x.{'xml' if kind == 'cvat' else 'json'}", SOURCES[kind](stated))
    out = bring(kind, source, images=tmp_path / "photos")
    np.testing.assert_array_equal(mask_of(out), BOX_MASK)


@pytest.mark.parametrize("kind", SOURCES)
def test_a_longer_path_is_tried_before_a_shorter_one(kind: str, tmp_path: Path, bring: Importer) -> None:
    picture(tmp_path / "photos/a.png", 5, 5)
    picture(tmp_path / "photos/train/a.png", 6, 4)
    source = write(tmp_path / f"in/x.{'xml' if kind == 'cvat' else 'json'}", SOURCES[kind]("/data/set/train/a.png"))
    out = bring(kind, source, images=tmp_path / "photos")
    assert mask_of(out, "train/a").shape == (4, 6)


def test_a_name_that_no_file_system_takes(tmp_path: Path, bring: Importer) -> None:
    picture(tmp_path / "a.png", 6, 4)
    with pytest.raises(ScalerError, match="the image is not in"):
        bring("label-studio", write(tmp_path / "x.json", SOURCES["label-studio"](LONG)), images=tmp_path)


def test_unicode_forms_are_one_name(tmp_path: Path, bring: Importer) -> None:
    name = unicodedata.normalize("NFD", "Müller")
    picture(tmp_path / f"{name}.png", 6, 4)
    out = bring("coco", write(tmp_path / "x.json", SOURCES["coco"](unicodedata.normalize("NFC", f"{name}.png"))))
    np.testing.assert_array_equal(mask_of(out, name), BOX_MASK)


def test_a_path_out_of_the_folder_is_followed_if_it_is_true(
    tmp_path: Path, bring: Importer, summary: Callable[[], str]
) -> None:
    picture(tmp_path / "photos/a.png", 6, 4)
    out = bring("labelme", write(tmp_path / "json/a.json", SOURCES["labelme"]("..\\photos\\a.png")))
    np.testing.assert_array_equal(mask_of(out), BOX_MASK)
    assert "the image is outside the annotations' folder" in summary()


def test_without_a_stated_path_the_own_name_decides(tmp_path: Path, bring: Importer) -> None:
    picture(tmp_path / "in/a.png", 6, 4)
    write(tmp_path / "in/a.json", SOURCES["labelme"](""))
    np.testing.assert_array_equal(mask_of(bring("labelme", tmp_path / "in")), BOX_MASK)


def test_a_stale_path_gives_way_to_the_image_of_the_own_name(
    tmp_path: Path, bring: Importer, summary: Callable[[], str]
) -> None:
    picture(tmp_path / "in/sub/a.png", 6, 4)
    for stated in ("IMG_7.JPG", "..\\..\\old\\IMG_7.JPG"):
        write(tmp_path / "in/sub/a.json", SOURCES["labelme"](stated))
        out = bring("labelme", tmp_path / "in")
        np.testing.assert_array_equal(mask_of(out, "sub/a"), BOX_MASK)
        assert "IMG_7.JPG' is not there; sub/a.png is used" in summary()


def test_paths_to_other_images_contradict(tmp_path: Path, bring: Importer, summary: Callable[[], str]) -> None:
    """Photographs and their files were numbered anew, the paths inside were not."""
    for name in "abc":
        picture(tmp_path / f"in/{name}.png", 6, 4)
    write(tmp_path / "in/a.json", SOURCES["labelme"]("b.png"))
    write(tmp_path / "in/b.json", SOURCES["labelme"]("c.png"))
    with pytest.raises(ScalerError, match="has the annotation's own name") as raised:
        bring("labelme", tmp_path / "in")
    assert [item.kind for item in raised.value.faults] == ["path_contradicts"] * 2
    out = bring("labelme", tmp_path / "in", skip_broken=True)
    assert len(list((out / "images").iterdir())) == 3
    assert not (out / "masks").exists()
    (tmp_path / "in/a.png").unlink()
    (tmp_path / "in/b.json").unlink()
    np.testing.assert_array_equal(mask_of(bring("labelme", tmp_path / "in"), "b"), BOX_MASK)
    assert "the annotation file is named differently from its image" in summary()


def test_a_folder_may_be_the_contradiction(tmp_path: Path, bring: Importer) -> None:
    for folder in ("one", "two"):
        picture(tmp_path / f"in/{folder}/a.png", 6, 4)
    write(tmp_path / "in/two/a.json", SOURCES["labelme"]("..\\one\\a.png"))
    with pytest.raises(ScalerError, match=r"names the image one/a.png, but two/a.png"):
        bring("labelme", tmp_path / "in")


def test_thirty_missing_images_are_one_finding(tmp_path: Path, bring: Importer) -> None:
    root = SOURCES["coco"]("0.png")
    root["images"] = [root["images"][0] | {"id": n, "file_name": f"{n}.png"} for n in range(42, 72)]
    with pytest.raises(ScalerError, match=r"and 27 more: the image is not in .* no image") as raised:
        bring("coco", write(tmp_path / "coco.json", root))
    assert str(raised.value).count("\n") == 1


def test_images_of_other_categories_only_may_be_missing(tmp_path: Path, bring: Importer) -> None:
    picture(tmp_path / "a.png", 6, 4)
    root = SOURCES["coco"]("a.png")
    root["images"].append(root["images"][0] | {"id": 43, "file_name": "b.png"})
    root["annotations"].append({"id": 7, "image_id": 43, "category_id": 7, "segmentation": []})
    path = write(tmp_path / "coco.json", root)
    with pytest.raises(ScalerError, match=r"'b\.png'\): the image is not in"):
        bring("coco", path, boxes=True)
    np.testing.assert_array_equal(mask_of(bring("coco", path, categories=("polyp",))), BOX_MASK)


YOLO_LINE = "0 0.25 0.25 0.75 0.25 0.75 0.75 0.25 0.75\n"


@pytest.fixture
def roboflow(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    for split in ("train", "valid"):
        picture(folder / f"{split}/images/a_jpg.rf.0a1b.jpg", 8, 4)
        write(folder / f"{split}/labels/a_jpg.rf.0a1b.txt", YOLO_LINE)
    write(folder / "data.yaml", "train: ../train/images\nval: ../valid/images\nnc: 1\nnames: ['polyp']\n")
    return folder


def test_roboflow(roboflow: Path, bring: Importer) -> None:
    out = bring("yolo", roboflow / "data.yaml", categories=("polyp",))
    for split in ("train", "valid"):
        expected = grid("........ ..####.. ..####.. ........")
        np.testing.assert_array_equal(mask_of(out, f"{split}/a_jpg.rf.0a1b"), expected)
    assert len(list((out / "images").rglob("*.jpg"))) == 2


def test_one_split_of_roboflow_keeps_the_names(roboflow: Path, bring: Importer) -> None:
    out = bring("yolo", roboflow / "valid", categories=("polyp",))
    assert mask_of(out, "a_jpg.rf.0a1b").sum() == 8


def test_a_cvat_project_of_two_subsets(tmp_path: Path, bring: Importer) -> None:
    """As exported with images: a folder per subset, and the same name in both."""
    box = '<box label="polyp" xtl="{0}" ytl="1" xbr="4" ybr="3" z_order="0"/>'
    images = "".join(
        f'<image id="{n}" name="a.png" subset="{subset}" task_id="{n}" width="6" height="4">{box.format(n)}</image>'
        for n, subset in enumerate(("Train", "Validation"), 1)
    )
    label = "<meta><project><labels><label><name>polyp</name></label></labels></project></meta>"
    write(tmp_path / "project/annotations.xml", f"<annotations><version>1.1</version>{label}{images}</annotations>")
    for subset in ("Train", "Validation"):
        picture(tmp_path / f"project/images/{subset}/a.png", 6, 4)
    with zipfile.ZipFile(tmp_path / "project.zip", "w") as archive:
        for path in sorted((tmp_path / "project").rglob("*.*")):
            archive.write(path, path.relative_to(tmp_path / "project"))
    for source in (tmp_path / "project", tmp_path / "project.zip"):
        out = bring("cvat", source, overwrite=True)
        np.testing.assert_array_equal(mask_of(out, "Train/a"), BOX_MASK)
        np.testing.assert_array_equal(mask_of(out, "Validation/a"), grid("...... ..##.. ..##.. ......"))
    with pytest.raises(ScalerError, match="cannot link into a zip"):
        bring("cvat", tmp_path / "project.zip", link=True)


def test_several_cvat_tasks_in_one_folder(tmp_path: Path, bring: Importer) -> None:
    for task in ("one", "two"):
        write(tmp_path / f"in/{task}/annotations.xml", SOURCES["cvat"]("a.png"))
        picture(tmp_path / f"in/{task}/images/a.png", 6, 4)
    out = bring("cvat", tmp_path / "in")
    assert [mask_of(out, f"{task}/a").sum() for task in ("one", "two")] == [6, 6]
    for task in ("one", "two"):
        picture(tmp_path / f"photos/{task}/a.png", 6, 4)
    bring("cvat", tmp_path / "in", images=tmp_path / "photos")


@pytest.mark.parametrize("stated", ["https://host/bucket/a%20b.png?X=1", "a%20b.png", "a b.jpg", "photos/a b.JPEG"])
@pytest.mark.parametrize("kind", ["coco", "cvat", "label-studio"])
def test_addresses_and_other_suffixes(kind: str, stated: str, tmp_path: Path, bring: Importer) -> None:
    picture(tmp_path / "in/a b.png", 6, 4)
    source = write(tmp_path / f"in/x.{'xml' if kind == 'cvat' else 'json'}", SOURCES[kind](stated))
    out = bring(kind, source, images=tmp_path / "in")
    np.testing.assert_array_equal(mask_of(out, "a b"), BOX_MASK)


def test_two_images_of_the_stated_stem_are_named(tmp_path: Path, bring: Importer) -> None:
    for suffix in ("png", "bmp"):
        picture(tmp_path / f"a.{suffix}", 6, 4)
    with pytest.raises(ScalerError, match="have the same name"):
        bring("coco", write(tmp_path / "x.json", SOURCES["coco"]("a.jpg")))
