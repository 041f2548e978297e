"""Each layout of the field, as its readers find it: ids, splits, sets, and the right file for a label."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scaler.data.folder import Sample, find_samples, survey
from scaler.data.layouts import detect
from scaler.errors import Faults, ScalerError
from tests.data.prepared import prepare

from . import trees
from .conftest import Params

AUTO = {"train": "auto", "val": "auto", "test": "auto"}
DRAWN = {**AUTO, "val": None, "val_fraction": 0.3}
SETS: dict[str, tuple[str, dict[tuple[str, str], list[str]]]] = {
    "cod": (
        "TestDataset/CAMO/*",
        {
            ("train", ""): [
                "TrainDataset/COD10K-CAM-1-Aquatic-1-BatFish-2",
                *(f"TrainDataset/camourflage_0000{n}" for n in (2, 3, 4)),
            ],
            ("val", "CAMO"): ["TestDataset/CAMO/camourflage_00012"],
            ("test", "CAMO"): ["TestDataset/CAMO/camourflage_00012"],
            ("test", "CHAMELEON"): ["TestDataset/CHAMELEON/animal-1", "TestDataset/CHAMELEON/animal-2"],
            ("test", "COD10K"): ["TestDataset/COD10K/COD10K-CAM-1-Aquatic-1-BatFish-4"],
            ("test", "NC4K"): [f"TestDataset/NC4K/{n}" for n in (1, 2, 3)],
        },
    ),
    "pranet": (
        "TestDataset/Kvasir/*",
        {
            ("train", ""): ["TrainDataset/1", "TrainDataset/2", "TrainDataset/cju0qkwl35piu"],
            ("val", "Kvasir"): ["TestDataset/Kvasir/1", "TestDataset/Kvasir/149"],
            **{
                ("test", name): [f"TestDataset/{name}/1", f"TestDataset/{name}/149"]
                for name in ("CVC-300", "CVC-ClinicDB", "CVC-ColonDB", "ETIS-LaribPolypDB", "Kvasir")
            },
        },
    ),
    "gdd": (
        "test/2614",
        {
            ("train", ""): ["train/1", "train/2", "train/7"],
            ("val", ""): ["test/2614"],
            ("test", ""): ["test/2614", "test/2615"],
        },
    ),
    "drive": (
        "test/01*",
        {
            ("train", ""): ["training/21_training", "training/22_training", "training/23_training"],
            ("val", ""): ["test/01_test"],
            ("test", ""): ["test/01_test", "test/02_test"],
        },
    ),
    "sod": (
        "ECSSD/0001",
        {
            ("train", "DUTS-TR"): ["DUTS-TR/ILSVRC2012_test_00000004", "DUTS-TR/sun_a"],
            ("val", "ECSSD"): ["ECSSD/0001"],
            ("test", "DUTS-TE"): ["DUTS-TE/ILSVRC2012_test_00000003"],
            ("test", "ECSSD"): ["ECSSD/0001", "ECSSD/0002"],
            ("test", "HKU-IS"): ["HKU-IS/0004"],
        },
    ),
}


def by_split_and_set(samples: list[Sample]) -> dict[tuple[str, str], list[str]]:
    found = defaultdict(list)
    for sample in samples:
        found[sample.split, sample.set].append(sample.id)
    return dict(found)


@pytest.mark.parametrize("name", SETS)
def test_ids_splits_and_sets(name: str, tmp_path: Path, params: Params) -> None:
    root = getattr(trees, name)(tmp_path)
    val, expected = SETS[name]
    samples = find_samples(root, params(layout=name, **{**AUTO, "val": val}, paper_protocol=True))
    assert by_split_and_set(samples) == expected
    assert all(sample.mask is not None and sample.mask.is_file() for sample in samples)
    assert detect(root, params()) == name


@pytest.mark.parametrize("name", SETS)
def test_the_masks_belong_to_the_images(name: str, tmp_path: Path, params: Params) -> None:
    """The annotation's pixels come out, GIF and TIFF included, and sets are told for each image."""
    root = getattr(trees, name)(tmp_path)
    rules = params(layout=name, **DRAWN, labelled_fraction=1.0)
    prepared = prepare(root, rules, 0)
    samples = {sample.id: sample for sample in find_samples(root, rules)}
    for image_id, native, name_of_set in zip(
        prepared.test.ids, prepared.test.native_masks, prepared.test.set, strict=True
    ):
        mask = samples[image_id].mask
        assert mask is not None
        with Image.open(mask) as file:
            stored = np.asarray(file.convert("L")) > 127
        np.testing.assert_array_equal(native, stored)
        assert 0 < native.mean() < 0.9  # DRIVE's field of view would be 1
        assert name_of_set == samples[image_id].set
    assert prepared.train.set == [samples[image_id].set for image_id in prepared.train.ids]


