"""Folder layouts of the field: where images, masks and marks are below the source."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from scaler.artifacts.visible import is_clutter
from scaler.errors import Fault, ScalerError
from scaler.params import PrepareDataParams

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
KINDS = ("images", "masks", "marks")
AUTO = "auto"
DEEPEST = 4  # folders between the source and a set

ROLE_WORDS: dict[Split, tuple[str, ...]] = {
    "train": ("train", "training", "tr", "traindataset", "trainset"),
    "val": ("val", "valid", "validation", "valdataset", "validationdataset", "valset"),
    "test": ("test", "testing", "te", "testdataset", "testset"),
}
FIRST_WORD = re.compile(r"([^-_/]+)[-_/]")


@dataclass(frozen=True)
class Layout:
    """The folder names of a layout.

    Attributes:
        images, masks, marks: names of sub-folders; "{set}" stands for the name of the folder that they are in.
        image_suffixes: endings of image names before the dot, removed to find the mask.
        mask_suffix: the ending of mask names.
        role: of a set whose name does not say train or test.
    """

    images: tuple[str, ...]
    masks: tuple[str, ...]
    marks: tuple[str, ...]
    image_suffixes: tuple[str, ...] = ("",)
    mask_suffix: str = ""
    role: Split | None = None


LAYOUTS: dict[str, Layout] = {
    "general": Layout(("images",), ("masks",), ("marks",)),
    "cod": Layout(("Imgs", "Image", "Images", "images", "imgs"), ("GT", "GT_Object", "gt"), ("Scribble", "scribble")),
    "pranet": Layout(("images",), ("masks",), ("marks", "scribble")),
    "gdd": Layout(("image",), ("mask",), ("marks", "scribble")),
    "drive": Layout(("images",), ("1st_manual",), ("marks", "scribble"), ("_training", "_test"), "_manual1"),
    "sod": Layout(
        ("Imgs", "images", "Image", "Images", "image", "{set}-Image"),
        ("GT", "masks", "Mask", "Masks", "mask", "gt", "{set}-Mask"),
        ("Scribble", "scribble", "marks"),
        role="test",
    ),
}


@dataclass(frozen=True)
class SetFolders:
    """The folders of one set.

    Attributes:
        path: below the source, "/" between its parts, "" for the source itself; the beginning of its images' ids.
        set: the set's name, "" where nothing but the split is named.
        role: the split that the folder names stand for.
        images, masks, marks: folders; those of masks and marks need not exist.
    """

    path: str
    set: str
    role: Split | None
    images: Path
    masks: Path
    marks: Path


def set_folders(root: Path, params: PrepareDataParams) -> list[SetFolders]:
    """The folders of a layout, sorted; for `general` one, the source itself.

    Raises:
        ScalerError: a sub-folder of `general` is missing, no folder fits the layout, or a folder has two spellings.
    """
    layout = LAYOUTS[params.layout]
    if params.layout == "general":
        images, masks = (_subfolder(root, folder_name(params, key), key) for key in ("images", "masks"))
        return [SetFolders("", "", None, images, masks, root / folder_name(params, "marks"))]
    found = _walk(root, root, params, layout, DEEPEST)
    if not found:
        names = ", ".join(_spellings(layout, params, "images", "<set>"))
        reason = f"layout {params.layout}: no folder in it holds one of {names}; it has {subfolders(root)}"
        remedy = f"run `python -m scaler check {root}`, which prints the settings that read it"
        raise ScalerError(Fault("layout_does_not_fit", (root,), reason, remedy))
    return sorted(found, key=lambda found: found.path)


def folders_of(root: Path, params: PrepareDataParams) -> list[tuple[str, Path]]:
    """The folders that are there, each with what it holds ("images", "masks" or "marks"); none for a table."""
    if params.layout == "general":
        return [(key, folder) for key in KINDS if (folder := root / folder_name(params, key)).is_dir()]
    try:
        found = [] if params.layout in ("pairs", "csv") else set_folders(root, params)
    except ScalerError:
        return []  # reported where the files are looked for
    named = [(key, folder) for place in found for key in KINDS if (folder := getattr(place, key)).is_dir()]
    return list({folder: (key, folder) for key, folder in reversed(named)}.values())[::-1]


def folder_name(params: PrepareDataParams, key: str) -> str:
    """The sub-folder of `general` that the params name: "images", "masks" or "marks" where they leave it open."""
    value: str = getattr(params, key)
    return key if value == AUTO else value


def suffixes(params: PrepareDataParams) -> tuple[tuple[str, ...], str, str]:
    """What names of images (one of several), masks and marks end with before the dot."""
    layout = LAYOUTS.get(params.layout, LAYOUTS["general"])
    return (
        layout.image_suffixes if params.image_suffix == AUTO else (params.image_suffix,),
        layout.mask_suffix if params.mask_suffix == AUTO else params.mask_suffix,
        "" if params.marks_suffix == AUTO else params.marks_suffix,
    )


def role_of_name(image_id: str) -> Split | None:
    """The split that an id of `general` begins with: train/, Training_, valid-, ..."""
    match = FIRST_WORD.match(image_id)
    return next((split for split in SPLITS if match[1].casefold() in ROLE_WORDS[split]), None) if match else None


def role_of_path(layout: str, image_id: str) -> Split | None:
    """The split that the folders in an id stand for; None in the layouts general, pairs and csv."""
    if layout in ("general", "pairs", "csv"):
        return None
    return role_of_parts(PurePosixPath(image_id).parts[:-1]) or LAYOUTS[layout].role


def detect(root: Path, params: PrepareDataParams) -> str:
    """The layout that fits a folder; "general" if none of the others does."""
    for name in ("drive", "cod", "pranet", "gdd", "sod"):
        try:
            found = set_folders(root, params.model_copy(update={"layout": name} | dict.fromkeys(KINDS, AUTO)))
        except (ScalerError, OSError):
            continue
        fitting = [place for place in found if place.masks.is_dir()]
        is_split = all(place.role for place in found) and any(place.role == "train" for place in found)
        if fitting and is_split and (name != "drive" or len(fitting) == len(found)):
            return name
    return "general"


def subfolders(folder: Path) -> str:
    """The sub-folders, for a message: "a/, b/"."""
    return ", ".join(f"{item.name}/" for item in _folders(folder)) or "no sub-folders"


def _subfolder(root: Path, name: str, key: str) -> Path:
    folder = root / name
    if folder.is_dir():
        return folder
    reason = f"no such folder of {key}; {root} has {subfolders(root)}"
    remedy = f"correct prepare_data.{key} or layout; `python -m scaler check {root}` prints the settings that read it"
    raise ScalerError(Fault("folder_missing", (folder,), reason, remedy))


def _walk(root: Path, folder: Path, params: PrepareDataParams, layout: Layout, depth: int) -> list[SetFolders]:
    place = _folders_of_set(root, folder, params, layout)
    if place is not None:
        return [place]
    return [below for item in _folders(folder) if depth for below in _walk(root, item, params, layout, depth - 1)]


def _folders(folder: Path) -> list[Path]:
    with os.scandir(folder) as found:
        return sorted(Path(item.path) for item in found if item.is_dir() and not is_clutter(item.name))


def _folders_of_set(root: Path, folder: Path, params: PrepareDataParams, layout: Layout) -> SetFolders | None:
    images = _choice(folder, params, layout, "images")
    if images is None:
        return None
    masks, marks = (_choice(folder, params, layout, key) for key in ("masks", "marks"))
    path = folder.relative_to(root).as_posix()
    parts = () if path == "." else PurePosixPath(path).parts
    return SetFolders(
        path="/".join(parts),
        set=set_of_parts(parts),
        role=role_of_parts(parts) or layout.role,
        images=images,
        masks=masks or folder / _spellings(layout, params, "masks", folder.name)[0],
        marks=marks or folder / _spellings(layout, params, "marks", folder.name)[0],
    )


def _choice(folder: Path, params: PrepareDataParams, layout: Layout, key: str) -> Path | None:
    names = _spellings(layout, params, key, folder.name)
    listed = {item.name for item in _folders(folder)}  # as spelled on disk: some systems take Imgs for imgs
    found = [name for name in names if PurePosixPath(name).parts[0] in listed and (folder / name).is_dir()]
    if len(found) > 1:
        reason = f"both {' and '.join(f'{name}/' for name in found)} may hold the {key}"
        raise ScalerError(Fault("folder_ambiguous", (folder,), reason, f"choose one by prepare_data.{key}"))
    return folder / found[0] if found else None


def _spellings(layout: Layout, params: PrepareDataParams, key: str, name: str) -> list[str]:
    chosen: str = getattr(params, key)
    known: tuple[str, ...] = getattr(layout, key)
    return [item.replace("{set}", name) for item in known] if chosen == AUTO else [chosen]


def role_of_parts(parts: Sequence[str]) -> Split | None:
    """The split that the last of these folder names stands for, or None."""
    for part in reversed(parts):
        words = re.split(r"[-_ ]", part.casefold())
        for split, known in ROLE_WORDS.items():
            if any(word in known for word in words):
                return split
    return None


def set_of_parts(parts: Sequence[str]) -> str:
    """The last of these folder names that does not stand for a split, "" if all do."""
    return next((part for part in reversed(parts) if not is_role(part)), "")


def is_role(word: str) -> bool:
    """Whether a word stands for a split, such as "training"."""
    return any(word.casefold() in words for words in ROLE_WORDS.values())
