from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scaler.data.folder import find_samples
from scaler.errors import ScalerError

from .conftest import Folder, Params


def test_samples_are_paired_by_name_and_sorted(folder: Folder, params: Params) -> None:
    root = folder()
    (root / "marks").mkdir()
    (root / "masks" / "train_3.png").rename(root / "marks" / "train_3.png")
    samples = find_samples(root, params(supervision="points"))
    assert [s.id for s in samples] == ["test_0", "test_1", *(f"train_{n}" for n in range(8)), "val_0", "val_1"]
    assert [s.split for s in samples] == ["test"] * 2 + ["train"] * 8 + ["val"] * 2
    third = samples[5]
    assert (third.image, third.mask) == (root / "images" / "train_3.png", None)
    assert third.marks == root / "marks" / "train_3.png"


def test_sub_paths_odd_names_and_links(folder: Folder, params: Params, tmp_path: Path) -> None:
    root = folder()
    for kind in ("images", "masks"):
        (root / kind / "train_clips").mkdir()
        (root / kind / "train_0.png").rename(root / kind / "train_clips" / "a b.c ü.png")
        (root / kind).rename(tmp_path / f"elsewhere_{kind}")
        (root / kind).symlink_to(tmp_path / f"elsewhere_{kind}")
    (root / "images" / "._train_9.png").touch()
    (root / "images" / "notes.txt").write_text("mine")
    assert "train_clips/a b.c ü" in {s.id for s in find_samples(root, params())}


def test_unlabelled_training_images_need_no_mask(folder: Folder, params: Params) -> None:
    root = folder()
    for number in range(1, 8):
        (root / "masks" / f"train_{number}.png").unlink()
    train = [s for s in find_samples(root, params()) if s.split == "train"]
    assert [s.mask is None for s in train] == [False] + [True] * 7


def twin(root: Path) -> None:
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(root / "images" / "train_2.jpg")


def unpaired(kind: str) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        (root / kind).mkdir(exist_ok=True)
        Image.fromarray(np.zeros((30, 40), np.uint8)).save(root / kind / "train_1_mask.png")

    return make


def impostor(root: Path) -> None:
    (root / "images" / "train_9.png").mkdir()


def dangling(root: Path) -> None:
    (root / "images" / "train_9.png").symlink_to(root / "gone.png")


def newline(root: Path) -> None:
    (root / "images" / "train_0.png").rename(root / "images" / "train_0\n.png")
    (root / "masks" / "train_0.png").unlink()


def bare(name: str) -> Callable[[Path], None]:
    return lambda root: (root / "masks" / f"{name}.png").unlink()


def no_labels(root: Path) -> None:
    for path in (root / "masks").glob("train_*"):
        path.unlink()


@pytest.mark.parametrize(
    ("harm", "changes", "message"),
    [
        (twin, {}, "images/train_2.jpg, images/train_2.png: the same name twice; keep one"),
        (unpaired("masks"), {}, "masks/train_1_mask.png: a mask without image: expected {root}/images/train_1_mask"),
        (unpaired("masks"), {}, "(the nearest name is train_1.png); rename it"),
        (unpaired("marks"), {}, "marks/train_1_mask.png: a marks file without image"),
        (impostor, {}, "images/train_9.png: a folder named like an image; rename or remove it"),
        (dangling, {}, "images/train_9.png: a link that leads nowhere"),
        (newline, {}, "train_0\\n.png: the name contains unprintable characters; rename it"),
        (bare("val_1"), {}, "images/val_1.png: a val image without mask; add {root}/masks/val_1.png"),
        (bare("test_0"), {}, "images/test_0.png: a test image without mask; add {root}/masks/test_0.png"),
        (
            no_labels,
            {},
            "none of the 8 training images has a label; add masks for some of them: for train_0.png, add "
            "{root}/masks/train_0.png",
        ),
        (no_labels, {"supervision": "points"}, "has a label; add masks or marks for some"),
        (lambda root: None, {"val": "validation_*"}, "prepare_data.val: the pattern 'validation_*' matches none"),
        (lambda root: None, {"val": "*_1"}, "train_1.png: in two splits, train ('train_*') and val ('*_1')"),
        (lambda root: None, {"test": "list.txt"}, "list.txt: prepare_data.test: not a readable text file"),
        (
            lambda root: None,
            {"masks": "GT"},
            "GT: no such folder of masks; {root} has images/, masks/; correct prepare_data.masks",
        ),
        (
            lambda root: None,
            {"images": "../mine/images"},
            "prepare_data.images: ../mine/images: must be a folder inside",
        ),
        (lambda root: None, {"masks": "images"}, "is inside prepare_data."),
    ],
)
def test_each_fault_is_named_with_a_remedy(
    folder: Folder, params: Params, harm: Callable[[Path], None], changes: dict[str, str], message: str
) -> None:
    root = folder()
    harm(root)
    with pytest.raises(ScalerError, match=re.escape(message.format(root=root))):
        find_samples(root, params(**changes))


def test_missing_and_empty_folders(folder: Folder, params: Params, tmp_path: Path) -> None:
    with pytest.raises(ScalerError, match=r"absent: no such folder; check prepare_data\.source"):
        find_samples(tmp_path / "absent", params())
    root = folder()
    for path in (root / "images").iterdir():
        path.unlink()
    with pytest.raises(ScalerError, match=r"images: no image in this folder; add files: \.jpg"):
        find_samples(root, params())


def test_all_faults_come_at_once(folder: Folder, params: Params) -> None:
    root = folder()
    twin(root)
    impostor(root)
    for number in range(30):
        Image.fromarray(np.zeros((3, 4), np.uint8)).save(root / "masks" / f"lonely_{number:02d}.png")
    with pytest.raises(ScalerError) as caught:
        find_samples(root, params())
    assert len(caught.value.faults) == 32
    assert str(caught.value).splitlines()[-1] == "  ... and 22 more of this kind"
