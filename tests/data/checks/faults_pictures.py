"""Faults of single pictures and of pictures together: each makes one, and says what must be found."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from scaler.params import PrepareDataParams
from tests.data.checks.faults_names import Fault
from tests.data.checks.world import SIZE, params, picture, shape, write


def _replace(root: Path, folder: str, stem: str = "a") -> Path:
    path = root / folder / f"{stem}.png"
    path.unlink(missing_ok=True)
    return path


def _turned(path: Path, values: np.ndarray, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    write(path, values, exif=exif)


def image_of_no_bytes(root: Path) -> None:
    _replace(root, "images").write_bytes(b"")


def mask_of_no_bytes(root: Path) -> None:
    _replace(root, "masks").write_bytes(b"")


def image_truncated(root: Path) -> None:
    path = root / "images" / "a.png"
    path.write_bytes(path.read_bytes()[:200])


def mask_truncated(root: Path) -> None:
    path = root / "masks" / "a.png"
    path.write_bytes(path.read_bytes()[:60])


def image_is_a_web_page(root: Path) -> None:
    (root / "images" / "a.png").write_text("<!doctype html><title>404</title>")


def image_of_many_pages(root: Path) -> None:
    _replace(root, "images")
    pages = [Image.fromarray(picture(seed)) for seed in (0, 5)]
    pages[0].save(root / "images" / "a.tif", save_all=True, append_images=pages[1:])


def image_of_floats(root: Path) -> None:
    _replace(root, "images")
    Image.fromarray(np.random.default_rng(0).random((48, 64)).astype(np.float32)).save(root / "images" / "a.tif")


def image_blank(root: Path) -> None:
    write(root / "images" / "a.png", np.full((48, 64, 3), 90, np.uint8))


def image_tiny(root: Path) -> None:
    write(root / "images" / "a.png", picture(0, (16, 12)))
    write(root / "masks" / "a.png", cv2.resize(shape(0), (16, 12), interpolation=cv2.INTER_NEAREST))


def image_long(root: Path) -> None:
    write(root / "images" / "a.png", picture(0, (400, 48)))
    write(root / "masks" / "a.png", shape(0, (400, 48)))


def image_huge(root: Path) -> None:
    write(root / "images" / "a.png", picture(0, (1250, 840)), compress_level=1)
    write(root / "masks" / "a.png", shape(0, (1250, 840)))


def image_see_through(root: Path) -> None:
    alpha = np.linspace(0, 255, 64).astype(np.uint8)[None, :, None].repeat(48, 0)
    write(root / "images" / "a.png", np.concatenate([picture(0), alpha], axis=2))


def image_cmyk(root: Path) -> None:
    _replace(root, "images")
    Image.fromarray(picture(0)).convert("CMYK").save(root / "images" / "a.jpg")


def image_16bit(root: Path) -> None:
    cv2.imwrite(str(root / "images" / "a.png"), picture(0).astype(np.uint16) * 257)


def image_palette(root: Path) -> None:
    Image.fromarray(picture(0)).quantize(64).save(root / "images" / "a.png")


def image_grey(root: Path) -> None:
    write(root / "images" / "a.png", picture(0)[..., 0])


def image_turned(root: Path) -> None:
    _turned(root / "images" / "a.png", np.rot90(picture(0)).copy(), 6)


def image_upside_down(root: Path) -> None:
    _turned(root / "images" / "a.png", picture(0), 3)


def suffix_wrong(root: Path) -> None:
    write(root / "images" / "a.png", picture(0), format="BMP")


def mask_of_another_size(root: Path) -> None:
    write(root / "masks" / "a.png", shape(0, (60, 48)))


def mask_turned(root: Path) -> None:
    write(root / "masks" / "a.png", np.rot90(shape(0)).copy())


def mask_of_three_classes(root: Path) -> None:
    mask = shape(0)
    mask[40:, :20] = 128
    write(root / "masks" / "a.png", mask)


def mask_soft(root: Path) -> None:
    write(root / "masks" / "a.png", cv2.GaussianBlur(shape(0), (0, 0), 3))


def mask_of_many_colours(root: Path) -> None:
    write(root / "masks" / "a.png", picture(0))


def mask_photograph(root: Path) -> None:
    _replace(root, "masks")
    write(root / "masks" / "a.jpg", picture(0)[..., 0])


def mask_in_transparency(root: Path) -> None:
    write(root / "masks" / "a.png", np.dstack([np.zeros((48, 64, 3), np.uint8), shape(0)]))


def mask_empty(root: Path) -> None:
    write(root / "masks" / "a.png", shape(0) * 0)


def all_masks_empty(root: Path) -> PrepareDataParams:
    for name in ("a", "a1"):
        write(root / "images" / f"{name}.png", picture(len(name) + 20))
    write(root / "masks" / "a.png", shape(0) * 0)
    write(root / "masks" / "a1.png", shape(0) * 0)
    return params(root)


def mask_full(root: Path) -> None:
    write(root / "masks" / "a.png", np.full((48, 64), 255, np.uint8))


def mask_inverted(root: Path) -> None:
    write(root / "masks" / "a.png", 255 - shape(0))


def mask_speckled(root: Path) -> None:
    mask = shape(0)
    mask[34::3, ::3] = 255
    write(root / "masks" / "a.png", mask)


def mask_of_many_parts(root: Path) -> None:
    mask = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    for y in range(1, 44, 4):
        for x in range(1, 60, 4):
            mask[y : y + 3, x : x + 3] = 255
    write(root / "masks" / "a.png", mask)


def mask_jpeg(root: Path) -> None:
    _replace(root, "masks")
    write(root / "masks" / "a.jpg", shape(0))


def mask_with_grey_edges(root: Path) -> None:
    write(root / "masks" / "a.png", cv2.GaussianBlur(shape(0), (3, 3), 0))


def mask_used_twice(root: Path) -> None:
    write(root / "masks" / "a.png", shape(1))


def image_copied(root: Path) -> None:
    write(root / "images" / "d.png", picture(0))
    write(root / "masks" / "d.png", shape(0))


def image_copied_into_test(root: Path) -> PrepareDataParams:
    write(root / "images" / "c2.bmp", picture(0))
    write(root / "masks" / "c2.png", shape(0))
    return params(root)


def image_nearly_copied(root: Path) -> None:
    write(root / "images" / "d.jpg", picture(0), quality=70)
    write(root / "masks" / "d.png", shape(0))


def image_nearly_copied_into_test(root: Path) -> PrepareDataParams:
    small = Image.fromarray(picture(0)).resize((48, 36), Image.Resampling.LANCZOS)
    write(root / "images" / "c2.png", np.asarray(small))
    write(root / "masks" / "c2.png", shape(0, (48, 36)))
    return params(root)


def _marks(root: Path, values: np.ndarray, suffix: str = ".png") -> PrepareDataParams:
    write(root / "marks" / f"a{suffix}", values)
    return params(root, supervision="points")


def marks_contradict(root: Path) -> PrepareDataParams:
    marks = shape(0, top=1)
    marks[0] = 1
    marks[-1] = 2
    return _marks(root, marks)


def marks_ambiguous(root: Path) -> PrepareDataParams:
    return _marks(root, shape(0, top=255))


def marks_of_unknown_value(root: Path) -> PrepareDataParams:
    return _marks(root, shape(0, top=7))


def marks_jpeg(root: Path) -> PrepareDataParams:
    return _marks(root, shape(0, top=2), ".jpg")


def marks_of_another_size(root: Path) -> PrepareDataParams:
    marks = shape(0, (60, 40), top=1)
    marks[-1] = 2
    return _marks(root, marks)


def marks_one_sided(root: Path) -> PrepareDataParams:
    marks = shape(0) * 0
    marks[-1] = 2
    return _marks(root, marks)


def marks_empty(root: Path) -> PrepareDataParams:
    write(root / "marks" / "a.png", shape(0) * 0)
    return params(root, supervision="points", marks_convention="fg1_bg2")


def _points(root: Path, text: str) -> PrepareDataParams:
    (root / "marks").mkdir(exist_ok=True)
    (root / "marks" / "a.csv").write_text(text)
    return params(root, supervision="points")


def points_outside(root: Path) -> PrepareDataParams:
    return _points(root, f"x,y,label\n{SIZE[0]},3,1\n")


def points_without_labels(root: Path) -> PrepareDataParams:
    return _points(root, "x,y\n3,3\n")


def points_contradict(root: Path) -> PrepareDataParams:
    return _points(root, "x,y,label\n0,0,1\n1,0,0\n")


PICTURES: list[Fault] = [
    ("error", "image_unreadable", "images/a.png", image_of_no_bytes),
    ("error", "mask_refused", "masks/a.png", mask_of_no_bytes),
    ("error", "image_unreadable", "images/a.png", image_truncated),
    ("error", "mask_refused", "masks/a.png", mask_truncated),
    ("error", "image_unreadable", "images/a.png", image_is_a_web_page),
    ("error", "image_unreadable", "images/a.tif", image_of_many_pages),
    ("error", "image_unreadable", "images/a.tif", image_of_floats),
    ("warning", "image_blank", "images/a.png", image_blank),
    ("warning", "image_tiny", "images/a.png", image_tiny),
    ("warning", "image_long", "images/a.png", image_long),
    ("warning", "image_huge", "images/a.png", image_huge),
    ("warning", "image_alpha", "images/a.png", image_see_through),
    ("warning", "image_cmyk", "images/a.jpg", image_cmyk),
    ("note", "image_16bit", "images/a.png", image_16bit),
    ("note", "image_palette", "images/a.png", image_palette),
    ("note", "image_grey", "images/a.png", image_grey),
    ("note", "exif_turn", "images/a.png", image_turned),
    ("warning", "exif_mismatch", "images/a.png", image_upside_down),
    ("note", "suffix_wrong", "images/a.png", suffix_wrong),
    ("error", "size_differs", "masks/a.png", mask_of_another_size),
    ("error", "size_differs", "masks/a.png", mask_turned),
    ("error", "mask_refused", "masks/a.png", mask_of_three_classes),
    ("warning", "mask_grey", "masks/a.png", mask_soft),
    ("error", "mask_refused", "masks/a.png", mask_of_many_colours),
    ("error", "mask_refused", "masks/a.jpg", mask_photograph),
    ("error", "mask_refused", "masks/a.png", mask_in_transparency),
    ("warning", "mask_empty", "masks/a.png", mask_empty),
    ("warning", "mask_full", "masks/a.png", mask_full),
    ("warning", "mask_inverted", "masks/a.png", mask_inverted),
    ("warning", "mask_speckled", "masks/a.png", mask_speckled),
    ("note", "mask_many_parts", "masks/a.png", mask_of_many_parts),
    ("warning", "mask_jpeg", "masks/a.jpg", mask_jpeg),
    ("note", "mask_grey_edges", "masks/a.png", mask_with_grey_edges),
    ("warning", "mask_repeated", "masks/a.png", mask_used_twice),
    ("warning", "duplicate", "images/d.png", image_copied),
    ("warning", "duplicate_between_splits", "images/c2.bmp", image_copied_into_test),
    ("note", "near_duplicate", "images/d.jpg", image_nearly_copied),
    ("warning", "near_duplicate_between_splits", "images/c2.png", image_nearly_copied_into_test),
    ("warning", "marks_contradict", "marks/a.png", marks_contradict),
    ("error", "marks_refused", "marks/a.png", marks_ambiguous),
    ("error", "marks_refused", "marks/a.png", marks_of_unknown_value),
    ("error", "marks_refused", "marks/a.jpg", marks_jpeg),
    ("error", "size_differs", "marks/a.png", marks_of_another_size),
    ("note", "marks_one_sided", "marks/a.png", marks_one_sided),
    ("warning", "marks_empty", "marks/a.png", marks_empty),
    ("error", "marks_refused", "marks/a.csv", points_outside),
    ("error", "marks_refused", "marks/a.csv", points_without_labels),
    ("warning", "marks_contradict", "marks/a.csv", points_contradict),
]
