"""scaler.laboratory: folders of photographs with segmentations, prompts for these, and pretraining that goes on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from scipy.io import savemat

from scaler.cli.app import run
from scaler.errors import ScalerError
from scaler.laboratory import pretrain as pretraining
from scaler.laboratory.photographs import Photograph, find_photographs
from scaler.laboratory.pretrain import Recipe, pretrain
from scaler.laboratory.prompted import prompts_of, score, segments
from scaler.laboratory.segments import Example, draw_example, simulate
from scaler.models.adapted import AdaptedModel, Features
from scaler.models.prompts import BACKGROUND, FOREGROUND, Prompts
from scaler.training.device import Compute

CPU = Compute(torch.device("cpu"), False, None)
COLOURS = np.array([[250, 10, 10], [10, 250, 10], [10, 10, 250], [240, 240, 10]], np.uint8)
RECIPE = Recipe("lite", 32, 3, 2, 2, 1e-3, 0)


def labels() -> np.ndarray:
    """Three segments that reach the border and one that does not, 60 x 90."""
    drawn = np.zeros((60, 90), np.uint8)
    drawn[:, 50:] = 1
    drawn[40:, :30] = 2
    drawn[10:30, 20:45] = 3
    return drawn


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One photograph whose colours say which segment a pixel belongs to."""
    for name in ("images", "segments"):
        (tmp_path / name).mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), COLOURS[labels()][..., ::-1])
    cv2.imwrite(str(tmp_path / "segments" / "a.png"), labels() + 300 * labels().astype(np.uint16))
    return tmp_path


def one(folder: Path) -> Photograph:
    return find_photographs(folder)[0]


def test_several_segmentations_of_a_photograph(folder: Path) -> None:
    for number in (0, 1, 10):
        cv2.imwrite(str(folder / "segments" / f"a_{number}.png"), np.full((60, 90), number, np.uint8))
    photograph = one(folder)
    assert [path.stem for path in photograph.segmentations] == ["a", "a_0", "a_1", "a_10"]
    assert [int(photograph.read(number)[1].max()) for number in range(5)] == [903, 0, 1, 10, 903]


def test_ground_truths_of_bsds500_are_read(folder: Path) -> None:
    (folder / "segments").rename(folder / "groundTruth")
    (folder / "groundTruth" / "a.png").unlink()
    cells = np.empty((1, 2), object)
    for number in range(2):
        cells[0, number] = {"Segmentation": (labels() + number).astype(np.uint16), "Boundaries": labels() > 2}
    savemat(folder / "groundTruth" / "a.mat", {"groundTruth": cells})
    photograph = one(folder)
    assert np.array_equal(photograph.read(0)[1], labels())
    assert np.array_equal(photograph.read(1)[1], labels() + 1)
    assert np.array_equal(photograph.read(2)[1], labels())


def test_masks_have_one_segment(folder: Path) -> None:
    (folder / "segments").rename(folder / "masks")
    cv2.imwrite(str(folder / "masks" / "a.png"), np.uint8(255) * (labels() == 3))
    image, masks = segments(one(folder), seed=0)
    assert image.shape == (60, 90, 3)
    assert np.array_equal(masks, [labels() == 3])


def test_faults_of_a_folder_are_named(folder: Path) -> None:
    with pytest.raises(ScalerError, match=r"no photograph in .*images matches 'b\*' \(1 are there\)"):
        find_photographs(folder, "b*")
    cv2.imwrite(str(folder / "images" / "b.png"), COLOURS[labels()])
    with pytest.raises(ScalerError, match=r"b\.png.*no segmentation"):
        find_photographs(folder)
    with pytest.raises(ScalerError, match=r"expected a folder images and, beside it, one of segments"):
        find_photographs(folder / "images")
    cv2.imwrite(str(folder / "segments" / "b.png"), labels()[:50])
    with pytest.raises(ScalerError, match="the image has 90 x 60 pixels, its segmentation 90 x 50"):
        find_photographs(folder)[1].read(0)
    cv2.imwrite(str(folder / "segments" / "b.jpg"), labels())
    with pytest.raises(ScalerError, match="JPEG changes the numbers"):
        find_photographs(folder)[1].read(0)
    (folder / "segments" / "c.mat").write_bytes(b"not a mat file")
    cv2.imwrite(str(folder / "images" / "c.png"), COLOURS[labels()])
    with pytest.raises(ScalerError, match=r"c\.mat.*ground truth of BSDS500"):
        find_photographs(folder)[2].read(0)


