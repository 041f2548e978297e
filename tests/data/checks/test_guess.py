"""Folders as people have them: pairs are found, and the lines that are printed read them."""

from __future__ import annotations

import json
import shlex
import zipfile
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from scaler.cli.app import run
from scaler.data.checks.examine import examine
from scaler.data.checks.guess import propose
from scaler.data.checks.pairing import find_patterns
from scaler.data.checks.summary import summary
from scaler.data.folder import find_samples
from scaler.params import PrepareDataParams
from tests.data.checks.world import picture, shape, write

N = 4
TREES: dict[str, tuple[tuple[str, str], ...]] = {  # image and mask of each number
    "suffix tells": (("Imgs/{}.jpg", "Imgs/{}.png"),),
    "class folders": (("A/Imgs/a{}.jpg", "A/Imgs/a{}.png"), ("B/Imgs/b{}.jpg", "B/Imgs/b{}.png")),
    "ending tells": (("x{}.png", "x{}_mask.png"),),
    "training and test": (
        ("training/images/r{}.jpg", "training/gt/r{}.png"),
        ("test/images/t{}.jpg", "test/gt/t{}.png"),
    ),
    "Train and Valid": (("Train/img/{}.jpg", "Train/ann/{}.png"), ("Valid/img/{}.jpg", "Valid/ann/{}.png")),
    "split in names": (("train_img/{}.jpg", "train_lab/{}.png"), ("test_img/{}.jpg", "test_lab/{}.png")),
    "long names": (
        ("S_Task1-2_Training_Input/I_{}.jpg", "S_Task1_Training_GroundTruth/I_{}_segmentation.png"),
        ("S_Task1-2_Test_Input/I_{}.jpg", "S_Task1_Test_GroundTruth/I_{}_segmentation.png"),
    ),
    "defects": (
        ("bottle/test/cut/00{}.png", "bottle/ground_truth/cut/00{}_mask.png"),
        ("cable/test/bent/00{}.png", "cable/ground_truth/bent/00{}_mask.png"),
    ),
    "deep": (("my set/v1/images/train/{}.jpg", "my set/v1/masks/train/{}.png"),),
    "spaces": (("Original/{}.tif", "Ground Truth/{}.tif"),),
    "beginnings tell": (("all/img_{}.png", "all/mask_{}.png"),),
    "beginnings without a separator": (("photos/Image00{}.jpg", "labels/Label00{}.png"),),
    "a beginning of masks alone": (("x/00{}.jpg", "x/gt-00{}.png"),),
    "a folder for each image": (("cases/p{}/image.png", "cases/p{}/mask.png"),),
    "several structures": (
        ("A/photos/a{}.jpg", "A/drawn/a{}.png"),
        ("B/b{}.png", "B/b{}_mask.png"),
        ("C/img_{}.png", "C/mask_{}.png"),
    ),
}


