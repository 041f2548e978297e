from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from scaler.data.images import read_image, read_marks, read_mask
from scaler.errors import ScalerError

COLOUR = np.random.default_rng(1).integers(0, 256, (4, 6, 3), np.uint8)
SHAPE = np.asarray([[0, 0, 1, 1], [0, 1, 1, 0], [0, 0, 0, 0]], np.uint8)


def saved(path: Path, pixels: np.ndarray[Any, Any], **options: Any) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def paletted(path: Path, indexes: np.ndarray[Any, Any], colours: list[tuple[int, int, int]], **options: Any) -> Path:
    image = Image.fromarray(indexes.astype(np.uint8), "L")
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette([value for colour in colours for value in colour])
    image.save(path, **options)
    return path


def opencv(path: Path, pixels: np.ndarray[Any, Any]) -> Path:
    assert cv2.imwrite(str(path), pixels)
    return path


def turned_by_pillow(path: Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image))


@pytest.mark.parametrize("suffix", ["png", "tif", "tiff", "bmp", "TIFF"])
def test_lossless_colour_comes_back_exactly(tmp_path: Path, suffix: str) -> None:
    image = read_image(saved(tmp_path / f"a.{suffix}", COLOUR))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, COLOUR)


def test_jpeg_comes_back_nearly(tmp_path: Path) -> None:
    smooth = np.tile(np.linspace(0, 255, 32, dtype=np.uint8)[:, None, None], (1, 32, 3))
    image = read_image(saved(tmp_path / "a.jpg", smooth, quality=95))
    assert np.abs(image.astype(int) - smooth).max() < 8


def test_grey_is_repeated_and_one_bit_is_stretched(tmp_path: Path) -> None:
    grey = read_image(saved(tmp_path / "grey.png", COLOUR[..., 0]))
    np.testing.assert_array_equal(grey, np.repeat(COLOUR[..., :1], 3, axis=2))
    bits = read_image(saved(tmp_path / "bits.png", SHAPE.astype(bool)))
    np.testing.assert_array_equal(bits[..., 1], SHAPE * 255)


