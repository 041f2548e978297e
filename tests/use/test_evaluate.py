"""Scores of files: equal to pysodmetrics called directly; every mismatch is named."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from py_sod_metrics import MAE, Emeasure, Fmeasure, Smeasure, WeightedFmeasure

from tests.command import main
from tests.pages.world import guesses, scenes

# Fmeasure is the library's own older way, which shares no code with scaler.metrics
pytestmark = pytest.mark.filterwarnings("ignore:This class will be removed in the future:UserWarning:py_sod_metrics")


def write_set(root: Path, name: str, seed: int, count: int = 3, masks: str = "GT") -> None:
    """Predictions in pred/<name>, masks in truth/<name>/<masks>; the maps do not reach 0 and 255."""
    truth = scenes(count, 48, seed)[1][:, :40]
    maps = np.pad(guesses(scenes(count, 48, seed)[1], 0.6, seed), 0)[:, :40] // 2 + 30
    for i, (mask, values) in enumerate(zip(truth, maps, strict=True)):
        for path, image in ((root / "pred" / name, values), (root / "truth" / name / masks, mask * 255)):
            path.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path / f"img.{i}.png"), image)


def by_library(root: Path, name: str, *, normalize: bool) -> dict[str, float]:
    """The metrics of a set by the library alone."""
    measures = (MAE(), Smeasure(), Emeasure(), Fmeasure(), WeightedFmeasure())
    for path in sorted((root / "pred" / name).iterdir()):
        prediction, mask = (cv2.imread(str(p), 0) for p in (path, root / "truth" / name / "GT" / path.name))
        values = (prediction, mask) if normalize else (prediction / 255, mask > 128)
        for measure in measures:
            measure.step(*values, normalize=normalize)
    mae, s, e, f, w = (measure.get_results() for measure in measures)
    found = {"mae": mae["mae"], "s_alpha": s["sm"], "f_weighted": w["wfm"]}
    for key, curves in (("e", e["em"]), ("f", f["fm"])):
        found |= {f"{key}_adaptive": curves["adp"], f"{key}_mean": curves["curve"].mean()}
        found[f"{key}_max"] = curves["curve"].max()
    return found


@pytest.mark.parametrize("stretch", ["none", "per_image"])
def test_equal_to_pysodmetrics(tmp_path: Path, capsys: pytest.CaptureFixture[str], stretch: str) -> None:
    write_set(tmp_path, "CAMO", 1)
    write_set(tmp_path, "NC4K", 2, count=2)
    assert main("evaluate", tmp_path / "pred", tmp_path / "truth", "--json", "--stretch", stretch) == 0
    found = json.loads(capsys.readouterr().out)
    assert {name: values["images"] for name, values in found.items()} == {"CAMO": 3, "NC4K": 2}
    for name, values in found.items():
        expected = by_library(tmp_path, name, normalize=stretch == "per_image")
        assert {key: values["metrics"][key] for key in expected} == pytest.approx(expected, abs=1e-6)
        mean = np.mean([image["mae"] for image in values["per_image"].values()])
        assert mean == pytest.approx(expected["mae"], abs=1e-6)


def test_csv_table_and_latex_say_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_set(tmp_path, "A_1", 1)
    write_set(tmp_path, "B", 2)
    folders = (tmp_path / "pred", tmp_path / "truth")
    assert main("evaluate", *folders, "--out", tmp_path / "new" / "s.csv") == 0
    table = capsys.readouterr().out
    images, sets = (pd.read_csv(tmp_path / "new" / name) for name in ("s.csv", "s.summary.csv"))
    assert list(images["id"]) == ["img.0", "img.1", "img.2"] * 2
    assert list(sets["set"]) == ["A_1", "B"]
    np.testing.assert_allclose(images.groupby("set")["mae"].mean(), sets["mae"], atol=1e-6)
    assert main("evaluate", *folders, "--latex") == 0
    latex = capsys.readouterr().out.splitlines()
    rows = [line for line in latex if line.startswith(("A", "B"))]
    assert [row.split(" & ")[0] for row in rows] == [r"A\_1", "B"]
    for row, line in zip(rows, sets.itertuples(), strict=True):
        assert row.split(" & ")[1:3] == [f"{line.mae:.3f}", f"{line.s_alpha:.3f}"]
        assert all(number in table for number in row.removesuffix(r" \\").split(" & ")[1:])
    assert latex[0].startswith("% on the predictions as they are")
    assert {line.count("&") for line in latex if "&" in line} == {11}


def test_one_set_needs_no_folder_of_its_name(tmp_path: Path) -> None:
    write_set(tmp_path, "photos", 1, masks=".")
    for predictions in (tmp_path / "pred", tmp_path / "pred" / "photos"):
        for truth in (tmp_path / "truth", tmp_path / "truth" / "photos"):
            assert main("evaluate", predictions, truth) == 0


def test_names_without_partner(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_set(tmp_path, "A", 1)
    write_set(tmp_path, "B", 2)
    (tmp_path / "pred/A/img.0.png").rename(tmp_path / "pred/A/other.png")
    (tmp_path / "truth" / "B").rename(tmp_path / "truth" / "C")
    command = ("evaluate", tmp_path / "pred", tmp_path / "truth")
    assert main(*command) == 1
    said = capsys.readouterr().err
    assert "4 files without a partner" in said
    for part in (
        "other.png: no mask of this name in",
        "img.0.png: no prediction of this name in",
        "B: a set without masks",
        "C: a set without",
    ):
        assert part in said
    assert main(*command, "--allow-missing", "--json") == 0
    said = capsys.readouterr()
    assert list(json.loads(said.out)) == ["A"]
    assert json.loads(said.out)["A"]["images"] == 2
    assert "left out, 4 files without a partner" in said.err


def test_sizes_that_differ(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_set(tmp_path, "A", 1)
    path = tmp_path / "pred" / "A" / "img.1.png"
    cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path), 0), (24, 20)))
    assert main("evaluate", tmp_path / "pred", tmp_path / "truth") == 1
    assert "img.1.png: prediction and mask differ in size, 24 x 20 and 48 x 40" in capsys.readouterr().err
    assert main("evaluate", tmp_path / "pred", tmp_path / "truth", "--resize") == 0


def test_sizes_that_differ_a_little(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_set(tmp_path, "A", 1)
    path = tmp_path / "pred" / "A" / "img.1.png"
    cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path), 0), (50, 39)))
    command = ("evaluate", tmp_path / "pred", tmp_path / "truth", "--json")
    assert main(*command, "--size-tolerance", "1") == 1
    assert "50 x 39 and 48 x 40; use --size-tolerance 2" in capsys.readouterr().err
    assert main(*command, "--size-tolerance", "2") == 0
    allowed = capsys.readouterr().out
    assert main(*command, "--resize") == 0
    assert capsys.readouterr().out == allowed


def test_files_that_are_no_maps_or_masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_set(tmp_path, "A", 1)
    cv2.imwrite(
        str(tmp_path / "pred/A/img.0.png"),
        np.tile(np.arange(48, dtype=np.uint8)[None, :, None], (40, 1, 3)) * [1, 2, 3],
    )
    (tmp_path / "pred/A/img.1.png").write_bytes(b"")
    cv2.imwrite(str(tmp_path / "truth/A/GT/img.2.png"), np.full((40, 48), 90, np.uint8))
    assert main("evaluate", tmp_path / "pred", tmp_path / "truth", "--out", tmp_path / "s.csv") == 1
    said = capsys.readouterr().err
    for part in (
        "3 of 3 images could not be scored",
        "img.0.png: in colour",
        "img.1.png: the file is empty",
        "img.2.png: ",
    ):
        assert part in said
    assert not (tmp_path / "s.csv").exists()


def test_a_broken_file_is_left_out_of_the_result_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_set(tmp_path, "A", 1)
    (tmp_path / "pred/A/img.1.png").write_bytes(b"")
    (tmp_path / "truth/A/GT/film.mp4").write_bytes(b"")
    command = ("evaluate", tmp_path / "pred", tmp_path / "truth", "--json")
    assert main(*command, "--out", tmp_path / "s.csv") == 1
    said = capsys.readouterr()
    assert "1 of 3 images could not be scored and are not in the result" in said.err
    assert list(json.loads(said.out)["A"]["per_image"]) == ["img.0", "img.2"]
    assert list(pd.read_csv(tmp_path / "s.csv")["id"]) == ["img.0", "img.2"]
    (tmp_path / "pred/A/img.3.heic").write_bytes(b"ftypheic")
    assert main(*command) == 1
    assert "img.3.heic: .heic files cannot be read" in capsys.readouterr().err


def test_grey_masks_are_cut_at_128_or_where_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_set(tmp_path, "A", 1, count=1)
    path = tmp_path / "truth/A/GT/img.0.png"
    cv2.imwrite(str(path), cv2.GaussianBlur(cv2.imread(str(path), 0), (0, 0), 1))
    prediction = cv2.imread(str(tmp_path / "pred/A/img.0.png"), 0) / 255
    for words, cut in (((), 128), (("--mask-threshold", "200"), 200)):
        assert main("evaluate", tmp_path / "pred", tmp_path / "truth", "--json", *words) == 0
        found = json.loads(capsys.readouterr().out)["A"]["metrics"]["mae"]
        assert found == pytest.approx(np.abs(prediction - (cv2.imread(str(path), 0) >= cut)).mean(), abs=1e-6)


def test_binary_maps_of_0_and_1_are_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_set(tmp_path, "A", 1, count=1)
    path = tmp_path / "pred/A/img.0.png"
    cv2.imwrite(str(path), (cv2.imread(str(path), 0) > 90).astype(np.uint8))
    assert main("evaluate", tmp_path / "pred", tmp_path / "truth") == 0
    assert "save binary maps with 0 and 255" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pred", "none"), "no such folder"),
        (("truth/A", "empty"), "not one name in common"),
        (("empty", "truth"), "no image in this folder"),
        (("pred", "truth", "--json", "--latex"), "two forms of one output"),
        (("pred", "truth", "--out", "scores.txt"), "ends in .csv"),
    ],
)
def test_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    write_set(tmp_path, "A", 1, count=1)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main("evaluate", *arguments) == 1
    assert message in capsys.readouterr().err


def test_maps_of_every_kind_score_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """16 bits, a grey palette, equal channels, 1 bit, an alpha channel, and a JPEG that lacks its end marker."""
    mask = np.zeros((48, 64), np.uint8)
    mask[8:24, 16:32] = 255
    palette = Image.fromarray(mask // 255).convert("P")
    palette.putpalette([0, 0, 0, 255, 255, 255])
    forms: dict[str, Image.Image] = {
        "deep": Image.fromarray(mask.astype(np.uint16) * 257),
        "palette": palette,
        "rgb": Image.fromarray(np.dstack([mask] * 3)),
        "bits": Image.fromarray(mask > 0),
        "alpha": Image.fromarray(np.dstack([mask] * 3 + [np.full_like(mask, 255)])),
        "x" * 251: Image.fromarray(mask),
        "cut": Image.fromarray(mask),
    }
    for folder in ("pred", "gt"):
        (tmp_path / folder).mkdir()
    for name, image in forms.items():
        Image.fromarray(mask).save(tmp_path / "gt" / f"{name}.png")
        image.save(tmp_path / "pred" / f"{name}.{'jpg' if name == 'cut' else 'PNG'}", quality=100)
    path = tmp_path / "pred" / "cut.jpg"
    path.write_bytes(path.read_bytes()[:-2])
    assert main("evaluate", tmp_path / "pred", tmp_path / "gt", "--json") == 0
    scores = json.loads(capsys.readouterr().out)["pred"]["per_image"]
    assert sorted(scores) == sorted(forms)
    assert {row["iou"] for row in scores.values()} == {1.0}


def test_masks_are_chosen_by_pattern_and_ending(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("pred/a.png", "gt/deep/a.jpg", "gt/deep/a_mask.png", "gt/deep/a_overlay.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), 255, np.uint8)).save(tmp_path / name)
    command = ("evaluate", tmp_path / "pred", tmp_path / "gt/deep", "--json")
    assert main(*command) == 1
    capsys.readouterr()
    assert main(*command, "--mask-suffix", "_mask") == 0
    assert list(json.loads(capsys.readouterr().out)["pred"]["per_image"]) == ["a"]
    assert main("evaluate", tmp_path / "pred", tmp_path / "gt/deep", "--only", "*.JPG") == 0


def test_names_pair_in_either_unicode_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder, name in (("pred", "cafe\u0301"), ("gt", "caf\u00e9")):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.full((8, 8), 255, np.uint8)).save(tmp_path / folder / f"{name}.png")
    assert main("evaluate", tmp_path / "pred", tmp_path / "gt", "--json") == 0
    assert json.loads(capsys.readouterr().out)["pred"]["images"] == 1
