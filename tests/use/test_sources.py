"""What is taken for an image, what it is called, and what is refused before anything is computed."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaler.errors import ScalerError
from scaler.use.sources import Images, chunks, find_sources
from tests.command import main
from tests.use.models import write_images


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def found(*paths: Path, set_name: str | None = None) -> dict[str, list[str]]:
    items = find_sources(paths, set_name).items
    return {source.set: list(source.files) for source in items if isinstance(source, Images)}


def test_ids_are_verbatim_and_sets_are_named_by_their_folders(tmp_path: Path) -> None:
    touch(
        tmp_path, "CAMO/Imgs/b.v2.JPG", "CAMO/Imgs/a b/ä.png", "CAMO/Imgs/.hidden.png", "CAMO/Imgs/note.txt", "x/c.tif"
    )
    assert found(tmp_path / "CAMO" / "Imgs", tmp_path / "x" / "c.tif") == {"CAMO": ["a b/ä", "b.v2"], "x": ["c"]}
    assert found(tmp_path / "CAMO" / "Imgs", set_name="mine") == {"mine": ["a b/ä", "b.v2"]}


def test_files_that_differ_in_suffix_only_keep_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    touch(tmp_path, "d/a.JPG", "d/a.png", "d/b.png", "d/deep/a.tif")
    assert found(tmp_path / "d") == {"d": ["a.JPG", "a.png", "b", "deep/a"]}
    assert "d/a: 2 images of this name; their predictions are a.JPG.png, a.png.png" in capsys.readouterr().err
    assert found(tmp_path / "d", tmp_path / "d" / "b.png") == {"d": ["a.JPG", "a.png", "b", "deep/a"]}


def test_a_pattern_chooses_among_images_and_masks_in_one_folder(tmp_path: Path) -> None:
    touch(tmp_path, "d/Imgs/a.JPG", "d/Imgs/a.png", "d/Imgs/b.jpg", "d/Imgs/b.png")
    (images,) = find_sources([tmp_path / "d"], None, "*.jpg").items
    assert isinstance(images, Images)
    assert {name: path.name for name, path in images.files.items()} == {"Imgs/a": "a.JPG", "Imgs/b": "b.jpg"}
    with pytest.raises(ScalerError, match=r"no image in this folder that fits --only '\*\.bmp'"):
        find_sources([tmp_path / "d"], None, "*.bmp")


def test_the_working_folder_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(touch(tmp_path / "here", "a.png"))
    assert found(Path()) == {"here": ["a"]}


@pytest.mark.parametrize(
    ("files", "given", "message"),
    [
        (["1/d/a.png", "2/d/a.png"], ["1/d", "2/d"], "both would be predicted as d/a.png.png"),
        (["d/a.png", "d/a.jpg", "d/a.jpg.png"], ["d"], "both would be predicted as d/a.jpg.png"),
        (["d/film/1.png", "d/film.mp4"], ["d", "d/film.mp4"], "both would be predicted into d/film/"),
        (["d/a.txt"], ["d"], "no image in this folder"),
        (["d/a.txt"], ["d/a.txt"], "neither an image nor a video"),
        ([], ["nowhere"], "no such file or folder"),
    ],
)
def test_refused(tmp_path: Path, files: list[str], given: list[str], message: str) -> None:
    touch(tmp_path, *files)
    with pytest.raises(ScalerError, match=message):
        find_sources([tmp_path / name for name in given], None)


@pytest.mark.parametrize("name", ["", "a/b", "..", ".x", "a\\b"])
def test_a_set_has_a_plain_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ScalerError, match="expected a plain name"):
        find_sources([touch(tmp_path, "a.png")], name)


def test_a_folder_called_images_is_named_by_the_one_above(tmp_path: Path) -> None:
    touch(tmp_path, "p/images/images/b.png", "q/Imgs/b.png")
    assert found(tmp_path / "p/images/images", tmp_path / "q/Imgs") == {"p": ["b"], "q": ["b"]}


def test_what_looks_like_an_image_and_is_not_read_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "d/a.png", "d/b.heic", "d/c.MOV", "d/readme.txt", "d/e.psd")
    (tmp_path / "d" / "f.jpg").symlink_to(tmp_path / "nowhere")
    kinds = {Path(fault.files[0]).name: fault.kind for fault in find_sources([tmp_path / "d"], None).left_out}
    assert kinds == {
        "b.heic": "format_not_read",
        "c.MOV": "video_in_folder",
        "e.psd": "format_not_read",
        "f.jpg": "not_a_file",
    }


def test_chunks_never_depend_on_what_is_done(tmp_path: Path) -> None:
    names = write_images(tmp_path, 5)
    source = Images("s", {name: tmp_path / f"{name}.png" for name in names})
    assert [[frame.id for frame in frames] for frames in chunks(source, 2, print)] == [names[:2], names[2:4], names[4:]]


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("photos/predictions", "whose images are predicted"),
        ("photos", "whose images are predicted"),
        (".", "where the predictions would go"),
        ("full", "holds files but no predictions.json"),
        ("foreign", "not a record of predictions"),
    ],
)
def test_folders_in_which_nothing_is_written(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str, message: str
) -> None:
    write_images(tmp_path / "photos", 2)
    touch(tmp_path, "full/letter.txt", "foreign/predictions.json")
    before = sorted(tmp_path.rglob("*"))
    assert main("predict", run_folder / "segmenter.h5", tmp_path / "photos", "--out", tmp_path / out) == 1
    assert message in capsys.readouterr().err
    assert [path for path in sorted(tmp_path.rglob("*")) if path not in before and path.suffix == ".png"] == []


def test_a_video_that_is_none(run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = touch(tmp_path / "films", "a.avi") / "a.avi"
    assert main("predict", run_folder / "segmenter.h5", film, "--out", tmp_path / "p") == 1
    assert "no frame of this video can be read" in capsys.readouterr().err