def test_two_sets_of_glass_side_by_side(tmp_path: Path, params: Params) -> None:
    for name in ("GDD", "GSD"):
        trees.gdd(tmp_path / name)
    rules = params(layout="gdd", train="*/train/*", val="GDD/test/*", test="*/test/*", paper_protocol=True)
    found = by_split_and_set(find_samples(tmp_path, rules))
    assert found["train", "GSD"] == ["GSD/train/1", "GSD/train/2", "GSD/train/7"]
    assert set(found) == {("train", "GDD"), ("train", "GSD"), ("val", "GDD"), ("test", "GDD"), ("test", "GSD")}


def test_scribbles_need_no_masks_folder(tmp_path: Path, params: Params) -> None:
    root = trees.cod(tmp_path)
    for path in (root / "TrainDataset" / "GT").iterdir():
        path.unlink()
    (root / "TrainDataset" / "GT").rmdir()
    rules = params(layout="cod", supervision="scribbles", **{**AUTO, "val": "TestDataset/CAMO/*"}, paper_protocol=True)
    train = prepare(root, rules, 0).train
    assert [set(np.unique(marks)) for marks in train.marks] == [{0, 1, 2}] * 4
    with pytest.raises(ScalerError, match=r"none of the 4 training images has a label; add masks for some"):
        prepare(root, params(**{**rules.model_dump(), "supervision": "semi"}), 0)


def drop_test_masks(root: Path) -> None:
    (root / "TestDataset" / "NC4K" / "GT").rename(root / "TestDataset" / "NC4K" / "Ground")


def both_spellings(root: Path) -> None:
    (root / "TestDataset" / "NC4K" / "Image").mkdir()


def empty_set(root: Path) -> None:
    (root / "TestDataset" / "CPD" / "Imgs").mkdir(parents=True)


def other_names(root: Path) -> None:
    (root / "TrainDataset" / "GT" / "camourflage_00002.png").rename(root / "TrainDataset" / "GT" / "camo_2.png")


@pytest.mark.parametrize(
    ("harm", "changes", "message"),
    [
        (drop_test_masks, {}, "NC4K/Imgs/1.jpg: a test image without mask; add {root}/TestDataset/NC4K/GT/1.png"),
        (
            both_spellings,
            {},
            "NC4K: both Imgs/ and Image/ may hold the images; choose one by",
        ),
        (empty_set, {}, "CPD/Imgs: no image in this folder"),
        (other_names, {}, "GT/camo_2.png: a mask without image: expected {root}/TrainDataset/Imgs/camo_2 with"),
        (None, {"layout": "gdd"}, "layout gdd: no folder in it holds one of image; it has TestDataset/, Tr"),
        (None, {"images": "Photos"}, "no folder in it holds one of Photos"),
        (None, {"images": "../Imgs"}, "prepare_data.images: ../Imgs: must be a folder inside"),
        (None, {"val": "auto"}, "prepare_data.val: auto finds no such folder or name among the 11 image ids"),
        (None, {"val": "auto"}, "or set val: null and val_fraction: 0.1"),
        (None, {"paper_protocol": False}, "two splits, val ('TestDataset/CAMO/*') and test ('auto'); narrow"),
        (None, {"paper_protocol": False}, "prepare_data.test, or set prepare_data.paper_protocol: true."),
        (None, {"train": "*"}, "in two splits, train ('*') and val"),
    ],
)
def test_each_fault_is_named_with_a_remedy(
    tmp_path: Path, params: Params, harm: Callable[[Path], None] | None, changes: dict[str, object], message: str
) -> None:
    root = trees.cod(tmp_path)
    if harm:
        harm(root)
    rules = params(**{"layout": "cod", **AUTO, "val": "TestDataset/CAMO/*", "paper_protocol": True} | changes)
    with pytest.raises(ScalerError, match=re.escape(message.format(root=root))):
        find_samples(root, rules)


