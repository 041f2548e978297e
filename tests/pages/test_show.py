"""`show`: the story of every kind of artifact, and a clear message for everything else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from scaler.artifacts.sealing import seal_html, sealed_hdf5
from scaler.cli.show import WORDS, story
from scaler.cli.show_image import marks_picture, picture
from scaler.errors import ScalerError, printable
from tests.conftest import ROOT
from tests.pages.world import header, write_labels

FILES = {
    "data": "data/train.h5",
    "truth": "data/train_truth.h5",
    "segmenter": "stops/round_1/segmenter.h5",
    "sam": "stops/round_1/sam.h5",
    "sam_labels": "stops/round_1/sam_labels/shard_0.h5",
    "segmenter_labels": "stops/init/segmenter_labels/shard_1.h5",
    "evaluation": "stops/round_2/evaluation.h5",
}


def told(path: Path, image: str | None = None, **options: bool) -> str:
    return "\n".join(story(path, image, **options))


@pytest.mark.parametrize(("kind", "name"), FILES.items())
def test_every_kind_has_its_story(results: Path, kind: str, name: str) -> None:
    text = told(results / name)
    assert f": {kind}, schema " in text
    assert WORDS[kind] in text
    assert "python -m stages." in text
    assert "weighting: difficult_entropy 0.8" in text
    with h5py.File(results / name) as file:
        for key, item in file.items():
            assert not len(item) or f"  {key}" in text


def test_data_sets_have_type_shape_and_statistics(results: Path) -> None:
    path = results / FILES["sam_labels"]
    with h5py.File(path) as file:
        weight, probability = file["weight"][()], file["probability"][()]
    lines = {line.split()[0]: line.split() for line in told(path).split("holds\n")[1].splitlines()}
    assert lines["probability"][1:3] == ["uint8", "3x32x32"]
    assert lines["probability"][3:] == [str(probability.min()), "to", str(probability.max()) + ",", "mean",
                                        f"{probability.mean():.4g}"]  # fmt: skip
    assert lines["weight"][3:6] == [f"{weight.min():.4g}", "to", f"{weight.max():.4g},"]
    assert lines["id"][1:4] == ["string", "3", "3"]


def test_an_evaluation_shows_its_metrics(results: Path) -> None:
    path = results / FILES["evaluation"]
    with h5py.File(path) as file:
        expected = f"{file['test']['sam'].attrs['iou']:.3f}"
    line = next(line for line in told(path).splitlines() if line.split()[:2] == ["test", "sam"])
    assert line.split()[2] == expected


def test_a_model_shows_its_log(results: Path) -> None:
    text = told(results / FILES["segmenter"])
    assert "log of 12 epochs" in text
    assert "loss                 1.2 to 0." in text


def test_of_many_tensors_the_first_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "segmenter.h5"
    with sealed_hdf5(path, header("segmenter", path)) as file:
        for i in range(70):
            file[f"teacher/{i:02}"] = np.array([1.0, np.nan, 3.0], np.float32)
    text = told(path)
    assert "teacher/11" in text
    assert "teacher/12" not in text
    assert "teacher/...: 70 data sets, 210 numbers in all" in text
    assert "1 to 3, mean 2, 1 not finite" in text


def test_one_image(results: Path) -> None:
    text = told(results / FILES["segmenter_labels"], "train/0004")
    with h5py.File(results / FILES["segmenter_labels"]) as file:
        entropy, teacher = file["entropy"][1], file["teacher"][1]
    assert "'train/0004', number 1 of 4" in text
    assert f"entropy = {entropy:.4f}" in text
    assert "branch = " in text
    assert any(f"branch = {name}" in text for name in ("normal", "difficult", "simple"))
    assert f"teacher  32x32, {teacher.min()} to {teacher.max()}, {(teacher >= 128).mean():.1%} at p >= 0.5" in text
    assert sum(line.startswith("    |") for line in text.splitlines()) == 3 * 16
    assert "░" in text
    assert told(results / FILES["segmenter_labels"], "train/0004", ascii_only=True).isascii()


def test_one_image_of_an_evaluation(results: Path) -> None:
    text = told(results / FILES["evaluation"], "test/0003")
    assert "test/'test/0003', number 3 of 4" in text
    assert "test/sam/iou = " in text
    assert "test/segmenter/prediction  32x32" in text
    assert "curve" not in text


def test_pictures_are_drawn_as_they_are() -> None:
    half = np.zeros((4, 4), np.uint8)
    half[:, 2:] = 255
    assert picture(half) == ["  ██", "  ██"]
    assert picture(half, ascii_only=True) == ["  @@", "  @@"]
    assert picture(half // 255, 1) == ["  ██", "  ██"]
    assert len(picture(np.zeros((300, 100, 3), np.uint8))) == 72
    marks = np.zeros((200, 200), np.uint8)
    marks[0, 0], marks[199, 199] = 1, 2
    lines = marks_picture(marks)
    assert (lines[0][0], lines[-1][-1]) == ("+", "-")
    assert "".join(lines).count("+") == "".join(lines).count("-") == 1


def test_an_image_that_is_not_there(results: Path) -> None:
    with pytest.raises(ScalerError, match=r"has no image 'train/004'; it holds 4 images.*Did you mean 'train/0004'"):
        told(results / FILES["segmenter_labels"], "train/004")
    with pytest.raises(ScalerError, match="it holds no images"):
        told(results / FILES["sam"], "x")


def test_a_page(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    seal_html(path, header("report", path), "<p>page</p>", [("metrics.json", "{}")])
    assert "beside it    metrics.json" in told(path)
    with pytest.raises(ScalerError, match="open it in a browser"):
        told(path, "x")
    path.write_text(path.read_text().replace("<p>page", "<p>Page"))
    with pytest.raises(ScalerError, match="checksum"):
        told(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not an artifact"),
        (b"\x89HDF\r\n\x1a\n" + bytes(600), "not an artifact"),
        (b"SCALER-ARTIFACT {", "its header is damaged"),
        (b"\xff" * 2000, "not an artifact"),
    ],
)
def test_foreign_files(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x.h5"
    path.write_bytes(content)
    with pytest.raises(ScalerError, match=said):
        told(path)


def test_damaged_files(results: Path, tmp_path: Path) -> None:
    whole = (results / FILES["sam"]).read_bytes()
    path = tmp_path / "sam.h5"
    for content in (whole[:-1], whole[:1500], whole[:-10] + b"0123456789"):
        path.write_bytes(content)
        with pytest.raises(ScalerError, match=r"checksum|beginning"):
            told(path)
    with pytest.raises(ScalerError, match="this is a folder"):
        told(tmp_path)
    with pytest.raises(ScalerError, match="there is no such file"):
        told(tmp_path / "nothing.h5")


def test_names_cannot_command_the_terminal(tmp_path: Path) -> None:
    name = "\x1b[2Jclear\x07\u202egnp"
    write_labels(tmp_path / "r/sam_labels", [name], {"probability": np.zeros((1, 32, 32), np.uint8)}, shards=1)
    text = told(tmp_path / "r/sam_labels/shard_0.h5", name) + told(tmp_path / "r/sam_labels/shard_0.h5")
    assert "\x1b" not in "".join(printable(line) for line in text.splitlines())
    assert printable(name) == r"\x1b[2Jclear\x07\u202egnp"


def test_the_command(results: Path) -> None:
    """On a terminal without blocks; and into a pipe that nobody reads, which is no error."""
    command = f"{sys.executable} -m scaler show {results / FILES['sam_labels']} --image train/0000"
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    for rest, expected in (("", f"{results / FILES['sam_labels']}: 'train/0000', number 0"), (" | true", "")):
        done = subprocess.run(command + rest, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.stdout.startswith(expected)
        assert (done.returncode, done.stderr) == (0, "")