def test_a_crop_keeps_image_and_segments_together(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaler.laboratory.segments._recolour", lambda rng, image: image)
    photograph = one(folder)
    kinds = set()
    for seed in range(40):
        example = draw_example(np.random.default_rng(seed), photograph, 64, 4)
        if example is None:  # a crop within one segment
            continue
        nearest = np.abs(example.image[..., None, :].astype(int) - COLOURS).sum(axis=-1).argmin(axis=-1)
        for mask, kind in zip(example.masks, example.kinds, strict=True):
            kinds.add(kind)
            shares = np.bincount(nearest[mask], minlength=4) / mask.sum()
            if kind == "none":
                assert shares[3] > 0.6  # the segment that does not reach the border
            else:
                assert shares.max() > 0.7
    assert kinds == {"box", "points", "mask", "none"}


def test_prompts_are_given_with_some_care() -> None:
    mask = labels() == 3
    mask = np.pad(mask, ((0, 30), (0, 0)))
    for seed in range(20):
        rng = np.random.default_rng(seed)
        prompts = simulate(rng, np.stack([mask] * 4), ("box", "points", "mask", "none"))
        assert prompts.box_xyxy is not None
        assert prompts.mask_logits is not None
        assert prompts.has_box.tolist() == [True, False, False, False]
        assert prompts.has_mask.tolist() == [False, False, True, False]
        assert bool((prompts.point_labels[[0, 2, 3]] < 0).all())
        assert (prompts.box_xyxy[0] - torch.tensor([20.0, 10.0, 45.0, 30.0])).abs().max() <= 2.5
        for (x, y), label in zip(prompts.points_xy[1].tolist(), prompts.point_labels[1].tolist(), strict=True):
            if label in (FOREGROUND, BACKGROUND):
                assert mask[int(y), int(x)] == (label == FOREGROUND)
        assert int(prompts.point_labels[1, 0]) == FOREGROUND
        inside = prompts.mask_logits[2, 0].numpy()
        assert inside[4:6, 7:9].mean() > inside[-3:].mean() + 2


def test_training_that_was_stopped_goes_on_to_the_same_weights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretraining, "STEPS_BETWEEN_CHECKPOINTS", 2)
    whole, cut = folder / "whole.safetensors", folder / "cut.safetensors"
    pretrain(RECIPE, [one(folder)], None, whole, CPU)
    step = pretraining._step
    taken = []

    def stop_at_the_third(*arguments: object) -> float:
        taken.append(None)
        if len(taken) == 3:
            raise KeyboardInterrupt
        return step(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(pretraining, "_step", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        pretrain(RECIPE, [one(folder)], None, cut, CPU)
    assert cut.is_file()  # weights of step 2
    assert cut.read_bytes() != whole.read_bytes()
    other = Recipe("lite", 32, 4, 2, 2, 1e-3, 0)
    with pytest.raises(ScalerError, match="made with other settings or data"):
        pretrain(other, [one(folder)], None, cut, CPU)
    pretrain(RECIPE, [one(folder)], None, cut, CPU)
    assert len(taken) == 4
    assert cut.read_bytes() == whole.read_bytes()
    assert not cut.with_suffix(".checkpoint.pt").exists()


def test_a_folder_without_useful_segments_is_refused(folder: Path) -> None:
    cv2.imwrite(str(folder / "segments" / "a.png"), np.zeros((60, 90), np.uint8))
    with pytest.raises(ScalerError, match="no segment of useful size"):
        pretrain(RECIPE, [one(folder)], None, folder / "out.safetensors", CPU)


class Oracle(AdaptedModel):
    """Knows the segments by their colours: answers with the one under the middle of the prompt."""

    trained_beside = ()

    def __init__(self) -> None:
        super().__init__(90, (0.0, 0.0, 0.0), (255.0, 255.0, 255.0))

    def encoder(self) -> torch.nn.Module:
        return torch.nn.Identity()

    def add_adapter(self) -> None:
        raise NotImplementedError

    def encode(self, image: torch.Tensor) -> Features:
        return Features(image)

    def decode(self, features: Features, prompts: Prompts | None) -> torch.Tensor:
        assert prompts is not None
        if prompts.box_xyxy is not None:
            places = prompts.box_xyxy.view(-1, 2, 2).mean(dim=1)
        else:
            places = prompts.points_xy[:, 0]
        found = []
        for image, (x, y) in zip(features.embedding, places.tolist(), strict=True):
            colour = image[:, int(y), int(x)].view(3, 1, 1)
            found.append(0.5 - (image - colour).abs().sum(dim=0, keepdim=True))
        return torch.stack(found)


def test_a_model_that_knows_gets_full_marks_and_one_that_says_everything_does_not(folder: Path) -> None:
    everything = Oracle()
    everything.decode = lambda features, prompts: torch.ones(len(features.embedding), 1, 9, 9)  # type: ignore[method-assign]
    scores = score({"oracle": Oracle(), "everything": everything}, [one(folder)], CPU)
    assert scores["oracle"].segments == 4
    assert scores["oracle"].iou["point"] > 0.95
    assert scores["oracle"].iou["points"] > 0.95
    assert scores["everything"].iou["box"] == pytest.approx(0.25)  # four segments that cover all


def test_the_prompts_of_the_scores() -> None:
    target = torch.from_numpy((labels() == 3).astype(np.uint8))[None, None]
    assert prompts_of(target, "box").box_xyxy.tolist() == [[20.5, 10.5, 44.5, 29.5]]  # type: ignore[union-attr]
    assert prompts_of(target, "point").point_labels.tolist() == [[FOREGROUND]]
    assert prompts_of(target, "points").point_labels.tolist() == [[FOREGROUND, BACKGROUND]]


def test_the_command_trains_and_compares(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "lite.safetensors"
    train = [
        "pretrain",
        str(folder),
        "--size",
        "32",
        "--steps",
        "1",
        "--batch",
        "1",
        "--prompts",
        "1",
        "--out",
        str(out),
    ]
    with pytest.raises(SystemExit, match="0"):
        run(train)
    assert f"  model: lite\n  weights: {out.as_posix()}\n  sha256: " in capsys.readouterr().out
    with pytest.raises(SystemExit, match="0"):
        run(
            [
                "pretrain",
                str(folder),
                "--evaluate",
                f"lite:{out}",
                "--evaluate",
                "nano:scaler/laboratory/nano_sam.safetensors",
            ]
        )
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].endswith("4 segments | IoU by box | IoU by point | IoU by points |")
    assert [row.split(":")[0] for row in rows[2:]] == ["| lite", "| nano"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give either --out FILE"),
        (["--out", "a.pt"], "expected a name that ends in .safetensors"),
        (["--evaluate", "lite"], "expected MODEL:FILE"),
        (["--evaluate", "other:file"], "expected MODEL:FILE with a model of nano, lite"),
        (["--out", "a.safetensors", "--leave-out", "*"], "leaves no photograph"),
    ],
)
def test_wrong_usage_is_explained(folder: Path, words: list[str], message: str) -> None:
    with pytest.raises(ScalerError, match=message):
        run(["pretrain", str(folder), *words])


def test_a_nano_sam_can_learn_from_photographs(folder: Path) -> None:
    out = pretrain(Recipe("nano", 32, 1, 1, 2, 1e-3, 0), [one(folder)], None, folder / "nano.safetensors", CPU)
    assert out.is_file()
    with pytest.raises(ScalerError, match="SamViT takes no classifier's weights"):
        pretrain(Recipe("nano", 32, 1, 1, 2, 1e-3, 0), [one(folder)], out, folder / "other.safetensors", CPU)


def test_examples_hold_what_they_say(folder: Path) -> None:
    example = draw_example(np.random.default_rng(0), one(folder), 64, 3)
    assert isinstance(example, Example)
    assert example.image.shape == (64, 64, 3)
    assert example.image.dtype == np.uint8
    assert example.masks.shape == (3, 64, 64)
    assert len(example.kinds) == 3