def test_palette_becomes_its_colours_and_alpha_is_dropped(tmp_path: Path) -> None:
    path = paletted(tmp_path / "p.png", SHAPE, [(1, 2, 3), (250, 4, 5)], transparency=b"\x00\x80")
    np.testing.assert_array_equal(read_image(path), np.where(SHAPE[..., None], [250, 4, 5], [1, 2, 3]))
    rgba = np.dstack([COLOUR, np.zeros((4, 6), np.uint8)])
    np.testing.assert_array_equal(read_image(saved(tmp_path / "rgba.png", rgba)), COLOUR)


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_are_scaled_exactly(tmp_path: Path, suffix: str, channels: int) -> None:
    deep = np.random.default_rng(2).integers(0, 65536, (5, 7, channels)).astype(np.uint16)
    deep[0, 0], deep[0, 1], deep[0, 2] = 0, 65535, 128 * 257
    image = read_image(opencv(tmp_path / f"a.{suffix}", deep if channels > 1 else deep[..., 0]))
    expected = np.rint(deep.astype(np.float64) / 257).astype(np.uint8)
    expected = np.repeat(expected, 3, axis=2) if channels == 1 else expected[..., 2::-1]
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_every_orientation_is_applied_once(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    blocks = np.kron(COLOUR[:2, :3, 0] // 128 * 255, np.ones((16, 16), np.uint8))
    blocks[:16, :16], blocks[16:, 32:] = 255, 0
    path = saved(tmp_path / f"a.{suffix}", blocks, exif=exif)
    expected = turned_by_pillow(saved(tmp_path / "b.png", blocks, exif=exif))
    np.testing.assert_array_equal(read_image(path)[..., 0] > 127, expected > 127)
    np.testing.assert_array_equal(read_mask(path), expected > 127)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_sixteen_bit_colour(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    expected = turned_by_pillow(saved(tmp_path / "b.png", COLOUR, exif=exif))
    path = opencv(tmp_path / "a.png", COLOUR[..., ::-1].astype(np.uint16) * 257)
    path.write_bytes(with_exif(path.read_bytes(), exif.tobytes().removeprefix(b"Exif\x00\x00")))
    np.testing.assert_array_equal(read_image(path), expected)


def with_exif(png: bytes, exif: bytes) -> bytes:
    """Insert an eXIf chunk behind the header chunk."""
    chunk = struct.pack(">I", len(exif)) + b"eXIf" + exif + struct.pack(">I", zlib.crc32(b"eXIf" + exif))
    return png[:33] + chunk + png[33:]


def test_suffix_does_not_decide_the_format(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.kron(SHAPE, np.full((16, 16), 255, np.uint8))).save(path, format="JPEG")
    np.testing.assert_array_equal(read_mask(path), np.kron(SHAPE, np.ones((16, 16), np.uint8)))


@pytest.mark.parametrize(
    "pixels",
    [SHAPE, SHAPE * 255, SHAPE.astype(bool), SHAPE.astype(np.uint16) * 65535, SHAPE.astype(np.uint16) * 255,
     SHAPE.astype(np.uint16), np.where(SHAPE, 250, 6).astype(np.uint8), np.dstack([SHAPE * 255] * 3),
     np.dstack([SHAPE * 255] * 3 + [np.full_like(SHAPE, 255)]), np.dstack([SHAPE * 200, SHAPE * 0, SHAPE * 9])],
    ids=["0/1", "0/255", "1 bit", "16 bit", "0/255 in 16 bit", "0/1 in 16 bit", "noisy", "grey as colour",
         "with alpha", "black and one colour"],
)  # fmt: skip
def test_masks_of_every_convention(tmp_path: Path, pixels: np.ndarray[Any, Any]) -> None:
    mask = read_mask(saved(tmp_path / "m.png", pixels))
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, SHAPE)


@pytest.mark.parametrize(
    "colours",
    [[(0, 0, 0), (255, 255, 255)], [(0, 0, 0), (128, 0, 0)], [(9, 9, 9), (0, 200, 0)], [(0, 0, 0), (1, 1, 1)]],
    ids=["black and white", "VOC", "index 0 is background", "grey ramp"],
)
def test_palette_masks(tmp_path: Path, colours: list[tuple[int, int, int]]) -> None:
    np.testing.assert_array_equal(read_mask(paletted(tmp_path / "m.png", SHAPE, colours)), SHAPE)


def test_palette_mask_with_white_as_index_0(tmp_path: Path) -> None:
    path = paletted(tmp_path / "m.bmp", 1 - SHAPE, [(255, 255, 255), (0, 0, 0)])
    np.testing.assert_array_equal(read_mask(path), SHAPE)


def test_gif_mask_as_drive_has_it(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_mask(saved(tmp_path / "m.gif", SHAPE * 255)), SHAPE)


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (255, 1), (1, 1)])
def test_empty_and_full_masks(tmp_path: Path, value: int, expected: int) -> None:
    assert (read_mask(saved(tmp_path / "m.png", np.full((3, 4), value, np.uint8))) == expected).all()


def test_jpeg_mask_is_cut_at_128(tmp_path: Path) -> None:
    big = np.kron(SHAPE, np.full((27, 27), 255, np.uint8))  # edges inside the 8 x 8 blocks, so that they ring
    path = saved(tmp_path / "m.jpg", big, quality=60)
    assert len(np.unique(turned_by_pillow(path))) > 2
    np.testing.assert_array_equal(read_mask(path), big // 255)


@pytest.mark.parametrize(
    ("pixels", "named"),
    [
        (np.kron(np.asarray([[0, 90, 255]], np.uint8), np.ones((9, 9), np.uint8)), "flat areas of 0, 90, 255"),
        (np.asarray([[0, 1, 2, 3]], np.uint8), "0, 1, 2, 3"),
        (np.asarray([[0, 1, 255]], np.uint8), "0, 1, 255"),
        (np.asarray([[0, 30000]], np.uint16), "0, 30000"),
        (np.arange(250, dtype=np.uint8)[None], "250 different values"),
        (np.asarray([[[90, 0, 0], [0, 90, 0]]], np.uint8), "2 colours"),
    ],
    ids=["between", "classes", "void", "16 bit", "soft", "no black"],
)
def test_unclear_masks_are_refused(tmp_path: Path, pixels: np.ndarray[Any, Any], named: str) -> None:
    with pytest.raises(ScalerError, match=rf"m\.png: expected .*{named}.*save the mask as PNG with 0"):
        read_mask(saved(tmp_path / "m.png", pixels))


def test_shape_in_alpha_is_refused(tmp_path: Path) -> None:
    pixels = np.dstack([SHAPE * 0] * 3 + [SHAPE * 255])
    with pytest.raises(ScalerError, match=r"m\.png: the shape is in the transparency channel"):
        read_mask(saved(tmp_path / "m.png", pixels))


def test_palette_of_three_classes_is_refused(tmp_path: Path) -> None:
    path = paletted(tmp_path / "m.png", np.asarray([[0, 1, 2]]), [(0, 0, 0), (128, 0, 0), (0, 128, 0)])
    with pytest.raises(ScalerError, match=r"m\.png: .*two indexes.*0, 1, 2.*\(128, 0, 0\)"):
        read_mask(path)


def test_photographs_and_colour_as_jpeg_masks_are_refused(tmp_path: Path) -> None:
    soft = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (64, 1))
    with pytest.raises(ScalerError, match=r"a\.jpg: .*neither dark nor bright"):
        read_mask(saved(tmp_path / "a.jpg", soft))
    red = np.zeros((32, 32, 3), np.uint8)
    red[:16, :, 0] = 255
    with pytest.raises(ScalerError, match=r"b\.jpg: .*JPEG in colour"):
        read_mask(saved(tmp_path / "b.jpg", red))
    with pytest.raises(ScalerError, match=r"c\.jpg: .*below the threshold"):
        read_mask(saved(tmp_path / "c.jpg", np.kron(SHAPE, np.full((16, 16), 4, np.uint8)), quality=100))