def test_one_folder_for_all_and_suffixes(tmp_path: Path, params: Params) -> None:
    """As CHASE_DB1 comes: pictures and annotations side by side."""
    for name in ("train_1", "val_1", "test_1"):
        trees.picture(tmp_path / "all" / f"{name}.jpg")
        trees.label(tmp_path / "all" / f"{name}_1stHO.png", trees.shape(2))
        trees.label(tmp_path / "all" / f"{name}_2ndHO.png", trees.shape(3))
    rules = {"images": "all", "masks": "all", "mask_suffix": "_1stHO"}
    samples = find_samples(tmp_path, params(**rules, val="val_1", test="test_1"))
    assert "train_1_2ndHO" in {sample.id for sample in samples}  # an image, as far as names tell
    for path in (tmp_path / "all").glob("*_2ndHO.png"):
        path.unlink()
    samples = find_samples(tmp_path, params(**rules))
    assert [(s.id, s.mask and s.mask.name) for s in samples] == [
        (name, f"{name}_1stHO.png") for name in ("test_1", "train_1", "val_1")
    ]
    for path in (tmp_path / "all").glob("*.jpg"):
        path.rename(path.with_stem(f"{path.stem}_img"))
    trees.picture(tmp_path / "all" / "train_depth.jpg")
    samples = find_samples(tmp_path, params(**rules, image_suffix="_img"))
    assert [s.id for s in samples] == ["test_1_img", "train_1_img", "val_1_img"]
    faults = Faults(tmp_path)
    survey(tmp_path, params(**rules, image_suffix="_img"), faults)
    assert [item.kind for item in faults.items] == ["images_left_out"]
    with pytest.raises(ScalerError, match=r"all: no image in this folder whose name ends with _photo; add"):
        find_samples(tmp_path, params(**rules, image_suffix="_photo"))


def test_a_suffix_that_nobody_set_is_suggested(tmp_path: Path, params: Params) -> None:
    trees.pairs(tmp_path / "images", tmp_path / "masks", ["train_1", "val_1", "test_1"])
    for path in (tmp_path / "masks").iterdir():
        path.rename(path.with_stem(f"{path.stem}_segmentation"))
    with pytest.raises(ScalerError, match=r"or set prepare_data\.mask_suffix: _segmentation if all are named so"):
        find_samples(tmp_path, params())
    assert all(s.mask for s in find_samples(tmp_path, params(mask_suffix="_segmentation")))
    with pytest.raises(ScalerError, match=r"the name of a mask ends with '_gt' \(prepare_data\.mask_suffix\), this"):
        find_samples(tmp_path, params(mask_suffix="_gt"))


def test_general_auto_follows_the_beginning_of_names(tmp_path: Path, params: Params) -> None:
    trees.pairs(tmp_path / "images", tmp_path / "masks", ["train/1", "train_2", "val-1", "test_1"])
    found = by_split_and_set(find_samples(tmp_path, params(**AUTO)))
    assert found == {("train", ""): ["train/1", "train_2"], ("val", ""): ["val-1"], ("test", ""): ["test_1"]}
