"""The examination as a whole: facts, groups, a random file in every place, and real data."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaler.data.checks.duplicates import find_pairs, fingerprint
from scaler.data.checks.examine import examine
from tests.data.checks.faults_pictures import all_masks_empty
from tests.data.checks.world import found_in, look, params, picture, shape, sound, write

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
SMALL = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_facts_count_values_as_they_were_read(tmp_path: Path) -> None:
    sound(tmp_path)
    write(tmp_path / "masks" / "b.png", shape(1, top=1))
    facts = look(tmp_path, params(tmp_path)).facts
    pixels = [int((shape(seed) > 0).sum()) for seed in range(3)]
    assert facts["mask_readings"] == {"black and white": 2, "0 and 1": 1}
    assert facts["mask_values"] == [
        {"value": 0, "background": 3 * 64 * 48 - sum(pixels), "foreground": 0},
        {"value": 1, "background": 0, "foreground": pixels[1]},
        {"value": 255, "background": 0, "foreground": pixels[0] + pixels[2]},
    ]
    assert facts["splits"]["test"] == {"images": 1, "masks": 1, "marks": 0}
    assert facts["image_sizes"]["most_common"] == [{"width": 64, "height": 48, "images": 3}]
    assert sum(facts["foreground_share"]["counts"]) == 3


def test_all_training_masks_empty_is_an_error(tmp_path: Path) -> None:
    found = found_in(look(sound(tmp_path), all_masks_empty(tmp_path)))
    assert ("error", "no_foreground", ("masks",)) in found


def test_all_faults_are_collected_not_the_first_twenty(tmp_path: Path) -> None:
    sound(tmp_path)
    for number in range(30):
        write(tmp_path / "images" / f"a{number}.png", picture(50 + number))
        (tmp_path / "masks" / f"a{number}.png").write_bytes(b"no picture")
    assert len(look(tmp_path, params(tmp_path)).faults.of("error")) == 30


def test_an_image_and_its_mask_are_both_looked_at(tmp_path: Path) -> None:
    sound(tmp_path)
    for folder in ("images", "masks"):
        (tmp_path / folder / "a.png").write_bytes(b"")
    assert {kind for _, kind, _ in found_in(look(tmp_path))} == {"image_unreadable", "mask_refused"}


def test_objects_that_vanish_at_the_size_of_training_are_reported(tmp_path: Path) -> None:
    for seed, name in enumerate("abc"):
        mask = np.zeros((400, 600), np.uint8)
        mask[100 : 105 + seed, 200:204] = 255
        write(tmp_path / "images" / f"{name}.png", picture(seed, (600, 400)))
        write(tmp_path / "masks" / f"{name}.png", mask)
    examined = look(tmp_path, params(tmp_path))
    assert found_in(examined) == [("warning", "objects_small", ())]
    (remedy,) = [item.remedy for item in examined.faults.items]
    assert remedy == "set prepare_data.tiles: 352 (about 4 times as many images to train on), or raise the size"
    assert found_in(look(tmp_path, params(tmp_path, tiles=352))) == []
    assert found_in(look(tmp_path, params(tmp_path, size=704))) == []


def test_thin_objects_are_small_too(tmp_path: Path) -> None:
    """A crack: one large part, but a pixel across at the size of training."""
    for seed, name in enumerate("abc"):
        mask = np.zeros((1200, 1600), np.uint8)
        cv2.line(mask, (100, 100 + seed), (1500, 1100), 255, 4)
        write(tmp_path / "images" / f"{name}.png", picture(seed, (1600, 1200)))
        write(tmp_path / "masks" / f"{name}.png", mask)
    (fault,) = [item for item in look(tmp_path, params(tmp_path)).faults.items if item.kind == "objects_small"]
    assert fault.reason == "at prepare_data.size 352 the median object is 1.2 pixels wide"
    tiles = int(fault.remedy.split(": ")[1].split()[0])
    assert found_in(look(tmp_path, params(tmp_path, tiles=tiles))) == []
    assert found_in(look(tmp_path, params(tmp_path, tiles=2 * tiles))) == [("warning", "objects_small", ())]


def test_quick_searches_no_duplicates(tmp_path: Path) -> None:
    sound(tmp_path)
    write(tmp_path / "images" / "a2.png", picture(0))
    rules = params(tmp_path)
    assert found_in(examine(tmp_path, rules, quick=True)) == []
    assert found_in(examine(tmp_path, rules)) == [("warning", "duplicate", ("images/a.png", "images/a2.png"))]


def test_without_params_splits_are_guessed_from_names(tmp_path: Path) -> None:
    for seed, name in enumerate(("train_1", "val-1", "test/1")):
        write(tmp_path / "Imgs" / f"{name}.png", picture(seed))
        write(tmp_path / "GT" / f"{name}.png", shape(seed))
    facts = look(tmp_path).facts
    assert set(facts["splits"]) == {"train", "val", "test"}
    assert facts["layout"]["images"] == "Imgs"


def test_left_out_images_are_a_note_and_print_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound(tmp_path)
    write(tmp_path / "images" / "z.png", picture(9))
    assert [item[:2] for item in found_in(look(tmp_path, params(tmp_path)))] == [("note", "split_left_out")]
    assert capsys.readouterr().out == ""


def test_different_pictures_are_no_pair_and_flat_ones_only_if_equal() -> None:
    flat = [np.full((40, 40, 3), grey, np.uint8) for grey in (10, 200, 10)]
    pairs = find_pairs([fingerprint(image) for image in [*map(picture, range(60)), *flat]])
    assert [(pair.first, pair.second, pair.exact) for pair in pairs] == [(60, 62, True)]


@SMALL
@given(head=st.sampled_from([b"", PNG, JPEG, b"II*\x00", b"BM", b"GIF89a"]), tail=st.binary(max_size=200))
@pytest.mark.parametrize("folder", ["images", "masks", "marks"])
def test_random_bytes_end_in_a_finding(tmp_path: Path, folder: str, head: bytes, tail: bytes) -> None:
    sound(tmp_path)
    (tmp_path / "marks").mkdir(exist_ok=True)
    (tmp_path / folder / "a.png").write_bytes(head + tail)
    found = look(tmp_path, params(tmp_path, supervision="points"))
    assert [item[2] for item in found_in(found) if item[0] == "error"] == [(f"{folder}/a.png",)]


@SMALL
@given(place=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.integers(0, 3_000))
def test_a_damaged_file_never_ends_in_a_traceback(tmp_path: Path, place: int, value: int, cut: int) -> None:
    sound(tmp_path)
    for folder in ("images", "masks"):
        path = tmp_path / folder / "a.png"
        data = bytearray(path.read_bytes())
        data[place % len(data)] = value
        path.write_bytes(bytes(data[: len(data) - cut % len(data)]))
    assert isinstance(look(tmp_path).as_json(), dict)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["camo_mini", "drive", "kvasir_seg"])
def test_real_data_have_no_errors(name: str) -> None:
    folder = os.environ.get("SCALER_TEST_DATA")
    if not folder or not (Path(folder) / name).is_dir():
        pytest.skip(f"no {name} in SCALER_TEST_DATA")
    findings = examine(Path(folder) / name, None)
    assert findings.faults.of("error") == []
    assert findings.facts["splits"]["train"]["images"] > 0
    if name == "kvasir_seg":  # found by eye to be one scene
        leaks = [item[2] for item in found_in(findings) if item[1] == "near_duplicate_between_splits"]
        assert leaks == [("images/test_16.jpg", "images/train_222.jpg")]


def test_masks_of_true_and_false_in_a_tiff_are_explained(tmp_path: Path) -> None:
    sound(tmp_path)
    (tmp_path / "masks" / "a.png").unlink()
    tifffile.imwrite(tmp_path / "masks" / "a.tif", shape(0) > 0)
    (fault,) = [item for item in look(tmp_path, params(tmp_path)).faults.items if item.kind == "mask_inverted"]
    assert "the TIFF says that 0 is white" in fault.reason
