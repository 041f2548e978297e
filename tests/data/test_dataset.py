from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from scaler.artifacts.pictures import Pictures
from scaler.artifacts.splits import open_data
from scaler.data.resize import to_square
from scaler.errors import ScalerError
from scaler.laboratory.dataset import generate
from scaler.models.sam_adapter import high_pass
from scaler.params import PrepareDataParams
from tests.artifacts.world import seal
from tests.artifacts.writing import write_data
from tests.data.prepared import prepare

from .conftest import Folder, Params

REAL = os.environ.get("SCALER_TEST_DATA")


def test_semi_fits_the_layout_and_hides_the_truth(folder: Folder, params: Params) -> None:
    prepared = prepare(folder(), params(), 0)
    train, truth = prepared.train, prepared.truth
    assert train.ids == truth.ids == [f"train_{n}" for n in range(8)]
    assert train.image.shape == (8, 32, 32, 3)
    assert train.labelled.sum() == 2
    assert truth.known.all()
    assert (truth.mask.any(axis=(1, 2))).all()
    np.testing.assert_array_equal(train.mask[train.labelled], truth.mask[train.labelled])
    assert not train.mask[~train.labelled].any()
    assert not train.marks.any()
    assert train.native_masks == []
    assert train.native_size.tolist() == [[30, 40]] * 8
    val = prepared.val
    assert val.labelled.all()
    assert [m.shape for m in val.native_masks] == [(30, 40)] * 2
    assert [int(m.sum()) for m in val.native_masks] == [13 * 22, 14 * 22]


def test_native_masks_and_splits_stay_together(folder: Folder, params: Params) -> None:
    test = prepare(folder(), params(size=64), 0).test
    for small, native in zip(test.mask, test.native_masks, strict=True):
        assert abs(small.mean() - native.mean()) < 0.02


def test_full_and_partly_unlabelled(folder: Folder, params: Params) -> None:
    root = folder()
    (root / "masks" / "train_5.png").unlink()
    prepared = prepare(root, params(supervision="full"), 0)
    assert prepared.train.labelled.tolist() == prepared.truth.known.tolist() == [True] * 5 + [False] + [True] * 2
    semi = prepare(root, params(labelled_fraction=1.0), 0)
    assert semi.train.labelled.tolist() == prepared.train.labelled.tolist()
    assert not prepared.truth.mask[5].any()


def test_labelled_list(folder: Folder, params: Params) -> None:
    root = folder()
    (root / "chosen.txt").write_text("train_6\ntrain_1\n")
    train = prepare(root, params(labelled_list="chosen.txt"), 0).train
    assert np.flatnonzero(train.labelled).tolist() == [1, 6]
    (root / "masks" / "train_6.png").unlink()
    with pytest.raises(
        ScalerError, match=r"chosen\.txt: prepare_data\.labelled_list: 1 listed images have no mask, first 'train_6'"
    ):
        prepare(root, params(labelled_list="chosen.txt"), 0)
    (root / "chosen.txt").write_text("val_0\n")
    with pytest.raises(ScalerError, match=r"labelled_list.*first 'val_0'"):
        prepare(root, params(labelled_list="chosen.txt"), 0)


