"""The table of a run whose maps are drawn pixel by pixel, against values counted by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scaler.artifacts.names import LabelKind
from scaler.artifacts.paths import Stop, stops
from scaler.artifacts.run import Run
from scaler.pages.table import STORED, Measured, measure
from tests.pages.world import write_evaluation, write_labels, write_models, write_split

SIZE = 8
OFF, ON = 4, 250


def block(rows: slice, columns: slice, value: int = ON) -> np.ndarray:
    """(8, 8) map of 4 with a rectangle of another value."""
    label = np.full((SIZE, SIZE), OFF, np.uint8)
    label[rows, columns] = value
    return label


LEFT = block(slice(0, 4), slice(0, 4))  # 16 pixels
MIDDLE = block(slice(0, 4), slice(2, 6))  # 16, of which 8 in LEFT
TOP = block(slice(0, 4), slice(0, 8))  # 32: both
NOTHING = block(slice(0, 0), slice(0, 0))
EVEN = np.full((SIZE, SIZE), 128, np.uint8)  # p = 0.502 everywhere: undecided
CORNERS = np.where(np.add.outer(np.arange(SIZE), np.arange(SIZE)) % 14 == 0, ON, OFF).astype(np.uint8)  # two of 1 pixel


def write_run(results: Path) -> Path:
    """Two training images (one marked, one of unknown truth), one validation and one test image; init, 0 and 1."""
    truth = np.stack([LEFT > 128, TOP > 128]).astype(np.uint8)
    marks = np.zeros((2, SIZE, SIZE), np.uint8)
    marks[0, 0, 0], marks[0, 7, 7], marks[0, 0, 5], marks[0, 7, 0] = 1, 2, 2, 2
    image = np.zeros((2, SIZE, SIZE, 3), np.uint8)
    more = {"marks": marks, "known": np.array([True, False]), "labelled": np.array([False, True])}
    more["native_size"] = np.array([[30, 40], [50, 60]])
    write_split(results, "train", ["x", "y"], image, truth, **more)
    for split in ("val", "test"):
        write_split(results, split, [split], image[:1], truth[:1], set=np.array(["CAMO"]))
    ids = {"val": ["val"], "test": ["test"]}
    teachers = [[LEFT, NOTHING], [MIDDLE, EVEN], [LEFT, NOTHING]]
    sams = [[TOP, NOTHING], [TOP, NOTHING], [CORNERS, EVEN]]
    masks = dict.fromkeys(("val", "test"), truth[:1])
    for number, (stop, teacher, sam) in enumerate(zip(stops(results, ["round_1"]), teachers, sams, strict=True)):
        write_models(stop, number)
        maps = np.stack(teacher)
        names = ("probability", "teacher", "student")
        shards = 1 if number == 2 else 2
        write_labels(stop.labels("segmenter_labels"), ["x", "y"], dict.fromkeys(names, maps), shards)
        write_labels(stop.labels("sam_labels"), ["x", "y"], {"probability": np.stack(sam)})
        own = {"teacher": maps[:1], "sam": TOP[None], "segmenter": NOTHING[None]}
        write_evaluation(stop.evaluation, ids, {"val": own, "test": own}, masks)
    return results


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    return measure(Run(write_run(tmp_path_factory.mktemp("hand") / "results")))


def test_columns_of_the_whole_run(found: Measured) -> None:
    images = found.images
    assert images["id"] == ["x", "y", "val", "test"]
    assert images["split"] == ["train", "train", "val", "test"]
    assert images["set"] == ["", "", "CAMO", "CAMO"]
    assert images["labelled"] == [False, True, True, True]
    assert images["marked"] == [4, 0, 0, 0]
    assert images["known"] == [True, False, True, True]
    assert (images["height"][:2], images["width"][:2]) == ([30, 50], [40, 60])
    assert images["truth_area"] == [0.25, None, 0.25, 0.25]
    # x: left, middle, left: 8 of 24 pixels shared each time; y: nothing, all, nothing
    assert images["change"] == [round(2 / 3, 4), 1.0, round(2 / 3, 4), round(2 / 3, 4)]
    assert images["oscillation"] == [1, 1, 1, 1]
    assert images["cold"] == [False, True, False, False]


@pytest.mark.parametrize(
    ("stop", "column", "expected"),
    [
        ("init", "iou", [0.5, 1.0, 0.5, 0.5]),  # SAM at the initialization is that of the warm-up
        ("warm_up", "iou", [0.5, 0.0, 0.5, 0.5]),
        ("round_1", "iou", [round(1 / 17, 4), 0.0, 0.5, 0.5]),
        ("init", "teacher_previous", [None] * 4),
        ("warm_up", "teacher_previous", [round(1 / 3, 4), 0.0, round(1 / 3, 4), round(1 / 3, 4)]),
        ("warm_up", "sam_previous", [1.0, 1.0, 1.0, 1.0]),
        ("round_1", "sam_previous", [round(1 / 33, 4), 0.0, 1.0, 1.0]),
        ("warm_up", "teacher_area", [0.25, 1.0, 0.25, 0.25]),
        ("round_1", "sam_area", [round(2 / 64, 4), 1.0, 0.5, 0.5]),
        ("round_1", "teacher_components", [1, 0, 1, 1]),
        ("round_1", "sam_components", [2, 1, 1, 1]),
        ("init", "teacher_marks", [1.0, None, None, None]),
        ("warm_up", "teacher_marks", [0.5, None, None, None]),  # misses (0, 0), covers (0, 5)
        ("round_1", "sam_marks", [0.75, None, None, None]),  # covers (7, 7)
        ("init", "teacher_truth", [1.0, None, 1.0, 1.0]),
        ("warm_up", "sam_truth", [0.5, None, 0.5, 0.5]),
        ("warm_up", "segmenter_truth", [round(1 / 3, 4), None, 0.0, 0.0]),
        ("warm_up", "consensus_truth", [round(1 / 3, 4), None, None, None]),  # made for training images alone
        ("warm_up", "segmenter_iou", [0.5, 0.0, 0.0, 0.0]),
        ("warm_up", "segmenter_previous", [round(1 / 3, 4), 0.0, 1.0, 1.0]),
        ("init", "cold", [False, True, False, False]),
        ("warm_up", "cold", [False, True, False, False]),  # y: undecided and empty
        ("round_1", "cold", [False, True, False, False]),
        ("warm_up", "teacher_branch", [2, 1, None, None]),
    ],
)
def test_columns_at_a_stop(found: Measured, stop: str, column: str, expected: list[float | None]) -> None:
    assert found.at[found.stops[("init", "warm_up", "round_1").index(stop)].name][column] == expected


def test_weights_are_those_that_were_stored(found: Measured) -> None:
    p = np.where(MIDDLE > 128, ON, OFF) / 255
    entropy = float((-p * np.log2(p) - (1 - p) * np.log2(1 - p)).mean())
    table = found.at[found.stops[1].name]
    assert table["teacher_entropy"][0] == pytest.approx(entropy, abs=1e-4)
    assert table["teacher_weight"][0] == pytest.approx(1 - entropy, abs=1e-4)
    assert table["teacher_pixel_weight"][0] == pytest.approx(float(((2 * p - 1) ** 2).mean()), abs=1e-4)
    assert all(table[name][2:] == [None, None] for name in STORED)


def test_how_far_the_views_agree_is_shown_where_it_is_stored(found: Measured, monkeypatch: pytest.MonkeyPatch) -> None:
    name = found.stops[2].name
    expected = [1 - found.at[name]["sam_entropy"][row] ** 2 for row in (0, 1)]
    assert found.at[name]["sam_agreement"][:2] == pytest.approx(expected, abs=2e-4)
    read = Run.label_column

    def older(run: Run, stop: Stop, kind: LabelKind, column: str) -> object:
        if column == "agreement":
            raise KeyError(column)
        return read(run, stop, kind, column)

    monkeypatch.setattr(Run, "label_column", older)
    assert measure(found.run).at[name]["sam_agreement"] == [None] * 4
