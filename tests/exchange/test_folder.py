"""The data set that an import leaves: frames, records, and files that are there already."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from scaler.data.folder import survey
from scaler.data.images import read_image
from scaler.errors import Faults, ScalerError
from scaler.params import load_params
from tests.conftest import ROOT, with_values
from tests.exchange.conftest import Importer, grid, marks_of, mask_of, picture, write
from tests.exchange.samples import coco

CORNER = {"segmentation": {"size": [4, 6], "counts": [0, 2, 2, 1, 19]}}  # "##" over "#", in the first column's corner
CORNER_MASK = grid("##.... #..... ...... ......")


@pytest.mark.parametrize("orientation", range(2, 9))
def test_shapes_of_the_stored_frame_are_turned(orientation: int, tmp_path: Path, bring: Importer) -> None:
    picture(tmp_path / "a.png", 6, 4, orientation)
    out = bring("coco", write(tmp_path / "coco.json", coco(CORNER)), stored_frame=True)
    stored = Image.fromarray(CORNER_MASK)
    stored.getexif()[0x0112] = orientation
    np.testing.assert_array_equal(mask_of(out), np.asarray(ImageOps.exif_transpose(stored)))
    assert read_image(out / "images/a.png").shape[:2] == mask_of(out).shape


def test_a_frame_that_does_not_fit_is_named_with_the_remedy(tmp_path: Path, bring: Importer) -> None:
    picture(tmp_path / "a.png", 6, 4, 6)
    with pytest.raises(ScalerError, match=r"should have 6 x 4 pixels .*, but has 4 x 6 with .* add --stored-frame"):
        bring("coco", write(tmp_path / "coco.json", coco(CORNER)))
    upright = coco({"segmentation": [[1, 1, 3, 1, 3, 3]]}, width=4, height=6)
    with pytest.raises(ScalerError, match="leave out --stored-frame"):
        bring("coco", write(tmp_path / "coco.json", upright), stored_frame=True)
    assert mask_of(bring("coco", write(tmp_path / "coco.json", upright))).shape == (6, 4)


def test_a_turn_that_does_not_show_is_counted(tmp_path: Path, bring: Importer, summary: Callable[[], str]) -> None:
    picture(tmp_path / "a.png", 6, 4, 3)
    bring("coco", write(tmp_path / "coco.json", coco(CORNER)))
    assert "1 images whose EXIF orientation does not show in their size; the upright frame" in summary()


def test_the_summary_and_the_record(tmp_path: Path, bring: Importer, summary: Callable[[], str]) -> None:
    picture(tmp_path / "a.png", 6, 4)
    tiny = {"segmentation": [[1.1, 1.1, 1.3, 1.1, 1.3, 1.3]]}
    over = {"segmentation": [[-2.5, 0, 1, 0, 1, 2]]}
    source = write(tmp_path / "coco.json", coco(CORNER, tiny, over, {**CORNER, "category_id": 7}))
    out = bring("coco", source, categories=("polyp",), date="2024-02-01")
    text = summary()
    assert "3 objects and marks: polyp 3" in text
    assert "1 objects too small to cover a pixel's centre" in text
    assert "1 shapes cut at the image's edge (at most 2.5 pixels)" in text
    assert "1 shapes of other categories left out" in text
    record = json.loads((out / "import.json").read_text())
    entry = record["imports"][0]
    assert (entry["format"], entry["date"], entry["source"]) == ("coco", "2024-02-01", str(source))
    assert entry["options"]["categories"] == ["polyp"]
    assert entry["counts"]["masks"] == 1
    before = (out / "import.json").read_bytes()
    bring("coco", source, categories=("polyp",), date="2024-02-01")
    assert (out / "import.json").read_bytes() == before
    assert "2 files were there already" in summary()


def test_other_content_is_not_overwritten_unasked(tmp_path: Path, bring: Importer) -> None:
    picture(tmp_path / "a.png", 6, 4)
    out = bring("coco", write(tmp_path / "coco.json", coco(CORNER)))
    before = {path: path.read_bytes() for path in out.rglob("*.*")}
    other = write(tmp_path / "coco.json", coco({"segmentation": [[1, 1, 4, 1, 4, 3]]}))
    with pytest.raises(ScalerError, match=r"masks/a\.png: is there already, with other content"):
        bring("coco", other)
    assert {path: path.read_bytes() for path in out.rglob("*.*")} == before
    (out / "masks/a.png").rename(out / "masks/a.bmp")
    with pytest.raises(ScalerError, match=r"masks/a\.bmp: is there already"):
        bring("coco", other)
    bring("coco", other, overwrite=True)
    assert [path.name for path in (out / "masks").iterdir()] == ["a.png"]


def test_images_may_be_linked(tmp_path: Path, bring: Importer) -> None:
    picture(tmp_path / "a.png", 6, 4)
    out = bring("coco", write(tmp_path / "coco.json", coco(CORNER)), link=True)
    assert (out / "images/a.png").readlink() == (tmp_path / "a.png").resolve()


def test_a_foreign_record_is_left_alone(tmp_path: Path, bring: Importer) -> None:
    picture(tmp_path / "a.png", 6, 4)
    write(tmp_path / "out/import.json", {"mine": 1})
    with pytest.raises(ScalerError, match="not a record of imports"):
        bring("coco", write(tmp_path / "coco.json", coco(CORNER)))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["import.json"]


def test_marks_of_one_kind_name_the_parameter(tmp_path: Path, bring: Importer, summary: Callable[[], str]) -> None:
    picture(tmp_path / "a.png", 6, 4)
    points = {"keypoints": [2.5, 2.5, 2]}
    out = bring("coco", write(tmp_path / "coco.json", coco(points)), mark_width=3)
    np.testing.assert_array_equal(marks_of(out), grid("...... .111.. .111.. .111.."))
    assert "set prepare_data.marks_convention: fg1_bg2" in summary()


def test_the_pipeline_reads_what_was_imported(tmp_path: Path, bring: Importer) -> None:
    root = coco(CORNER)
    for number in range(3):
        picture(tmp_path / f"x{number}.png", 6, 4)
    root["images"] = [root["images"][0] | {"id": 42 + n, "file_name": f"x{n}.png"} for n in range(3)]
    root["annotations"] += [root["annotations"][0] | {"id": 200 + n, "image_id": 43 + n} for n in range(2)]
    out = bring("coco", write(tmp_path / "coco.json", root))
    rules = {"source": str(out), "train": "x0", "val": "x1", "test": "x2", "images": "images", "masks": "masks"}
    params = with_values(load_params(ROOT / "params.yaml"), prepare_data=rules)
    faults = Faults(out)
    samples = survey(out, params.prepare_data, faults)
    faults.raise_if_errors()
    assert [(s.id, s.mask is not None) for s in samples] == [("x0", True), ("x1", True), ("x2", True)]