@pytest.mark.parametrize("supervision", ["points", "scribbles"])
def test_weak_supervision_simulates_or_takes_marks(
    folder: Folder, params: Params, supervision: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    root = folder()
    (root / "masks" / "train_7.png").unlink()
    before = prepare(root, params(supervision=supervision), 0)
    train = before.train
    assert not train.labelled.any()
    assert not train.mask.any()
    assert [set(np.unique(m)) for m in train.marks] == [{0, 1, 2}] * 7 + [{0}]
    assert (before.truth.mask[train.marks == 1] == 1).all()
    assert (before.truth.mask[train.marks == 2] == 0).all()
    assert not before.val.marks.any()
    own = np.zeros((30, 40), np.uint8)
    own[3, 4], own[20, 30] = 2, 1
    (root / "marks").mkdir()
    Image.fromarray(own).save(root / "marks" / "train_7.png")
    (root / "images" / "train_0.png").unlink()
    (root / "masks" / "train_0.png").unlink()
    after = prepare(root, params(supervision=supervision), 0).train
    np.testing.assert_array_equal(after.marks[:6], train.marks[1:7])  # marks of an image do not depend on the others
    assert set(np.unique(after.marks[6])) == {0, 1, 2}
    assert "marks: 1 images with a file, 6 simulated from masks, 0 without any" in caplog.text


def test_faults_of_names_and_contents_are_told_together(folder: Folder, params: Params) -> None:
    root = folder()
    whole = (root / "images" / "train_0.png").read_bytes()
    (root / "images" / "train_0.png").write_bytes(whole[: len(whole) // 2])
    (root / "images" / "train_1.png").write_bytes(b"")
    Image.fromarray(np.zeros((31, 40), np.uint8)).save(root / "masks" / "train_2.png")
    Image.fromarray(np.full((30, 40), 90, np.uint8)).save(root / "masks" / "val_0.png")
    Image.fromarray(np.zeros((30, 40), np.uint8)).save(root / "masks" / "lonely.png")
    with pytest.raises(ScalerError) as caught:
        prepare(root, params(), 0)
    text = str(caught.value)
    assert len(text.splitlines()) == 6
    for line in (
        "images/train_0.png: truncated or damaged",
        "images/train_1.png: the file is empty (0 bytes); copy it again",
        "masks/train_2.png: 40 x 31 pixels (width x height), but its image",
        "its image has 40 x 30; set prepare_data.mask_size_tolerance: 1",
        "masks/val_0.png: expected a mask of 0 and 1 or 0 and 255, found the values 90",
        "masks/lonely.png: a mask without image",
    ):
        assert line in text


def test_masks_a_few_pixels_off_are_resized_within_the_tolerance(folder: Folder, params: Params) -> None:
    root = folder()
    mask = np.zeros((31, 42), np.uint8)
    mask[10:20, 10:20] = 255
    Image.fromarray(mask).save(root / "masks" / "val_0.png")
    with pytest.raises(ScalerError, match="mask_size_tolerance: 2"):
        prepare(root, params(mask_size_tolerance=1), 0)
    native = prepare(root, params(mask_size_tolerance=2), 0).val.native_masks[0]
    assert native.shape == (30, 40)
    assert 80 <= native.sum() <= 110


def test_broken_entries_are_left_out_on_request(folder: Folder, params: Params) -> None:
    """Images that cannot be read, and evaluated images without a usable mask; a training image loses its mask."""
    root = folder()
    for name in ("images/train_0", "masks/train_1", "masks/test_0"):
        (root / f"{name}.png").write_bytes(b"no picture")
    with pytest.raises(ScalerError) as caught:
        prepare(root, params(), 0)
    assert len(caught.value.faults) == 3
    prepared = prepare(root, params(skip_broken=True, supervision="full"), 0)
    assert prepared.train.ids == [f"train_{n}" for n in range(1, 8)]
    assert prepared.train.labelled.tolist() == [False] + [True] * 6
    assert prepared.test.ids == ["test_1"]
    assert len(prepared.test.image) == len(prepared.test.native_masks) == 1


def test_a_test_set_can_be_drawn(folder: Folder, params: Params) -> None:
    prepared = prepare(folder(), params(train="*", val=None, val_fraction=0.25, test=None, test_fraction=0.25), 0)
    parts = [prepared.train.ids, prepared.val.ids, prepared.test.ids]
    assert [len(ids) for ids in parts] == [6, 3, 3]
    assert len(set().union(*parts)) == 12


def test_image_turned_by_exif_and_mask_not(folder: Folder, params: Params) -> None:
    root = folder()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(root / "images" / "val_0.png", exif=exif)
    with pytest.raises(ScalerError, match=r"40 x 30 pixels .*has 30 x 40; .*EXIF orientation.*export both upright"):
        prepare(root, params(), 0)
    Image.fromarray(np.zeros((40, 30), np.uint8)).save(root / "masks" / "val_0.png")
    assert prepare(root, params(), 0).val.native_size[0].tolist() == [40, 30]


def test_the_built_in_laboratory(tmp_path: Path, params: Params) -> None:
    text = Path("data/laboratory/recipe.yaml").read_text()
    for split, count in (("train: 128", "train: 6"), ("val: 64", "val: 2"), ("test: 128", "test: 3")):
        assert split in text
        text = text.replace(split, count)
    (tmp_path / "recipe.yaml").write_text(text)
    rules = params(train="train/*", val="val/*", test="test/*", labelled_fraction=0.34)
    first, again = (prepare(tmp_path, rules, 0, generate=generate) for _ in range(2))
    assert (len(first.train.ids), len(first.val.ids), len(first.test.ids)) == (6, 2, 3)
    assert first.train.labelled.sum() == 2
    np.testing.assert_array_equal(first.train.image, again.train.image)
    np.testing.assert_array_equal(first.train.labelled, again.train.labelled)


@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason="SCALER_TEST_DATA names no folder of real data")
def test_real_polyps(params: Params) -> None:
    prepared = prepare(Path(REAL or "") / "kvasir_seg", params(size=96, labelled_fraction=0.125), 0)
    assert (len(prepared.train.ids), len(prepared.val.ids), len(prepared.test.ids)) == (800, 100, 100)
    assert prepared.train.labelled.sum() == 100
    shares = prepared.truth.mask.mean(axis=(1, 2))
    assert abs(shares[prepared.train.labelled].mean() - shares.mean()) < 0.01
    assert (prepared.test.native_size == 352).all()
    assert 0.05 < prepared.test.mask.mean() < 0.3


@pytest.mark.skipif(not REAL, reason="SCALER_TEST_DATA names no folder of real data")
def test_real_vessels_by_scribbles(params: Params) -> None:
    rules = params(train="[2-3]?_training", val="40_training", test="*_test", size=192, supervision="scribbles")
    prepared = prepare(Path(REAL or "") / "drive", rules, 0)
    assert (len(prepared.train.ids), len(prepared.val.ids), len(prepared.test.ids)) == (19, 1, 20)
    assert all(set(np.unique(marks)) == {0, 1, 2} for marks in prepared.train.marks)
    assert all((m == 1).sum() < t.sum() / 2 for m, t in zip(prepared.train.marks, prepared.truth.mask, strict=True))


def test_the_foundation_model_gets_the_pixels_of_the_file(tmp_path: Path, params: Params) -> None:
    rng = np.random.default_rng(0)
    sizes = {"train_a": (128, 128), "train_b": (200, 70), "train_c": (32, 32), "val_a": (20, 150), "test_a": (64, 64)}
    natives = {name: rng.integers(0, 256, (*size, 3), dtype=np.uint8) for name, size in sizes.items()}
    for name, image in natives.items():
        for kind, values in (("images", image), ("masks", (image[..., 0] > 40).astype(np.uint8) * 255)):
            (tmp_path / kind).mkdir(exist_ok=True)
            Image.fromarray(values).save(tmp_path / kind / f"{name}.png")
    small = prepare(tmp_path, params(), 0)
    prepared = prepare(tmp_path, params(foundation_size=128), 0)
    for split in ("train", "val", "test"):
        path, data = tmp_path / f"{split}.h5", getattr(prepared, split)
        with seal(path, "data") as file:
            write_data(file, data)
            kept = {data.ids[int(number)]: pixels.shape for number, pixels in file["foundation_image"].items()}
        back = open_data(path).part(range(len(data.ids)))
        # Nothing enlarged is stored, and nothing that `image` holds already.
        limited = {name: (min(h, 128), min(w, 128), 3) for name, (h, w) in sizes.items() if name in data.ids}
        assert kept == {name: shape for name, shape in limited.items() if shape != (32, 32, 3)}
        np.testing.assert_array_equal(data.image, getattr(small, split).image)
        for number, name in enumerate(data.ids):
            wanted = to_square(natives[name], None, None, 128)[0]
            for images in (data.foundation_image, back.foundation_image):
                np.testing.assert_array_equal(images[number], wanted)
    assert small.train.foundation_image is small.train.image


def test_high_frequencies_reach_the_foundation_model(tmp_path: Path, params: Params) -> None:
    native = np.random.default_rng(1).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    prepared = [_prepared_alone(tmp_path, native, params(foundation_size=side)) for side in (None, 128)]
    inputs = [to_square(images[0], None, None, 128)[0] for images in prepared]
    passed, (without, with_it) = _high(native), map(_high, inputs)
    assert np.corrcoef(passed, with_it)[0, 1] > 0.9 > 0.2 > np.corrcoef(passed, without)[0, 1]
    assert _rms(with_it) > 0.9 * _rms(passed) > 5 * _rms(without)


def _high(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    passed: NDArray[np.float32] = high_pass(torch.from_numpy(image / 255.0).permute(2, 0, 1)[None]).numpy().ravel()
    return passed


def _rms(values: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.square(values).mean()))


def _prepared_alone(folder: Path, image: NDArray[np.uint8], options: PrepareDataParams) -> Pictures:
    """What the foundation model sees of one training image, from the artifact."""
    for name in ("train_a", "val_a", "test_a"):
        for kind, values in (("images", image), ("masks", (image[..., 0] > 40).astype(np.uint8) * 255)):
            (folder / kind).mkdir(exist_ok=True)
            Image.fromarray(np.roll(values, len(name), axis=0)).save(folder / kind / f"{name}.png")
    Image.fromarray(image).save(folder / "images" / "train_a.png")
    path = folder / "train.h5"
    with seal(path, "data") as file:
        write_data(file, prepare(folder, options, 0).train)
    return open_data(path).foundation_image