def plant(root: Path, tree: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """The mask that belongs to each image."""
    pairs = {}
    for row, (image, mask) in enumerate(tree):
        for number in range(N):
            write(root / image.format(number), picture(10 * row + number))
            write(root / mask.format(number), shape(number + row))
            pairs[image.format(number)] = mask.format(number)
    return pairs


@pytest.mark.parametrize("name", TREES)
def test_pairs_are_found_and_the_printed_lines_read_them(tmp_path: Path, name: str) -> None:
    pairs = plant(tmp_path, TREES[name])
    found = propose(tmp_path)
    assert found.certainty == f"sure: {len(pairs)} of {len(pairs)} images have a mask"
    block = YAML(typ="safe").load("\n".join(found.block()))["prepare_data"]
    rules = PrepareDataParams.model_validate(found.params.model_dump() | block)
    samples = find_samples(tmp_path, rules)
    read = {s.image.relative_to(tmp_path).as_posix(): s.mask for s in samples}
    assert read == {image: tmp_path / mask for image, mask in pairs.items()}
    words = [sample.split for sample in samples if "test" in str(sample.image.relative_to(tmp_path)).lower()]
    if "Test" in str(TREES[name]) or name in ("training and test", "split in names"):
        assert set(words) == {"test"}


def test_images_of_several_suffixes_and_names_in_either_unicode_form(tmp_path: Path) -> None:
    for number, suffix in enumerate((".jpg", ".JPG", ".jpeg", ".png", ".tif")):
        write(tmp_path / "photos" / f"cafe\u0301 {number}{suffix}", picture(number))
        write(tmp_path / "drawn" / f"cafe\u0301 {number}.PNG", shape(number))
    found = propose(tmp_path)
    assert found.certainty == "sure: 5 of 5 images have a mask"
    assert found.params.images == "photos/{name}.*"


def test_a_second_annotator_is_no_structure_of_its_own(tmp_path: Path) -> None:
    for number in range(N):
        write(tmp_path / "images" / f"{number}.png", picture(number))
        for folder in ("1st", "2nd"):
            write(tmp_path / folder / f"{number}_{folder}.png", shape(number))
    assert len(find_patterns(tmp_path)) == 1


def test_names_of_different_splits_do_not_pair(tmp_path: Path) -> None:
    for number in range(N):
        write(tmp_path / "images" / f"train_{number}.png", picture(number))
        write(tmp_path / "masks" / f"test_{number}.png", shape(number))
    assert not propose(tmp_path).masks


def test_lists_of_splits_are_used(tmp_path: Path) -> None:
    plant(tmp_path, (("images/{}.jpg", "masks/{}.png"),))
    (tmp_path / "train.txt").write_bytes(b"0.jpg\r\n1.jpg\r\n")
    (tmp_path / "test.txt").write_text("3\n")
    (tmp_path / "val.txt").write_text("a note on validation\n")
    block = propose(tmp_path).block()
    assert '  train: "train.txt"' in block
    assert "  test: test.txt" in block
    assert "  val: null" in block
    facts = examine(tmp_path, None, quick=True).facts
    assert {split: row["images"] for split, row in facts["splits"].items()} == {"train": 2, "test": 1}


def test_masks_among_the_images_and_tables_of_run_lengths_are_named(tmp_path: Path) -> None:
    """A second mask of one image, as in BUSI, fits the pattern of images."""
    plant(tmp_path / "a", (("b ({}).png", "b ({})_mask.png"),))
    write(tmp_path / "a" / "b (1)_mask_1.png", shape(3))
    findings = examine(tmp_path / "a", None, quick=True).faults.items
    (warned,) = [item for item in findings if item.kind == "image_is_mask"]
    assert warned.files == (tmp_path / "a" / "b (1)_mask_1.png",)
    write(tmp_path / "c" / "1.jpg", picture(1))
    (tmp_path / "c" / "train.csv").write_text("ImageId,EncodedPixels\n1.jpg,1 3\n")
    (named,) = examine(tmp_path / "c", None, quick=True).faults.of("error")
    assert "EncodedPixels" in named.reason


def test_the_first_screen_fits_a_terminal(tmp_path: Path) -> None:
    """However many kinds of faults there are, and with the lines of the settings."""
    plant(tmp_path, TREES["class folders"])
    for number in range(30):
        write(tmp_path / "A" / "Imgs" / f"n{number}.jpg", picture(90 + number, (16, 16)))
        (tmp_path / "A" / "Imgs" / f"n{number}.png").write_bytes(b"")
        (tmp_path / "A" / "Imgs" / f"v{number}.heic").write_bytes(b"")
    text = summary(examine(tmp_path, None, quick=True))
    assert len(text.splitlines()) <= 26
    assert "error: the file is empty (0 bytes) (30 x, first A/Imgs/n0.png); copy it again" in text
    assert 'images: "{folder}/{name}.jpg"' in text
    assert len(summary(examine(tmp_path, None, quick=True), full=True).splitlines()) > 10


def test_annotations_of_other_tools_are_recognised(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write(tmp_path / split / "images" / "a.jpg", picture(1))
        (tmp_path / split / "labels").mkdir()
        (tmp_path / split / "labels" / "a.txt").write_text("0 0.1 0.1 0.5 0.1 0.5 0.5\n")
    (tmp_path / "data.yaml").write_text("train: train/images\nnc: 1\nnames: [polyp]\n")
    findings = examine(tmp_path, None, quick=True).faults
    (hint,) = findings.of("error")
    assert hint.kind == "annotations_found"
    assert f"python -m scaler import yolo {tmp_path}/data.yaml --out" in hint.remedy
    write(tmp_path / "train" / "images" / "m.jpg", picture(2))
    (tmp_path / "train" / "images" / "m.json").write_text('{"shapes": [], "imagePath": "m.jpg"}')
    kinds = {item.reason for item in examine(tmp_path, None, quick=True).faults.items}
    assert "annotations of the kind labelme, not masks" in kinds


def test_the_printed_command_finds_the_images(tmp_path: Path) -> None:
    """COCO's own structure: annotations and images in folders side by side."""
    source = tmp_path / "my set"
    write(source / "val2017" / "a.png", picture(1, (64, 48)))
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 48}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[5, 5, 30, 5, 30, 30]]}],
        "categories": [{"id": 1, "name": "polyp"}],
    }
    (source / "annotations").mkdir()
    (source / "annotations" / "instances.json").write_text(json.dumps(content))
    (hint,) = examine(source, None, quick=True).faults.of("error")
    words = shlex.split(hint.remedy.split("`")[1])
    assert words[:3] == ["python", "-m", "scaler"]
    with pytest.raises(SystemExit) as ended:
        run(words[3:])
    assert ended.value.code == 0
    assert (tmp_path / "my set_imported" / "masks" / "a.png").is_file()


def test_archives_and_folders_without_images_are_named(tmp_path: Path) -> None:
    (found,) = examine(tmp_path, None, quick=True).faults.of("error")
    assert found.kind == "no_images"
    for name, inside in (("task.zip", "annotations.xml"), ("photos.zip", "a.jpg")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(inside, "")
    remedies = [item.remedy for item in examine(tmp_path, None, quick=True).faults.of("error")]
    assert any(f"python -m scaler import cvat {tmp_path}/task.zip" in remedy for remedy in remedies)
    assert "unpack it, and check the folder" in remedies


def test_names_that_differ_by_unicode_form_pair(tmp_path: Path) -> None:
    for folder, name, values in (("images", "cafe\u0301", picture(1)), ("masks", "caf\u00e9", shape(1))):
        write(tmp_path / folder / f"{name}.png", values)
    (sample,) = find_samples(tmp_path, propose(tmp_path).params.model_copy(update={"val": None, "test": None}))
    assert sample.mask is not None
