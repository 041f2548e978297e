"""Points as CSV and JSON: read strictly, drawn where they were set, used by the data set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scaler.data.folder import find_samples
from scaler.data.points import Point, Points, draw
from scaler.data.points_files import read_points, read_points_of_all
from scaler.errors import ScalerError
from tests.data.conftest import Folder, Params
from tests.data.prepared import prepare

SET = (Point(3, 5, 1), Point(20.5, 10, 2))


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "x,y,label\n3,5,1\n20.5,10,2\n"),
        ("a.csv", "\ufeffy;x;label\n5;3;foreground\n\n10;20.5;background\n"),
        ("a.CSV", "label\tx\ty\nFG\t3\t5\nbg\t20.5\t10\n"),
        ("a.json", '[{"x": 3, "y": 5, "label": 1}, {"x": 20.5, "y": 10, "label": 0}]'),
        ("a.json", '{"points": [{"x": 3, "y": 5, "label": "fg", "by": "Ann"}, {"x": 20.5, "y": 10, "label": "bg"}]}'),
        ("a.json", '{"point_coords": [[3, 5], [20.5, 10]], "point_labels": [1, 0]}'),
    ],
)
def test_the_points_of_one_image(tmp_path: Path, name: str, text: str) -> None:
    assert read_points(written(tmp_path / name, text)).points == SET


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("all.csv", "image,x,y,label\na/1,3,5,1\nb,1,1,1\na/1,20.5,10,0\n"),
        ("all.json", '{"a/1": [{"x": 3, "y": 5, "label": 1}, {"x": 20.5, "y": 10, "label": 2}], "b": '
                     '{"point_coords": [[1, 1]], "point_labels": [1]}}'),
    ],
)  # fmt: skip
def test_the_points_of_all_images(tmp_path: Path, name: str, text: str) -> None:
    found = read_points_of_all(written(tmp_path / name, text))
    assert {image: points.points for image, points in found.items()} == {"a/1": SET, "b": (Point(1, 1, 1),)}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", "no column named x; the first line has nothing"),
        ("a.csv", "x,y,label\n", "no point in it; add some, or remove it"),
        ("a.csv", "x,y,lable\n3,5,1\n", "no column named label; the first line has 'x', 'y', 'lable'"),
        ("a.csv", "x,y,label\n3,5\n", "line 2: expected 3 cells .* found 2"),
        ("a.csv", "x,y,label\n3,five,1\n", r"line 2: y is 'five', expected a number of pixels"),
        ("a.csv", "x,y,label\nnan,5,1\n", "line 2: x is 'nan', expected a number of pixels"),
        ("a.csv", "x,y,label\n3,5,255\n", "line 2: label is '255', expected 1 or foreground"),
        ("a.csv", "x,y,label\n3,5,0\n6,5,2\n", "background is 0 in some points and 2 in others"),
        ("a.json", "{", "not readable as JSON"),
        ("a.json", '{"points": [], "points": []}', "the key 'points' occurs twice"),
        ("a.json", "[]", "no point in it"),
        ("a.json", "[[3, 5, 1]]", "expected points as .* give each point x, y and label"),
        ("a.json", '[{"x": true, "y": 5, "label": 1}]', "point 1: x is True, expected a number"),
        ("a.json", '[{"x": 1, "y": 5, "label": true}]', "point 1: label is True, expected 1 or foreground"),
        ("a.json", '{"point_coords": [[3, 5]], "point_labels": []}', "expected point_coords .* and as many"),
        ("a.json", '{"image": "a"}', "expected points as"),
    ],
)
def test_what_is_no_file_of_points_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(ScalerError, match=message):
        read_points(written(tmp_path / name, text))


def test_the_points_of_one_image_are_not_those_of_all(tmp_path: Path) -> None:
    path = written(tmp_path / "all.json", '{"points": [{"x": 3, "y": 5, "label": 1}]}')
    with pytest.raises(ScalerError, match=r"an object with a key per image, .*; found the points of a single image"):
        read_points_of_all(path)


def test_a_disc_has_its_radius_at_the_size_of_training() -> None:
    marks = draw(Points(Path("p"), "", (Point(40, 10, 1),)), (60, 120), size=30, radius=2)
    rows, columns = np.nonzero(marks == 1)
    assert (rows.min(), rows.max()) == (10 - 4, 10 + 4)  # 60 rows become 30
    assert (columns.min(), columns.max()) == (40 - 8, 40 + 8)  # 120 columns become 30
    assert marks[10 - 3, 40 - 7] == 0  # a disc, no square
    at_edge = draw(Points(Path("p"), "", (Point(0, 59.9, 2),)), (60, 120), size=30, radius=2)
    assert at_edge[59, 0] == 2
    assert at_edge.sum() < marks.sum() * 2 / 2


def test_a_pixel_between_two_points_goes_to_the_nearer_one() -> None:
    points = Points(Path("p"), "", (Point(10, 10, 1), Point(14, 10, 2)))
    marks = draw(points, (32, 32), size=32, radius=5)
    assert marks[10, 6:20].tolist() == [1] * 7 + [2] * 7  # column 12 lies in the middle: the first stays
    np.testing.assert_array_equal(draw(points, (32, 32), 32, 0).nonzero(), [[10, 10], [10, 14]])


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ((Point(40, 3, 1),), r"x 40, y 3 is outside the image of 40 x 30 pixels .* swap x and y"),
        ((Point(-0.1, 3, 1),), "is outside"),
        ((Point(3, 5, 1), Point(3.9, 5.2, 2)), "foreground and background on the same pixel, x 3, y 5"),
    ],
)
def test_impossible_points_are_refused(points: tuple[Point, ...], message: str) -> None:
    with pytest.raises(ScalerError, match=message):
        draw(Points(Path("a.csv"), "", points), (30, 40), size=32, radius=1)


def test_points_of_a_folder_are_marks(folder: Folder, params: Params) -> None:
    root = folder()
    written(root / "marks" / "train_0.csv", "x,y,label\n10,6,1\n35,20,2\n")
    written(root / "marks" / "train_1.json", '[{"x": 10, "y": 6, "label": 1}]')
    train = prepare(root, params(supervision="points", point_radius=0), seed=0).train
    assert np.argwhere(train.marks[0] == 1).tolist() == [[6 * 32 // 30, 10 * 32 // 40]]
    assert np.argwhere(train.marks[0] == 2).tolist() == [[20 * 32 // 30, 35 * 32 // 40]]
    assert set(np.unique(train.marks[1])) == {0, 1}
    assert set(np.unique(train.marks[2])) == {0, 1, 2}  # simulated


@pytest.mark.parametrize("name", ["points.csv", "labels/points.json"])
def test_one_file_with_the_points_of_all(folder: Folder, params: Params, name: str) -> None:
    root = folder(masks=False)
    if name.endswith("csv"):
        written(root / name, "image,x,y,label\ntrain_0,10,6,1\ntrain_3.png,35,20,2\n")
    else:
        one = {"point_coords": [[10, 6]], "point_labels": [1]}
        written(root / name, json.dumps({"train_0": one, "train_3.png": [{"x": 35, "y": 20, "label": "bg"}]}))
    train = prepare(root, params(supervision="points", marks=name, point_radius=0), seed=0).train
    assert [np.unique(marks).tolist() for marks in train.marks[:4]] == [[0, 1], [0], [0], [0, 2]]


def test_a_table_of_images_names_files_of_points(folder: Folder, params: Params) -> None:
    root = folder()
    written(root / "clicks" / "one.csv", "x,y,label\n10,6,1\n")
    written(
        root / "table.csv",
        "image,mask,marks,split\nimages/train_0.png,,clicks/one.csv,train\n"
        "images/val_0.png,masks/val_0.png,,val\nimages/test_0.png,masks/test_0.png,,test\n",
    )
    chosen = params(layout="csv", supervision="points", train="auto", val="auto", test="auto", point_radius=0)
    assert np.argwhere(prepare(root, chosen, seed=0).train.marks[0]).tolist() == [[6, 8]]


@pytest.mark.parametrize(
    ("text", "marks", "message"),
    [
        (
            "image,x,y,label\ntrain_99,1,1,1\n",
            "points.csv",
            "'train_99': no image has this id; the nearest id is 'train_",
        ),
        ("image,x,y,label\n,1,1,1\n", "points.csv", "'': no image has this id; an id is, for example, 'test_0'"),
        ("image,x,y,label\ntrain_0,1,1,1\n", "../points.csv", r"must be inside .*, so that changes in it are noticed"),
        ("image,x,y,label\ntrain_0,1,1,1\n", "other.csv", r"other\.csv: no such table; prepare_data\.marks names"),
        ("image,x,y,label\ntrain_0,1,1,1\ntrain_0.png,1,1,1\n", "points.csv", "this image also has the marks"),
        ("image,x,y,label\ntrain_1,1,1,1\n", "points.csv", r"this image also has the marks .*train_1\.json"),
    ],
)
def test_faults_of_a_file_of_all_points(folder: Folder, params: Params, text: str, marks: str, message: str) -> None:
    root = folder()
    written(root / "points.csv", text)
    written(root / "marks" / "train_1.json", '[{"x": 10, "y": 6, "label": 1}]')
    with pytest.raises(ScalerError, match=message):
        find_samples(root, params(supervision="points", marks=marks))


def test_a_picture_and_points_of_one_image_are_refused(folder: Folder, params: Params) -> None:
    root = folder()
    written(root / "marks" / "train_1.json", '[{"x": 10, "y": 6, "label": 1}]')
    Image.fromarray(np.ones((30, 40), np.uint8)).save(root / "marks" / "train_1.png")
    with pytest.raises(ScalerError, match=r"train_1\.png, .*train_1\.json: the same name twice"):
        find_samples(root, params(supervision="points"))
    (root / "marks" / "train_1.png").unlink()
    (root / "marks" / "stranger.csv").write_text("x,y,label\n1,1,1\n")
    with pytest.raises(ScalerError, match=r"stranger\.csv: a marks file without image"):
        find_samples(root, params(supervision="points"))
