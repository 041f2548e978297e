"""Faults of names and places: each makes one, and says what must be found."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree

from scaler.params import PrepareDataParams
from tests.data.checks.world import params, picture, shape, write

Build = Callable[[Path], PrepareDataParams | None]
Fault = tuple[str, str, str, Build]  # severity, kind, a file that is named, builder


def _pair(root: Path, stem: str, seed: int = 7) -> None:
    write(root / "images" / f"{stem}.png", picture(seed))
    write(root / "masks" / f"{stem}.png", shape(seed))


def mask_without_image(root: Path) -> None:
    write(root / "masks" / "d.png", shape(4))


def marks_without_image(root: Path) -> None:
    write(root / "marks" / "d.png", shape(4, top=2))


def image_twice(root: Path) -> None:
    write(root / "images" / "a.bmp", picture(9))


def mask_twice(root: Path) -> None:
    write(root / "masks" / "a.bmp", shape(9))


def dangling_image(root: Path) -> None:
    (root / "images" / "d.png").symlink_to(root / "nowhere.png")


def dangling_mask(root: Path) -> None:
    (root / "masks" / "a.png").unlink()
    (root / "masks" / "a.png").symlink_to(root / "nowhere.png")


def folder_as_image(root: Path) -> None:
    (root / "images" / "d.png").mkdir()
    write(root / "images" / "d.png" / "e.txt.png", picture(8))


def not_utf8(root: Path) -> None:
    write(root / "images" / os.fsdecode(b"\xff\xfe.png"), picture(8))


def control_letter(root: Path) -> None:
    write(root / "images" / "new\nline.png", picture(8), format="PNG")


def other_format(root: Path) -> None:
    (root / "images" / "d.heic").write_bytes(b"ftyp")


def numpy_file(root: Path) -> None:
    (root / "masks" / "d.npy").write_bytes(b"\x93NUMPY")


def no_images_folder(root: Path) -> PrepareDataParams:
    rmtree(root / "images")
    return params(root)


def no_masks_folder(root: Path) -> PrepareDataParams:
    rmtree(root / "masks")
    return params(root)


def no_image_at_all(root: Path) -> PrepareDataParams:
    for path in (root / "images").iterdir():
        path.unlink()
    return params(root)


def no_label_at_all(root: Path) -> None:
    for path in (root / "masks").iterdir():
        path.unlink()


def case_collision(root: Path) -> None:
    _pair(root, "A")


def accent_collision(root: Path) -> None:
    for form, seed in (("NFC", 7), ("NFD", 8)):
        _pair(root, unicodedata.normalize(form, "caf\u00e9"), seed)


def space_at_end(root: Path) -> None:
    _pair(root, "d ")


def reserved_letter(root: Path) -> None:
    _pair(root, "d:1")


def thumbs_db(root: Path) -> None:
    (root / "images" / "Thumbs.db").write_bytes(b"\xd0\xcf")


def ds_store(root: Path) -> None:
    (root / "images" / ".DS_Store").write_bytes(b"Bud1")


def apple_double(root: Path) -> None:
    (root / "masks" / "._a.png").write_bytes(b"\x00\x05\x16\x07")


def stranger(root: Path) -> None:
    (root / "images" / "notes.txt").write_text("hello")


def empty_folder(root: Path) -> None:
    (root / "images" / "more").mkdir()


def list_with_unknown(root: Path) -> PrepareDataParams:
    (root / "labelled.txt").write_text("a\nzebra\n")
    return params(root, labelled_list="labelled.txt")


def list_without_mask(root: Path) -> PrepareDataParams:
    write(root / "images" / "a2.png", picture(8))
    (root / "labelled.txt").write_text("a\na2\n")
    return params(root, labelled_list="labelled.txt")


def list_missing(root: Path) -> PrepareDataParams:
    return params(root, labelled_list="labelled.txt")


def list_empty(root: Path) -> PrepareDataParams:
    (root / "labelled.txt").write_text("\n\n")
    return params(root, labelled_list="labelled.txt")


def split_twice(root: Path) -> PrepareDataParams:
    return params(root, train="[ab]")


def test_without_mask(root: Path) -> PrepareDataParams:
    (root / "masks" / "c.png").unlink()
    return params(root)


def marks_unused(root: Path) -> PrepareDataParams:
    write(root / "marks" / "a.png", shape(0, top=1))
    return params(root, supervision="semi")


NAMES: list[Fault] = [
    ("error", "label_without_image", "masks/d.png", mask_without_image),
    ("error", "label_without_image", "marks/d.png", marks_without_image),
    ("error", "name_twice", "images/a.png", image_twice),
    ("error", "name_twice", "masks/a.png", mask_twice),
    ("error", "not_a_file", "images/d.png", dangling_image),
    ("error", "not_a_file", "masks/a.png", dangling_mask),
    ("error", "not_a_file", "images/d.png", folder_as_image),
    ("error", "name_not_text", "images/\\udcff\\udcfe.png", not_utf8),
    ("error", "name_not_text", "images/new\\nline.png", control_letter),
    ("warning", "format_not_read", "images/d.heic", other_format),
    ("warning", "format_not_read", "masks/d.npy", numpy_file),
    ("error", "folder_missing", "images", no_images_folder),
    ("error", "folder_missing", "masks", no_masks_folder),
    ("error", "folder_without_image", "images", no_image_at_all),
    ("error", "no_labels", ".", no_label_at_all),
    ("warning", "name_collision", "images/A.png", case_collision),
    ("warning", "name_collision", "images/caf\u00e9.png", accent_collision),
    ("warning", "name_spaces", "images/d .png", space_at_end),
    ("warning", "name_reserved", "images/d:1.png", reserved_letter),
    ("note", "system_file", "images/Thumbs.db", thumbs_db),
    ("note", "hidden", "images/.DS_Store", ds_store),
    ("note", "hidden", "masks/._a.png", apple_double),
    ("note", "stranger", "images/notes.txt", stranger),
    ("note", "folder_empty", "images/more", empty_folder),
    ("error", "labelled_list", "labelled.txt", list_with_unknown),
    ("error", "labelled_without_mask", "labelled.txt", list_without_mask),
    ("error", "labelled_list", "labelled.txt", list_missing),
    ("error", "labelled_list", "labelled.txt", list_empty),
    ("error", "split_overlap", "images/b.png", split_twice),
    ("error", "mask_missing", "images/c.png", test_without_mask),
    ("note", "marks_unused", "marks", marks_unused),
]


def split_matches_nothing(root: Path) -> PrepareDataParams:
    return params(root, test="x*", val="[bc]")


NAMES.append(("error", "test_matches_nothing", ".", split_matches_nothing))
