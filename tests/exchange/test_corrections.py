"""Corrected labels: taken over, recorded, and the old ones kept."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scaler.artifacts.filehash import sha256, source_digest
from scaler.errors import ScalerError
from scaler.exchange import corrections
from scaler.exchange.corrections import LabelFolders, import_corrections
from scaler.exchange.shapes import ImportOptions
from tests.exchange.conftest import grid, marks_of, mask_of, picture, write
from tests.exchange.samples import coco

FIRST = {"segmentation": {"size": [4, 6], "counts": [0, 4, 20]}}
SECOND = {"segmentation": {"size": [4, 6], "counts": [0, 8, 16]}}
COLUMN, TWO_COLUMNS = grid("#..... " * 4), grid("##.... " * 4)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    picture(folder / "images/a.png", 6, 4)
    picture(folder / "images/b.png", 6, 4)
    (folder / "masks").mkdir()
    Image.fromarray(COLUMN * 255).save(folder / "masks/a.bmp")
    return folder


def correct(data: Path, *annotations: dict[str, object], by: str = "R. Bloggs", **values: object) -> list[str]:
    source = write(data.parent / "fixed.json", coco(*annotations))
    return import_corrections("coco", source, LabelFolders(data), ImportOptions(**values), by=by, date="2024-02-01")


def rows(data: Path) -> list[dict[str, str]]:
    with (data / "corrections.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_old_mask_is_kept_and_the_change_recorded(data: Path) -> None:
    old = (data / "masks/a.bmp").read_bytes()
    lines = correct(data, SECOND)
    assert lines[0].endswith("1 labels corrected, 0 added, 0 unchanged")
    np.testing.assert_array_equal(mask_of(data), TWO_COLUMNS)
    assert [path.name for path in (data / "masks").iterdir()] == ["a.png"]
    assert (data / "masks_before/a.1.bmp").read_bytes() == old
    (row,) = rows(data)
    assert (row["when"], row["by"], row["id"], row["label"]) == ("2024-02-01", "R. Bloggs", "a", "masks")
    assert (row["change"], row["pixels_added"], row["pixels_removed"]) == ("corrected", "4", "0")
    assert row["before_sha256"] == sha256(data / row["before"])
    assert row["after_sha256"] == sha256(data / "masks/a.png")
    assert row["source_sha256"] == sha256(data.parent / "fixed.json")


def test_again_changes_nothing(data: Path) -> None:
    correct(data, SECOND)
    before = source_digest(data)
    assert correct(data, SECOND, by="Someone else")[0].endswith("0 labels corrected, 0 added, 1 unchanged")
    assert source_digest(data) == before


def test_back_and_forth_keeps_every_version(data: Path) -> None:
    for annotation in (SECOND, FIRST, SECOND):
        correct(data, annotation)
    np.testing.assert_array_equal(mask_of(data), TWO_COLUMNS)
    changes = [(row["pixels_added"], row["pixels_removed"]) for row in rows(data)]
    assert changes == [("4", "0"), ("0", "4"), ("4", "0")]
    kept = {row["before_sha256"]: row["before"] for row in rows(data)}
    assert all(sha256(data / path) == digest for digest, path in kept.items())


def test_labels_of_unlabelled_images_and_marks_are_added(data: Path) -> None:
    (data / "masks/a.bmp").unlink()
    correct(data, {"keypoints": [0.5, 0.5, 2], "segmentation": FIRST["segmentation"]}, mark_width=1)
    np.testing.assert_array_equal(mask_of(data), COLUMN)
    assert marks_of(data).sum() == 1
    assert [(row["label"], row["change"], row["before"]) for row in rows(data)] == [
        ("masks", "added", ""),
        ("marks", "added", ""),
    ]


def test_marks_take_the_place_of_points(data: Path) -> None:
    (data / "marks").mkdir(exist_ok=True)
    (data / "marks/a.csv").write_text("x,y,label\n0,0,bg\n")
    correct(data, {"keypoints": [0.5, 0.5, 2]}, mark_width=1)
    assert marks_of(data).sum() == 1
    row = next(row for row in rows(data) if row["label"] == "marks")
    assert (row["change"], row["before"]) == ("corrected", "marks_before/a.1.csv")
    assert (data / row["before"]).read_text().startswith("x,y,label")
    assert not (data / "marks/a.csv").exists()


def test_an_object_taken_away(data: Path) -> None:
    correct(data)
    assert not rows_exist(data)  # no shape, and nobody said that this means background
    correct(data, empty_is_background=True)
    assert not mask_of(data).any()
    assert rows(data)[0]["pixels_removed"] == "4"


def rows_exist(data: Path) -> bool:
    return (data / "corrections.csv").exists()


@pytest.mark.parametrize("fails_at", range(1, 4))
def test_a_run_cut_off_is_made_whole(fails_at: int, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fails before the copy, before the row, before the mask; then the command is run again."""
    step, real = [0], corrections.write_file

    def failing(path: Path, content: bytes) -> None:
        step[0] += 1
        if step[0] == fails_at:
            raise OSError(28, "No space left on device", str(path))
        real(path, content)

    monkeypatch.setattr(corrections, "write_file", failing)
    with pytest.raises(ScalerError, match="No space left"):
        correct(data, SECOND)
    np.testing.assert_array_equal(np.asarray(Image.open(data / "masks/a.bmp")) > 0, COLUMN)
    monkeypatch.undo()
    correct(data, SECOND)
    np.testing.assert_array_equal(mask_of(data), TWO_COLUMNS)
    assert len(rows(data)) == 1
    assert [path.name for path in (data / "masks_before").iterdir()] == ["a.1.bmp"]


