"""Predictions of a tiny segmenter and of the nano SAM: sizes, values, the layout, what is kept and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from scaler.data.images import read_image
from scaler.data.resize import to_square
from scaler.errors import ScalerError
from scaler.metrics.evaluation import to_native
from scaler.metrics.levels import stretched
from scaler.params import Params
from scaler.training.checkpoints import read_sam, read_segmenter
from scaler.use import predict as module
from scaler.use.folder import claimed
from tests.command import main
from tests.pages.world import scenes
from tests.use.models import SIZE, make_run, write_images, write_odd_images


def stored(path: Path) -> np.ndarray:
    values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert values is not None, path
    return values


def expected(network: torch.nn.Module, path: Path) -> np.ndarray:
    """(H, W) probabilities by hand: resized, through the network alone, and back."""
    image = read_image(path)
    x = torch.from_numpy(to_square(image, None, None, SIZE)[0]).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        out = network.eval()(x)
    logits = (out[-1] if isinstance(out, list) else out).float()
    return to_native(torch.sigmoid(logits)[0, 0].numpy(), image.shape[:2])


@pytest.mark.parametrize("name", ["teacher", "student"])
def test_maps_are_those_of_the_network_at_native_size(
    run_folder: Path, tiny: Params, tmp_path: Path, name: str
) -> None:
    names, trained = write_images(tmp_path / "photos"), run_folder / "segmenter.h5"
    assert main("predict", trained, tmp_path / "photos", "--out", tmp_path / "p", "--model", name) == 0
    student, teacher = read_segmenter(run_folder / "segmenter.h5", tiny.segmenter, SIZE)
    network = {"student": student, "teacher": teacher}[name]
    made = (path.relative_to(tmp_path / "p" / "photos").as_posix() for path in (tmp_path / "p").rglob("*.png"))
    assert sorted(path[:-4] for path in made) == names
    for one in names:
        p = expected(network, tmp_path / "photos" / f"{one}.png")
        values = stored(tmp_path / "p" / "photos" / f"{one}.png")
        assert values.dtype == np.uint8
        assert values.shape == p.shape
        assert np.abs(values - p * 255).max() <= 0.51
        assert np.ptp(values) > 20  # an empty or full map would fit a wrong network as well


def test_images_of_12_bits_are_read_as_for_training(tiny: Params, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 4096, (24, 24), dtype=np.uint16)
    eight = np.rint(values * (255 / 4095)).astype(np.uint8)
    for folder, pixels in (("twelve", values), ("eight", eight)):
        (tmp_path / folder).mkdir()
        assert cv2.imwrite(str(tmp_path / folder / "a.png"), pixels)
    model = make_run(tmp_path / "run", tiny, white=4095) / "segmenter.h5"
    for folder in ("twelve", "eight"):
        assert main("predict", model, tmp_path / folder, "--out", tmp_path / "p") == 0
    assert np.array_equal(stored(tmp_path / "p" / "twelve" / "a.png"), stored(tmp_path / "p" / "eight" / "a.png"))


def test_a_model_of_tiles_predicts_in_its_tiles(
    tiny: Params, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), cv2.resize(scenes(1, 40, 3)[0][0], (100, 60)))
    model = make_run(tmp_path / "run", tiny, tile=48) / "segmenter.h5"
    assert main("export", "model", model, "--out", tmp_path / "bundle") == 0
    for trained, out in ((model, "p"), (tmp_path / "bundle", "q")):
        assert main("predict", trained, tmp_path / "a.png", "--set", "s", "--out", tmp_path / out) == 0
        assert "1 predicted by the teacher at 32 x 32 in tiles of 48 x 48 pixels" in capsys.readouterr().out
    assert np.array_equal(stored(tmp_path / "p/s/a.png"), stored(tmp_path / "q/s/a.png"))
    assert "predicted in tiles of 48 pixels" in (tmp_path / "bundle" / "README.md").read_text()
    command = ("predict", model, tmp_path / "a.png", "--set", "s", "--out")
    assert main(*command, tmp_path / "same", "--tiles", "48") == 0
    assert main(*command, tmp_path / "whole", "--tiles", "off") == 0
    same, whole = (stored(tmp_path / f"{name}/s/a.png") for name in ("same", "whole"))
    assert np.array_equal(same, stored(tmp_path / "p/s/a.png"))
    assert not np.array_equal(whole, same)


def test_a_model_that_knows_8_bits_warns_of_12(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    for name, top in (("dim", 4096), ("full", 65536)):
        values = np.random.default_rng(0).integers(0, top, (24, 24), dtype=np.uint16)
        assert cv2.imwrite(str(tmp_path / "in" / f"{name}.png"), values)
    assert main("predict", run_folder / "segmenter.h5", tmp_path / "in", "--out", tmp_path / "p") == 0
    said = capsys.readouterr().err
    assert "1 images of more than 8 bits" in said
    assert "dim.png" in said


def test_images_that_viewers_show_are_predicted(run_folder: Path, tmp_path: Path) -> None:
    """A JPEG without its end marker, and the longest name that a file system takes."""
    (tmp_path / "in").mkdir()
    picture = cv2.imencode(".jpg", scenes(1, 40, 3)[0][0])[1].tobytes()
    (tmp_path / "in" / "cut.jpg").write_bytes(picture[:-2])
    (tmp_path / "in" / f"{'x' * 251}.jpg").write_bytes(picture)
    assert main("predict", run_folder / "segmenter.h5", tmp_path / "in", "--out", tmp_path / "p") == 0
    maps = [stored(path) for path in sorted((tmp_path / "p" / "in").iterdir())]
    assert len(maps) == 2
    np.testing.assert_array_equal(*maps)


def test_adapted_sam(run_folder: Path, tiny: Params, tmp_path: Path) -> None:
    write_images(tmp_path / "photos", 2)
    assert main("predict", run_folder / "sam.h5", tmp_path / "photos" / "im0.png", "--out", tmp_path / "p") == 0
    p = expected(read_sam(run_folder / "sam.h5", tiny.sam), tmp_path / "photos" / "im0.png")
    assert np.abs(stored(tmp_path / "p" / "photos" / "im0.png") - p * 255).max() <= 0.51


def test_every_form_of_image_comes_out_as_a_person_sees_it(run_folder: Path, tmp_path: Path) -> None:
    sizes = write_odd_images(tmp_path / "TestDataset" / "ODD" / "Imgs")
    folder = tmp_path / "TestDataset" / "ODD" / "Imgs"
    assert main("predict", run_folder / "segmenter.h5", folder, "--out", tmp_path / "p") == 0
    assert {p.stem: stored(p).shape for p in (tmp_path / "p" / "ODD").iterdir()} == sizes
    np.testing.assert_array_equal(stored(tmp_path / "p/ODD/deep.png"), stored(tmp_path / "p/ODD/colour.png"))
    np.testing.assert_array_equal(stored(tmp_path / "p/ODD/deep_grey.png"), stored(tmp_path / "p/ODD/grey.png"))


def test_stretch_binary_and_overlay(run_folder: Path, tiny: Params, tmp_path: Path) -> None:
    write_images(tmp_path / "photos", 1)
    image = tmp_path / "photos" / "im0.png"
    teacher = read_segmenter(run_folder / "segmenter.h5", tiny.segmenter, SIZE)[1]
    p = stretched(expected(teacher, image))
    common = ("predict", run_folder / "segmenter.h5", image, "--stretch", "per_image", "--set", "S")
    assert main(*common, "--out", tmp_path / "a", "--overlay", tmp_path / "o") == 0
    soft = stored(tmp_path / "a/S/im0.png")
    assert (soft.min(), soft.max()) == (0, 255)
    assert np.abs(soft - p * 255).max() <= 0.6
    assert main(*common, "--out", tmp_path / "b", "--binary", "0.3") == 0
    binary = stored(tmp_path / "b/S/im0.png")
    assert set(np.unique(binary)) == {0, 255}
    sure = np.abs(p - 0.3) > 1e-5
    np.testing.assert_array_equal((binary == 255)[sure], (p >= 0.3)[sure])
    drawn = stored(tmp_path / "o/S/im0.png")[..., ::-1].astype(int)
    original = read_image(image)
    assert drawn.shape == original.shape
    np.testing.assert_array_equal(drawn[soft == 0], original[soft == 0])
    assert (drawn[soft > 200] != original[soft > 200]).any(axis=1).all()


def test_tta_is_the_mean_of_the_eight_views(run_folder: Path, tiny: Params, tmp_path: Path) -> None:
    write_images(tmp_path / "photos", 1)
    image = tmp_path / "photos" / "im0.png"
    assert main("predict", run_folder / "segmenter.h5", image, "--out", tmp_path / "p", "--tta") == 0
    teacher = read_segmenter(run_folder / "segmenter.h5", tiny.segmenter, SIZE)[1].eval()
    native = read_image(image)
    x = torch.from_numpy(to_square(native, None, None, SIZE)[0]).permute(2, 0, 1)[None].float() / 255
    votes = []
    with torch.no_grad():
        for flip in (False, True):
            for turn in range(4):
                view = torch.rot90(x.flip(-1) if flip else x, turn, (2, 3))
                back = torch.rot90(torch.sigmoid(teacher(view)[-1]), -turn, (2, 3))
                votes.append(back.flip(-1) if flip else back)
    p = to_native(torch.stack(votes).mean(0)[0, 0].numpy(), native.shape[:2])
    assert np.abs(stored(tmp_path / "p/photos/im0.png") - p * 255).max() <= 1


def test_frames_of_a_video(run_folder: Path, tmp_path: Path) -> None:
    film = tmp_path / "films" / "walk.avi"
    film.parent.mkdir()
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter_fourcc(*"MJPG"), 10, (48, 32))
    rng = np.random.default_rng(0)
    for _ in range(5):
        writer.write(cv2.GaussianBlur(rng.integers(0, 256, (32, 48, 3), dtype=np.uint8), (0, 0), 3))
    writer.release()
    command = ("predict", run_folder / "segmenter.h5", film, "--out", tmp_path / "p", "--batch-size", "2")
    assert main(*command) == 0
    frames = sorted((tmp_path / "p" / "films" / "walk").iterdir())
    assert [f.name for f in frames] == [f"{i:06d}.png" for i in range(5)]
    assert {stored(f).shape for f in frames} == {(32, 48)}
    capture = cv2.VideoCapture(str(film))
    for number in range(5):
        (tmp_path / "walk").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "walk" / f"{number:06d}.png"), capture.read()[1])
    capture.release()
    assert main(*command[:2], tmp_path / "walk", "--out", tmp_path / "q", "--batch-size", "2") == 0
    for frame in frames:
        assert frame.read_bytes() == (tmp_path / "q" / "walk" / frame.name).read_bytes()
    before = frames[3].read_bytes()
    assert before != frames[2].read_bytes()
    frames[3].unlink()
    assert main(*command) == 0
    assert frames[3].read_bytes() == before


def test_interrupted_and_resumed_is_undisturbed(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = write_images(tmp_path / "photos", 7)
    command = ("predict", run_folder / "segmenter.h5", tmp_path / "photos", "--batch-size", "3")
    assert main(*command, "--out", tmp_path / "whole") == 0
    written: list[Path] = []
    real = module.write_png

    def dying(path: Path, image: np.ndarray) -> None:
        if len(written) == 4:
            raise KeyboardInterrupt
        written.append(path)
        real(path, image)

    monkeypatch.setattr(module, "write_png", dying)
    assert main(*command, "--out", tmp_path / "cut") == 130
    assert len(list((tmp_path / "cut").rglob("*.png"))) == 4
    written[1].write_bytes(written[1].read_bytes()[:-5])  # as a disk that lost its end would leave it
    marks = {path: path.stat().st_mtime_ns for path in written}
    monkeypatch.setattr(module, "write_png", real)
    assert main(*command, "--out", tmp_path / "cut") == 0
    for name in names:
        one, other = (tmp_path / folder / "photos" / f"{name}.png" for folder in ("whole", "cut"))
        assert one.read_bytes() == other.read_bytes()
    assert [path for path in written if path.stat().st_mtime_ns != marks[path]] == [written[1]]
    assert "4 predicted" in capsys.readouterr().out
    assert not list((tmp_path / "cut").rglob("*.tmp"))


def test_what_is_not_predicted_is_named_after_the_others_are_done(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = write_images(tmp_path / "photos", 4)
    (tmp_path / "photos" / "aa.jpg").write_bytes(b"no image")
    (tmp_path / "photos" / "zz.heic").write_bytes(b"ftypheic")
    (tmp_path / "photos" / "film.MP4").write_bytes(b"")
    (tmp_path / "photos" / "notes.txt").write_bytes(b"nothing to predict")
    assert main("predict", run_folder / "segmenter.h5", tmp_path / "photos", "--out", tmp_path / "p") == 1
    said = capsys.readouterr()
    assert "3 left out or not readable; the other 4 are done" in said.err
    assert "aa.jpg: not an image in a format that is read" in said.err
    assert "zz.heic: .heic files cannot be read; convert them to PNG" in said.err
    assert "film.MP4: videos in a folder are left out; name them on the command line" in said.err
    assert "notes.txt" not in said.err
    assert len(list((tmp_path / "p").rglob("*.png"))) == len(names)


def test_predictions_of_another_model_are_never_mixed(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path / "photos", 2)
    command = ("predict", run_folder / "segmenter.h5", tmp_path / "photos", "--out", tmp_path / "p")
    assert main(*command) == 0
    (tmp_path / "p" / "photos" / "of before.png").write_bytes(b"")
    for other in (
        ("--model", "student"),
        ("--tta",),
        ("--binary", "0.5"),
        ("--stretch", "per_image"),
        ("--size", "64"),
    ):
        assert main(*command, *other) == 1
        assert "--overwrite" in capsys.readouterr().err
    before = stored(tmp_path / "p/photos/im0.png")
    assert main(*command, "--model", "student", "--overwrite") == 0
    assert (stored(tmp_path / "p/photos/im0.png") != before).any()
    assert not (tmp_path / "p" / "photos" / "of before.png").exists()
    record = json.loads((tmp_path / "p" / "predictions.json").read_text())
    assert record["model"]["network"] == "student"
    with (
        pytest.raises(ScalerError, match="student there, teacher now"),
        claimed(tmp_path / "p", record | {"model": record["model"] | {"network": "teacher"}}, overwrite=False),
    ):
        pass


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (32, 32), (3, 7)])
def test_the_smallest_images(run_folder: Path, tmp_path: Path, shape: tuple[int, int]) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((*shape, 3), 90, np.uint8))
    command = ("predict", run_folder / "segmenter.h5", tmp_path / "a.png", "--set", "s", "--out", tmp_path / "p")
    assert main(*command, "--overlay", tmp_path / "o") == 0
    assert stored(tmp_path / "p/s/a.png").shape == shape
    assert stored(tmp_path / "o/s/a.png").shape == (*shape, 3)


def test_a_large_image_is_predicted_in_tiles(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scaler.use.tiles.LIMIT", 150)
    monkeypatch.setattr("scaler.use.tiles.SIDE", 64)
    large = cv2.resize(scenes(1, 40, 3)[0][0], (200, 120), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(tmp_path / "large.png"), large)
    cv2.imwrite(str(tmp_path / "small.png"), large[:, :140])
    command = ("predict", run_folder / "segmenter.h5", tmp_path / "large.png", tmp_path / "small.png", "--set", "s")
    assert main(*command, "--out", tmp_path / "a") == 0
    said = capsys.readouterr().out
    assert "s/large: 200 x 120 pixels, predicted in 12 tiles of at most 64 x 64" in said
    assert "s/small" not in said
    assert main(*command, "--out", tmp_path / "whole", "--tiles", "off") == 0
    assert main(*command, "--out", tmp_path / "all", "--tiles", "64") == 0
    a, whole, everything = (stored(tmp_path / f"{name}/s/large.png").astype(int) for name in ("a", "whole", "all"))
    np.testing.assert_array_equal(a, everything)
    assert a.shape == whole.shape == (120, 200)
    assert (a != whole).any()
    small = [stored(tmp_path / f"{name}/s/small.png").astype(int) for name in ("a", "whole", "all")]
    assert np.abs(small[0] - small[1]).max() <= 1
    assert np.abs(small[0] - small[2]).max() > 1
    corner = read_image(tmp_path / "large.png")[:64, :64]
    cv2.imwrite(str(tmp_path / "corner.png"), corner[..., ::-1])
    assert main(*command[:2], tmp_path / "corner.png", "--set", "s", "--out", tmp_path / "c", "--tiles", "off") == 0
    alone = stored(tmp_path / "c/s/corner.png").astype(int)
    assert np.abs(a[:28, :40] - alone[:28, :40]).max() <= 1  # where only the first tile has a say
