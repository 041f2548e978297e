"""A whole run, read image by image."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from scaler.artifacts import open_files
from scaler.artifacts.paths import stops, truth_file
from scaler.artifacts.run import Run
from scaler.errors import ScalerError
from tests.artifacts.world import COUNTS, SIDE, ids_of, seal, write_ids, write_run


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("run") / "results"
    write_run(root)
    return root


@pytest.fixture
def results(built: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(built, tmp_path / "results"))


def test_rows_are_the_images_of_all_splits(built: Path) -> None:
    with Run(built) as run:
        assert run.ids == [name for split in COUNTS for name in ids_of(split)]
        assert [run.rows(split) for split in COUNTS] == [range(0, 5), range(5, 7), range(7, 10)]
        assert [run.split_of(row) for row in (0, 4, 5, 9)] == ["train", "train", "val", "test"]
        assert run.column("train", "labelled") == [True, False, True, False, True]
        assert run.column("train", "known") == [True, False, True, True, True]
        assert run.column("test", "native_size") == [[SIDE, SIDE]] * 3
        assert run.column("val", "set") == ["x", "x"]


def test_pictures_lie_where_the_run_says(built: Path) -> None:
    with Run(built) as run:
        last = run.stops[-1]
        locations = [run.image_location(9), run.truth_location(0), run.truth_location(8)]
        locations += [run.label_location(last, source, 4) for source in ("teacher", "sam", "consensus", "segmenter")]
        locations.append(run.label_location(last, "sam", 6))
        for location in locations:
            assert location is not None
            with h5py.File(location.path) as file:
                np.testing.assert_array_equal(run.read(location), file[location.data_set][location.index])
        assert run.truth(1) is None
        assert run.truth(0).all()
        # train/0004 lies in the second shard; its maps are 4 (consensus), 14 (teacher), 24 (student)
        assert [int(run.label(last, s, 4)[0, 0]) for s in ("consensus", "teacher", "segmenter")] == [4, 14, 24]
        assert run.label(last, "consensus", 6) is None
        assert run.label_column(last, "sam_labels", "weight").tolist() == [0, 1, 2, 3, 4]


def test_scores_and_logs_come_in_the_order_of_the_run(built: Path) -> None:
    with Run(built) as run:
        assert [stop.title for stop in run.stops] == ["Initialization", "Warm-up", "Round 1"]
        assert [run.scores(stop)["test"].summary["sam"]["iou"] for stop in run.stops] == [0, 0.25, 0.5]
        assert run.scores(run.stops[0])["val"].prediction == {}
        logs = run.training_logs()
        assert [(log.stage, log.stop.name) for log in logs[:2]] == [("train_segmenter", "init"), ("train_sam", "init")]
        assert len(logs) == len({log.stop.segmenter for log in logs}) + len({log.stop.sam for log in logs})
        assert run.params == {"seed": 0, "train": {"epochs": 2}}
        assert run.headers[run.stops[0].evaluation].kind == "evaluation"


def test_only_the_named_rounds_and_shards_are_read(results: Path) -> None:
    assert [stop.name for stop in Run(results, rounds=[]).stops] == [stop.name for stop in stops(results, [])]
    with pytest.raises(ScalerError, match="no such file"):
        Run(results, rounds=["round_1", "round_2"])
    with pytest.raises(ScalerError, match="expected labels of 5 training images, got 2"):
        Run(results, shards=["0"])


def test_labels_may_be_missing_but_not_in_part(results: Path) -> None:
    last = Run(results).stops[-1]
    shutil.rmtree(last.labels("segmenter_labels"))
    with Run(results) as run:
        assert run.missing_labels() == [(last, "segmenter_labels")]
        assert run.label(last, "teacher", 0) is None
        assert run.label_column(last, "segmenter_labels", "weight") is None
    (last.labels("sam_labels") / "shard_0.h5").unlink()
    with pytest.raises(ScalerError, match=r"shard_1\.h5: expected labels of the training images from number 0 on"):
        Run(results)


def test_files_of_another_run_are_refused(results: Path) -> None:
    with seal(truth_file(results), "truth") as file:
        write_ids(file, ["b"])
    with pytest.raises(ScalerError, match="different runs"):
        Run(results)


def test_damage_is_reported_when_a_file_is_first_opened(results: Path) -> None:
    path = Run(results).stops[-1].sam
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with Run(results) as run, pytest.raises(ScalerError, match="checksum"):
        run.training_logs()


def test_a_folder_without_a_run_is_refused(results: Path) -> None:
    with pytest.raises(ScalerError, match=r"give .*/results\."):
        Run(results.parent)
    with pytest.raises(ScalerError, match="there is no such folder"):
        Run(results / "nothing")


def test_files_are_closed_when_they_become_too_many(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_files, "OPEN_FILES", 2)
    with Run(built) as run:
        assert len(run._files._open) == 2
        assert run.image(0).shape == (SIDE, SIDE, 3)