def test_errors_change_nothing(data: Path) -> None:
    before = source_digest(data)
    with pytest.raises(ScalerError, match="who made the corrections"):
        correct(data, SECOND, by=" ")
    source = write(data.parent / "x.json", coco(SECOND, name="c.png"))
    with pytest.raises(ScalerError, match=r"'c\.png'\): the image is not in"):
        import_corrections("coco", source, LabelFolders(data), ImportOptions(), by="x")
    with pytest.raises(ScalerError, match="no such data set"):
        import_corrections("coco", source, LabelFolders(data / "none"), ImportOptions(images=data / "images"), by="x")
    assert source_digest(data) == before
    write(data / "corrections.csv", "a,b\n1,2\n")
    with pytest.raises(ScalerError, match="not a record of corrections"):
        correct(data, SECOND)


def test_images_of_broken_entries_keep_their_labels(data: Path) -> None:
    before = (data / "masks/a.bmp").read_bytes()
    root = coco({"segmentation": [[1, 1]]}, SECOND | {"image_id": 43})
    root["images"].append(root["images"][0] | {"id": 43, "file_name": "b.png"})
    source = write(data.parent / "fixed.json", root)
    with pytest.raises(ScalerError, match="polygon of 1 points"):
        import_corrections("coco", source, LabelFolders(data), ImportOptions(), by="x")
    options = ImportOptions(skip_broken=True, empty_is_background=True)
    lines = import_corrections("coco", source, LabelFolders(data), options, by="x")
    assert lines[0].endswith("0 labels corrected, 1 added, 0 unchanged")
    assert (data / "masks/a.bmp").read_bytes() == before
    np.testing.assert_array_equal(mask_of(data, "b"), TWO_COLUMNS)
    assert "annotation 100" in (data / "corrections_broken.csv").read_text()


def test_folders_of_other_names(data: Path) -> None:
    (data / "masks").rename(data / "GT")
    (data / "images").rename(data / "Imgs")
    source = write(data.parent / "fixed.json", coco(SECOND))
    import_corrections("coco", source, LabelFolders(data, masks="GT"), ImportOptions(images=data / "Imgs"), by="x")
    assert (data / "GT/a.png").is_file()
    assert (data / "GT_before/a.1.bmp").is_file()
