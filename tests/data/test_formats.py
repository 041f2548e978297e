"""Every file format and arrangement of samples gives back the pixels that were written."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from scaler.data.decode import MAX_PIXELS_VARIABLE, decode
from scaler.data.images import read_image, read_mask
from scaler.errors import ScalerError

RNG = np.random.default_rng(4)
HEIGHT, WIDTH = 33, 47
COLOUR = RNG.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
DEEP = RNG.integers(0, 65536, (HEIGHT, WIDTH, 3)).astype(np.uint16)
SHAPE = np.zeros((HEIGHT, WIDTH), np.uint8)
SHAPE[8:20, 5:31] = 1


def eight(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return values if values.dtype == np.uint8 else np.rint(values / 257.0).astype(np.uint8)


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "zstd", "packbits"])
@pytest.mark.parametrize("planar", [False, True], ids=["contiguous", "planar"])
@pytest.mark.parametrize("tile", [None, (16, 16)], ids=["strips", "tiles"])
@pytest.mark.parametrize("pixels", [COLOUR, DEEP], ids=["8 bit", "16 bit"])
def test_colour_tiff(tmp_path: Path, pixels: np.ndarray[Any, Any], tile: Any, planar: bool, compression: Any) -> None:
    """All arrangements, in both byte orders, with and without alpha, as BigTIFF too."""
    alpha = np.full((HEIGHT, WIDTH, 1), 7, pixels.dtype)
    for order, big, extra in (("<", False, False), (">", True, False), ("<", True, True)):
        stored = np.concatenate([pixels, alpha], axis=2) if extra else pixels
        path = tmp_path / f"{order == '<'}{big}{extra}.tif"
        tifffile.imwrite(
            path, np.moveaxis(stored, 2, 0) if planar else stored, photometric="rgb", bigtiff=big, tile=tile,
            byteorder=order, planarconfig="separate" if planar else "contig", compression=compression,
            extrasamples=["unassalpha"] if extra else None,
        )  # fmt: skip
        np.testing.assert_array_equal(read_image(path), eight(pixels))


@pytest.mark.parametrize("white", [False, True], ids=["black is zero", "white is zero"])
@pytest.mark.parametrize("bits", [1, 8, 16])
@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "zstd"])
def test_grey_tiff(tmp_path: Path, bits: int, white: bool, compression: Any) -> None:
    top = 2**bits - 1
    kind = np.uint16 if bits == 16 else np.uint8
    mask = SHAPE.astype(kind) * kind(top)
    stored = mask if not white else kind(top) - mask
    path = tmp_path / "a.tif"
    photometric = "miniswhite" if white else "minisblack"
    values = stored.astype(bool) if bits == 1 else stored
    tifffile.imwrite(path, values, photometric=photometric, compression=compression)
    np.testing.assert_array_equal(read_mask(path), SHAPE)
    np.testing.assert_array_equal(read_image(path)[..., 1], SHAPE * 255)


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.uint32, np.float32, np.float64])
def test_masks_in_other_number_types(tmp_path: Path, dtype: type) -> None:
    for top in (1, 100 if dtype == np.int8 else 255):
        tifffile.imwrite(tmp_path / "a.tif", (SHAPE * top).astype(dtype))
        np.testing.assert_array_equal(read_mask(tmp_path / "a.tif", threshold=50), SHAPE)


def test_colours_that_are_declared_as_grey(tmp_path: Path) -> None:
    """Three samples under PhotometricInterpretation 1."""
    tifffile.imwrite(tmp_path / "a.tif", COLOUR, photometric="minisblack", planarconfig="contig")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), COLOUR)


def test_palette_ome_and_oriented_tiff(tmp_path: Path) -> None:
    colours = RNG.integers(0, 256, (3, 256)).astype(np.uint16) * 257
    indexes = COLOUR[..., 0]
    tifffile.imwrite(tmp_path / "p.tif", indexes, photometric="palette", colormap=colours)
    np.testing.assert_array_equal(read_image(tmp_path / "p.tif"), (colours // 257).T[indexes])
    tifffile.imwrite(
        tmp_path / "o.ome.tif", np.moveaxis(COLOUR, 2, 0), photometric="minisblack", metadata={"axes": "CYX"}
    )
    np.testing.assert_array_equal(read_image(tmp_path / "o.ome.tif"), COLOUR)
    tifffile.imwrite(tmp_path / "t.tif", COLOUR, photometric="rgb", extratags=[(274, 3, 1, 6, True)])
    np.testing.assert_array_equal(read_image(tmp_path / "t.tif"), np.rot90(COLOUR, -1))


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        (np.stack([SHAPE, SHAPE]), "holds 2 pages"),
        (np.dstack([COLOUR, COLOUR])[..., :5], "pages|channels"),
        (SHAPE / np.float32(3), "floating point samples"),
    ],
)
def test_what_is_not_one_image_is_named(tmp_path: Path, pages: np.ndarray[Any, Any], message: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    with pytest.raises(ScalerError, match=message):
        decode(tmp_path / "a.tif")


@pytest.mark.parametrize("compression", [None, "lzw"])
def test_a_truncated_tiff_is_damaged(tmp_path: Path, compression: Any) -> None:
    data = io.BytesIO()
    tifffile.imwrite(data, COLOUR, photometric="rgb", compression=compression)
    (tmp_path / "a.tif").write_bytes(data.getvalue()[:-200])
    with pytest.raises(ScalerError, match="truncated or damaged"):
        decode(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("suffix", "options"),
    [("webp", {"lossless": True}), ("jp2", {"irreversible": False}), ("ppm", {}), ("bmp", {}), ("png", {})],
)
def test_other_lossless_formats(tmp_path: Path, suffix: str, options: dict[str, Any]) -> None:
    Image.fromarray(COLOUR).save(tmp_path / f"a.{suffix}", **options)
    np.testing.assert_array_equal(read_image(tmp_path / f"a.{suffix}"), COLOUR)
    if suffix != "ppm":
        Image.fromarray(SHAPE * 255).convert("RGB").save(tmp_path / f"m.{suffix}", **options)
        np.testing.assert_array_equal(read_mask(tmp_path / f"m.{suffix}"), SHAPE)


def test_portable_maps(tmp_path: Path) -> None:
    head = f"{WIDTH} {HEIGHT}\n".encode()
    (tmp_path / "a.pgm").write_bytes(b"P5\n" + head + b"65535\n" + DEEP[..., 0].astype(">u2").tobytes())
    np.testing.assert_array_equal(read_image(tmp_path / "a.pgm")[..., 0], eight(DEEP[..., 0]))
    Image.fromarray(SHAPE.astype(bool)).save(tmp_path / "a.pbm")
    np.testing.assert_array_equal(read_mask(tmp_path / "a.pbm"), SHAPE)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_may_lack_its_end_marker_and_nothing_else(tmp_path: Path, progressive: bool) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(COLOUR).save(path, quality=90, progressive=progressive)
    whole, data = read_image(path), path.read_bytes()
    assert data.endswith(b"\xff\xd9")
    path.write_bytes(data[:-2])
    np.testing.assert_array_equal(read_image(path), whole)
    for cut in (60, len(data) // 2):
        path.write_bytes(data[:-cut])
        with pytest.raises(ScalerError, match="truncated or damaged"):
            read_image(path)


def test_the_limit_of_pixels_is_named_and_can_be_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(COLOUR).save(tmp_path / "a.png")
    monkeypatch.setenv(MAX_PIXELS_VARIABLE, "1000")
    with pytest.raises(ScalerError, match=rf"47 x 33 = 1,551 pixels, the limit is 1,000; .*{MAX_PIXELS_VARIABLE}"):
        read_image(tmp_path / "a.png")
    monkeypatch.setenv(MAX_PIXELS_VARIABLE, "2000")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), COLOUR)


def test_twelve_bits_in_sixteen_get_their_range(tmp_path: Path) -> None:
    twelve = (DEEP[..., 0] >> 4).astype(np.uint16)
    Image.fromarray(twelve).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").max() <= 16
    expected = np.rint(twelve.astype(float) * 255 / 4095).astype(np.uint8)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", white=4095)[..., 0], expected)


def test_grey_edges_are_cut_at_the_threshold(tmp_path: Path) -> None:
    """Anti-aliased drawings and resized masks, at 8 and 16 bits, and in a palette of greys."""
    big = np.kron(SHAPE, np.full((8, 8), 255, np.uint8))
    soft = np.asarray(Image.fromarray(big).resize((150, 110), Image.Resampling.BILINEAR))
    assert len(np.unique(soft)) > 10
    Image.fromarray(soft).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png"), soft >= 128)
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png", threshold=200), soft >= 200)
    Image.fromarray(soft.astype(np.uint16) * 257).save(tmp_path / "b.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "b.png"), soft >= 128)
    grey = Image.fromarray(soft).convert("P", palette=Image.Palette.ADAPTIVE, colors=256)
    grey.save(tmp_path / "c.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "c.png"), soft >= 128)


@pytest.mark.parametrize("size", [1, 2, 32])
def test_the_smallest_images_and_masks(tmp_path: Path, size: int) -> None:
    Image.fromarray(COLOUR[:size, :size]).save(tmp_path / "a.png")
    Image.fromarray(np.full((size, size), 255, np.uint8)).save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), COLOUR[:size, :size])
    assert read_mask(tmp_path / "m.png").all()


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_masks_of_few_bits(tmp_path: Path, bits: int) -> None:
    """Their white is the greatest value of so many bits, not 255."""
    tifffile.imwrite(tmp_path / "a.tif", SHAPE * (2**bits - 1), bitspersample=bits, photometric="minisblack")
    (tmp_path / "a.png").write_bytes(small_png(SHAPE * np.uint8(2**bits - 1), bits))
    for name in ("a.tif", "a.png"):
        np.testing.assert_array_equal(read_mask(tmp_path / name), SHAPE)


def small_png(values: np.ndarray[Any, Any], bits: int) -> bytes:
    """A grey PNG of 1, 2 or 4 bits, which Pillow does not write."""
    height, width = values.shape
    places = (values[..., None] >> np.arange(bits)[::-1]) & 1
    rows = np.packbits(places.reshape(height, width * bits).astype(np.uint8), axis=1)
    lines = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
