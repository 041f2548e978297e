"""A table that names files, splits, sets and groups."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scaler.data.folder import find_samples, survey
from scaler.errors import Faults, ScalerError

from . import trees
from .conftest import Params

GOOD = """\
image,mask,split,set,group,age
photos/a b.jpg,drawn/x1.png,train,,p1,40
photos/c.d.jpg,,train,,p1,40
photos/e.jpg,drawn/x3.png,validation,,p2,
"photos/f,1.jpg",drawn/x4.png,test,Clinic A,p3,
photos/g.jpg,drawn/x5.png,,,,
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a b", "c.d", "e", "f,1", "g"):
        trees.picture(tmp_path / "photos" / f"{name}.jpg")
    for number in (1, 3, 4, 5):
        trees.label(tmp_path / "drawn" / f"x{number}.png", trees.shape(number))
    (tmp_path / "table.csv").write_text(GOOD)
    return tmp_path


@pytest.fixture
def rules(params: Params) -> Params:
    def make(**changes: object):  # type: ignore[no-untyped-def]
        return params(**{"layout": "csv", "train": "auto", "val": "auto", "test": "auto"} | changes)

    return make


def test_columns_say_it_all(root: Path, rules: Params) -> None:
    samples = find_samples(root, rules())
    assert [(s.id, s.split, s.mask and s.mask.name, s.set, s.group) for s in samples] == [
        ("photos/a b", "train", "x1.png", "", "p1"),
        ("photos/c.d", "train", None, "", "p1"),
        ("photos/e", "val", "x3.png", "", "p2"),
        ("photos/f,1", "test", "x4.png", "Clinic A", "p3"),
    ]
    faults = Faults(root)
    assert survey(root, rules(), faults) == samples
    assert [item.kind for item in faults.items] == ["columns_ignored", "groups", "split_left_out"]


def test_backslashes_of_windows_part_folders(root: Path, rules: Params) -> None:
    samples = find_samples(root, rules())
    (root / "table.csv").write_text(GOOD.replace("photos/", "photos\\").replace("drawn/", "drawn\\"))
    assert find_samples(root, rules()) == samples


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_and_a_byte_order_mark(root: Path, rules: Params, delimiter: str) -> None:
    text = GOOD.replace('"photos/f,1.jpg"', "photos/f_1.jpg").replace(",", delimiter)
    (root / "photos" / "f,1.jpg").rename(root / "photos" / "f_1.jpg")
    (root / "mine.csv").write_bytes("\ufeff".encode() + text.replace("\n", "\r\n").encode())
    assert len(find_samples(root, rules(table="mine.csv"))) == 4


def test_patterns_and_expressions_take_the_place_of_columns(root: Path, rules: Params) -> None:
    samples = find_samples(root, rules(train="photos/[ac]*", val="photos/e", test="photos/[fg]*", groups="/(.)"))
    assert [(s.id[-1], s.split, s.group) for s in samples] == [
        ("b", "train", "a"), ("d", "train", "c"), ("e", "val", "e"), ("1", "test", "f"), ("g", "test", "g"),
    ]  # fmt: skip
    named = find_samples(root, rules(groups="age"))
    assert {s.id: s.group for s in named}["photos/a b"] == "40"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("image,mask", "picture,mask", "no column named image; the first line has 'picture', 'mask'"),
        ("image,mask", "image,masks", "column 'masks' is nearly 'mask'"),
        ("split,set", "Split,set", "column 'Split' is nearly 'split'"),
        ("image,mask", "image,image", "two columns named 'image'; keep one"),
        ("drawn/x1.png", "drawn/x9.png", "line 2: mask 'drawn/x9.png': no such file in"),
        ("photos/e.jpg", "photos/z.jpg", "line 4: image 'photos/z.jpg': no such file"),
        ("photos/e.jpg", "../e.jpg", "line 4: image '../e.jpg': must be inside {root}"),
        (
            "photos/e.jpg",
            "photos/e.heic",
            "line 4: image 'photos/e.heic': not a file that is read; expected one of .jpg",
        ),
        ("photos/e.jpg", "", "line 4: no image named; write its path below {root}"),
        ("photos/g.jpg", "photos/e.jpg", "line 6: {root}/photos/e.jpg and {root}/photos/e.jpg have the same image id"),
        ("validation", "hold-out", "line 4: split 'hold-out'; write train, val or test"),
        (
            "drawn/x4.png",
            "",
            "f,1.jpg: a test image without mask; name it in the column mask ({root}/table.csv: line 5)",
        ),
        (
            '"photos/f,1.jpg"',
            "photos/f,1.jpg",
            "line 5: expected 6 cells (image, mask, split, set, group, age)",
        ),
        (
            "validation,,p2",
            "validation,,p1",
            "the group 'p1' is in several splits: train (photos/a b), val (photos/e)",
        ),
        (GOOD[GOOD.index("photos/a") :], "", "names no image; write a line per image"),
        ("set,group", 'set,"group', "not readable as a table"),
    ],
)
def test_each_fault_is_named_with_its_line(root: Path, rules: Params, old: str, new: str, message: str) -> None:
    assert old in GOOD
    (root / "table.csv").write_text(GOOD.replace(old, new))
    with pytest.raises(ScalerError, match=re.escape(message.format(root=root))):
        find_samples(root, rules())


def test_a_table_that_is_none(root: Path, rules: Params) -> None:
    with pytest.raises(ScalerError, match=r"other\.csv: no such table; layout csv reads the table that"):
        find_samples(root, rules(table="other.csv"))
    with pytest.raises(ScalerError, match=r"\.\./table\.csv: prepare_data\.table: the table must be inside"):
        find_samples(root, rules(table="../table.csv"))
    (root / "table.csv").write_bytes(b"image\n\xff\xfe\x00")
    with pytest.raises(ScalerError, match=r"table\.csv: not readable as a table .* save it as CSV in UTF-8"):
        find_samples(root, rules())
    (root / "table.csv").write_text("")
    with pytest.raises(ScalerError, match="no column named image; the first line has nothing"):
        find_samples(root, rules())
    (root / "table.csv").write_text(GOOD)
    with pytest.raises(ScalerError, match=r"prepare_data\.groups: no column 'patient'"):
        find_samples(root, rules(groups="patient"))
