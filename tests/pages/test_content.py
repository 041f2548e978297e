"""Every key of the page: what is in it, and that it is what the artifacts hold."""

from __future__ import annotations

import base64
import io
import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from scaler.artifacts.run import Run
from scaler.metrics.names import METRICS
from scaler.pages.inspection.content import Content
from scaler.pages.inspection.overview import CHUNK
from tests.pages.world import make_results

STOPS = ["init", "warm_up", "round_1", "round_2"]


def content_of(results: Path, tile: int = 192) -> Content:
    return Content(Run(results), tile)


def pixels(uri: str) -> np.ndarray:
    kind, _, text = uri.partition(";base64,")
    assert kind in ("data:image/png", "data:image/jpeg")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def test_all_keys_have_values_of_the_right_length(content: Content) -> None:
    keys = list(content.all_keys())
    assert keys[:6] == ["run", "images", *(f"table/{stop}" for stop in STOPS)]
    assert keys[6:] == [f"tiles/{stop}/0" for stop in ("images", *STOPS)]
    for key in keys:
        value = content.value(key)
        json.dumps(value, allow_nan=False)
        if key != "run":
            assert {len(column) for column in value.values()} == {14}, key


@pytest.mark.parametrize(
    "key",
    ["", "nothing", "table/round_9", "tiles/round_1/1", "tiles/round_1/-1", "tiles/round_1/00", "tiles/x/0", "tiles"],
)
def test_other_keys_are_refused(content: Content, key: str) -> None:
    with pytest.raises(KeyError):
        content.value(key)


def test_the_run_says_what_it_is(content: Content) -> None:
    run: dict[str, Any] = content.value("run")
    assert (run["size"], run["tile"], run["chunk"], run["count"]) == (32, 32, CHUNK, 14)
    assert [stop["name"] for stop in run["stops"]] == STOPS
    assert [stop["title"] for stop in run["stops"]] == ["Initialization", "Warm-up", "Round 1", "Round 2"]
    assert all(stop["labels"] and stop["teacher"] and stop["sam"] for stop in run["stops"])
    assert run["splits"] == {"train": [0, 7], "val": [7, 10], "test": [10, 14]}
    assert run["params"]["weighting"]["simple_entropy"] == 0.2
    assert run["missing"] == []
    weights = run["pixel_weight"]
    assert len(weights) == 256
    assert (weights[0], weights[255]) == (1.0, 1.0)
    assert weights[51] == pytest.approx((2 * 0.2 - 1) ** 2)


def test_curves_are_the_evaluations_own(content: Content) -> None:
    curves = content.value("run")["curves"]
    for place, stop in enumerate(content.run.stops):
        with h5py.File(stop.evaluation) as file:
            for split in ("val", "test"):
                for model in ("segmenter", "teacher", "sam"):
                    for metric in METRICS:
                        stored = file[split][model].attrs[metric]
                        assert curves[split][model][metric][place] == round(float(stored), 7)


def test_distributions_are_quantiles_of_the_table(content: Content) -> None:
    given = content.value("run")["distributions"]["round_1"]
    table = content.value("table/round_1")
    assert given["train"]["teacher_weight"][0] == min(table["teacher_weight"][:7])
    assert given["train"]["teacher_weight"][3] == sorted(table["teacher_weight"][:7])[3]
    assert given["train"]["teacher_weight"][6] == max(table["teacher_weight"][:7])
    known = [value for value in table["sam_truth"][:7] if value is not None]
    assert len(known) == 6
    assert given["train"]["sam_truth"][6] == max(known)
    assert given["test"]["iou"][0] == min(table["iou"][10:])
    assert "teacher_weight" not in given["test"]
    assert not any("branch" in name or name == "cold" for name in given["train"])


def test_shares_count_the_images_without_a_mask(content: Content) -> None:
    shares, table = content.value("run")["shares"]["round_2"], content.value("table/round_2")
    rows = [row for row in range(7) if not content.value("images")["labelled"][row]]
    assert shares["count"] == len(rows) == 5
    for number in range(3):
        assert shares["sam"][number] == round(sum(table["sam_branch"][row] == number for row in rows) / 5, 4)
    assert sum(shares["teacher"]) == pytest.approx(1)
    assert shares["cold"] == round(sum(table["cold"][row] for row in rows) / 5, 4)