MARKS = np.asarray([[0, 1, 2], [0, 0, 1]], np.uint8)


def test_both_conventions_of_marks(tmp_path: Path) -> None:
    s_cod = saved(tmp_path / "a.png", MARKS)
    other = saved(tmp_path / "b.png", np.asarray([255, 1, 0], np.uint8)[MARKS])
    for path, name in ((s_cod, "fg1_bg2"), (other, "fg1_bg0_unknown255")):
        np.testing.assert_array_equal(read_marks(path), MARKS)
        np.testing.assert_array_equal(read_marks(path, name), MARKS)  # type: ignore[arg-type]


def test_marks_in_palette_colour_and_16_bit(tmp_path: Path) -> None:
    index = paletted(tmp_path / "a.png", MARKS, [(0, 0, 0), (255, 0, 0), (0, 255, 0)])
    for path in (index, saved(tmp_path / "b.png", np.dstack([MARKS] * 3)),
                 saved(tmp_path / "c.png", MARKS.astype(np.uint16))):  # fmt: skip
        np.testing.assert_array_equal(read_marks(path), MARKS)


@pytest.mark.parametrize("values", [[0], [0, 1], [0, 255]])
def test_ambiguous_marks_need_a_convention(tmp_path: Path, values: list[int]) -> None:
    path = saved(tmp_path / "a.png", np.asarray([values], np.uint8))
    with pytest.raises(ScalerError, match=rf"a\.png: .*{', '.join(map(str, values))}.*prepare_data\.marks_convention"):
        read_marks(path)
    assert read_marks(path, "fg1_bg0_unknown255")[0, 0] == 2


def test_foreign_marks_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", np.asarray([[0, 1, 2, 255]], np.uint8))
    for convention in ("auto", "fg1_bg2"):
        with pytest.raises(ScalerError, match=r"a\.png: .*0, 1, 2, 255"):
            read_marks(path, convention)  # type: ignore[arg-type]
    with pytest.raises(ScalerError, match=r"a\.jpg: .*PNG"):
        read_marks(saved(tmp_path / "a.jpg", MARKS))
    with pytest.raises(ScalerError, match=r"c\.png: marks in colour"):
        read_marks(saved(tmp_path / "c.png", COLOUR))


def damaged(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "a.png"
    noise = np.random.default_rng(3).integers(0, 256, (60, 60, 3), np.uint8)
    if kind == "text":
        path.write_text("hello")
    elif kind == "empty":
        path.touch()
    elif kind == "pages":
        path = path.with_suffix(".tif")
        Image.fromarray(noise).save(path, save_all=True, append_images=[Image.fromarray(noise)])
    elif kind == "float":
        path = saved(path.with_suffix(".tif"), noise[..., 0].astype(np.float32) / 7)
    elif kind != "missing":
        path = saved(tmp_path / f"a.{kind}", noise)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [("png", "copy it again"), ("jpg", "copy it again"), ("bmp", "copy it again"), ("tif", "truncated|no readable"),
     ("text", "convert it to PNG"), ("empty", r"empty \(0 bytes\)"), ("missing", "not readable"),
     ("pages", "2 pages"), ("float", "8 or 16 bits")],
)  # fmt: skip
def test_damaged_files_are_named_with_a_remedy(tmp_path: Path, kind: str, message: str) -> None:
    path = damaged(tmp_path, kind)
    for read in (read_image, read_mask, read_marks):
        with pytest.raises(ScalerError, match=rf"{path.name}: .*({message})"):
            read(path)