def test_files_lead_to_what_is_shown(content: Content) -> None:
    files = content.value("run")["files"]
    row = 5
    path, first, last = next(s for s in files["stops"]["round_1"]["segmenter_labels"] if s[1] <= row < s[2])
    assert first <= row < last
    tiles = content.value("tiles/round_1/0")
    with h5py.File(path) as file:
        for layer, name in (("teacher", "teacher"), ("segmenter", "student"), ("consensus", "probability")):
            np.testing.assert_array_equal(pixels(tiles[layer][row]), file[name][row - first])
    with h5py.File(files["stops"]["round_1"]["evaluation"]) as file:
        np.testing.assert_array_equal(pixels(tiles["sam"][11]), file["test/sam/prediction"][1])
    assert tiles["consensus"][11] is None
    with h5py.File(files["truth"]) as file:
        np.testing.assert_array_equal(pixels(content.value("tiles/images/0")["truth"][row]), file["mask"][row] * 255)


def test_pictures_of_the_images(content: Content) -> None:
    tiles = content.value("tiles/images/0")
    assert tiles["truth"][1] is None  # not known
    with h5py.File(content.run.path / "data" / "train.h5") as file:
        marks, image = file["marks"][2], file["image"][2]
    np.testing.assert_array_equal(pixels(tiles["marks"][2]), np.array([0, 255, 128])[marks])
    assert tiles["marks"][8] is None
    assert np.abs(pixels(tiles["image"][2]).astype(int) - image).mean() < 8  # JPEG


def test_smaller_tiles_keep_every_mark(results: Path) -> None:
    content = content_of(results, tile=8)
    run = content.value("run")
    assert (run["size"], run["tile"]) == (32, 8)
    tiles = content.value("tiles/images/0")
    assert pixels(tiles["image"][0]).shape == (8, 8, 3)
    assert np.count_nonzero(pixels(tiles["marks"][2]) == 128) == 1
    labels = content.value("tiles/round_1/0")
    with h5py.File(content.run.stops[2].labels("sam_labels") / "shard_0.h5") as file:
        mean = file["probability"][0].reshape(8, 4, 8, 4).mean(axis=(1, 3))
    assert np.abs(pixels(labels["sam"][0]) - mean).max() <= 1


def test_the_story_is_there(content: Content) -> None:
    story = content.value("run")["story"]
    assert "on 4 test images, initialization to round 2" in story["well"]
    assert any("5 training images without a mask" in sentence for sentence in story["labels"])
    assert isinstance(story["headline"], str)
    assert isinstance(story["wrong"], list)


def test_the_initialization_alone(tmp_path: Path) -> None:
    results = make_results(tmp_path / "results", rounds=-1)
    shutil.rmtree(results / "stops" / "init" / "sam_labels")
    content = content_of(results)
    run = content.value("run")
    assert [stop["name"] for stop in run["stops"]] == ["init"]
    assert not run["stops"][0]["sam"]
    assert "SAM" in run["missing"][0]
    assert run["shares"]["init"]["sam"] == [0, 0, 0]
    assert run["story"]["headline"].startswith("Only the initialization")
    table = content.value("table/init")
    assert set(table["iou"][:7]) == {None}
    assert None not in table["iou"][7:]
    assert set(content.value("images")["change"]) == {None}


def test_labels_that_were_not_made_are_left_out_and_said(copy: Path) -> None:
    shutil.rmtree(copy / "stops" / "init" / "segmenter_labels")
    content = content_of(copy)
    run = content.value("run")
    assert [stop["teacher"] for stop in run["stops"]] == [False, True, True, True]
    assert len(run["missing"]) == 1
    assert "Initialization" in run["missing"][0]
    assert "snakemake" in run["missing"][0]
    assert set(content.value("table/init")["teacher_truth"][:7]) == {None}
    assert content.value("tiles/init/0")["teacher"][:7] == [None] * 7
    assert content.value("tiles/init/0")["sam"][0] is not None
    assert set(content.value("table/warm_up")["teacher_previous"][:7]) == {None}


def test_two_chunks(tmp_path: Path) -> None:
    ids = {"train": [f"{i}" for i in range(CHUNK + 2)], "val": ["v"], "test": ["t"]}
    content = content_of(make_results(tmp_path / "results", ids, rounds=0))
    assert [key for key in content.all_keys() if key.startswith("tiles/init")] == ["tiles/init/0", "tiles/init/1"]
    second = content.value("tiles/init/1")
    assert len(second["teacher"]) == 4
    with h5py.File(content.run.stops[0].labels("segmenter_labels") / "shard_1.h5") as file:
        np.testing.assert_array_equal(pixels(second["teacher"][0]), file["teacher"][CHUNK - (CHUNK + 2) // 2])
