"""Finding the samples of a folder: images, masks and marks in three sub-folders, paired by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from scaler.data.decode import SUFFIXES
from scaler.data.files import entries
from scaler.data.problems import Problems
from scaler.data.split import Split, assign_splits
from scaler.errors import ScalerError
from scaler.params import PrepareDataParams

OTHER_PICTURES = (".webp", ".heic", ".heif", ".jp2", ".avif", ".npy", ".dcm", ".svg", ".psd", ".raw", ".cr2", ".nef")


@dataclass(frozen=True)
class Sample:
    """One image of the user's.

    Attributes:
        id: path of the image below the images folder, without suffix, verbatim, "/" between its parts.
        split: "train", "val" or "test".
        image, mask, marks: files; mask and marks may be absent.
    """

    id: str
    split: Split
    image: Path
    mask: Path | None
    marks: Path | None


def find_samples(root: Path, params: PrepareDataParams) -> list[Sample]:
    """The samples of a folder, sorted by id, with all faults of names and places (contents are not read).

    Raises:
        ScalerError: see `survey`; every fault is a line.
    """
    problems = Problems(root)
    samples = survey(root, params, problems)
    problems.raise_if_any()
    return samples


def survey(root: Path, params: PrepareDataParams, problems: Problems) -> list[Sample]:
    """As `find_samples`, but what is wrong with single files goes to `problems`, so that reading can add its own.

    Noted are two images (or masks, or marks) of one name, masks and marks without image, validation and test images
    without mask, folders and links in the place of images, formats that are not read, split rules that match nothing or
    overlap, and a training split without any label.

    Raises:
        ScalerError: there is nothing to survey: a folder is missing, lies elsewhere, or holds no image.
    """
    if not root.is_dir():
        raise ScalerError(f"{root}: no such folder. Check prepare_data.source in params.yaml.")
    _check_apart(params)
    image_folder, mask_folder = _subfolder(root, params.images, "images"), _subfolder(root, params.masks, "masks")
    images = _by_id(image_folder, problems)
    if not images:
        problems.raise_if_any()
        raise ScalerError(f"{image_folder}: no image in this folder; expected files such as {', '.join(SUFFIXES)}.")
    masks = _by_id(mask_folder, problems)
    _note_orphans(masks, images, "mask", image_folder, problems)
    marks: dict[str, Path] = {}
    if (root / params.marks).exists():
        marks = _by_id(_subfolder(root, params.marks, "marks"), problems)
        _note_orphans(marks, images, "marks file", image_folder, problems)
    splits = assign_splits(images, params, root, problems)
    samples = [Sample(n, splits[n], images[n], masks.get(n), marks.get(n)) for n in sorted(splits)]
    _note_missing_labels(samples, params, mask_folder, problems)
    return samples


def _check_apart(params: PrepareDataParams) -> None:
    named = {key: PurePosixPath(getattr(params, key)) for key in ("images", "masks", "marks")}
    for key, path in named.items():
        if path.is_absolute() or ".." in path.parts:
            raise ScalerError(
                f"prepare_data.{key}: {path}: must be a folder inside prepare_data.source, so that changes in it "
                "are noticed; a link to another place is fine."
            )
        inside = next((other for other, place in named.items() if other != key and path.is_relative_to(place)), None)
        if inside:
            raise ScalerError(
                f"prepare_data.{key}: {path} lies inside prepare_data.{inside}: {named[inside]}; "
                "images, masks and marks need folders of their own."
            )


def _subfolder(root: Path, name: str, key: str) -> Path:
    folder = root / name
    if folder.is_dir():
        return folder
    seen = ", ".join(sorted(f"{item.name}/" for item in root.iterdir() if item.is_dir())) or "no folder at all"
    raise ScalerError(
        f"{folder}: no such folder; {root} has {seen}. Make it, or mend prepare_data.{key} in params.yaml."
    )


def _by_id(folder: Path, problems: Problems) -> dict[str, Path]:
    found: dict[str, Path] = {}
    try:
        listing = sorted(entries(folder))
    except OSError as error:
        raise ScalerError(f"{error.filename}: not readable ({error.strerror}); check its permissions.") from None
    for name, kind in listing:
        suffix = PurePosixPath(name).suffix.lower()
        if suffix in OTHER_PICTURES and kind == "file":
            problems.add(f"{folder / name}: {suffix} files are not read; convert it to PNG.")
        if suffix not in SUFFIXES:
            continue
        if kind != "file":
            what = "a folder named like an image" if kind == "folder" else "a link that leads nowhere, or no plain file"
            problems.add(f"{folder / name}: {what}; rename or remove it.")
            continue
        stem = name[: -len(suffix)]
        if stem in found:
            problems.add(f"{found[stem]} and {folder / name}: the same name twice; keep one, or rename one.")
        elif any(letter < " " or "\ud800" <= letter <= "\udfff" for letter in stem):  # control, or no UTF-8
            problems.add(f"{str(folder / name)!r}: the name holds characters that are no text; rename it.")
        else:
            found[stem] = folder / name
    return found


def _note_orphans(
    files: dict[str, Path], images: dict[str, Path], what: str, image_folder: Path, problems: Problems
) -> None:
    for name in sorted(files.keys() - images.keys()):
        close = [] if problems.full else get_close_matches(name, images, n=1)
        hint = f" (the nearest name is {images[close[0]].name})" if close else ""
        problems.add(
            f"{files[name]}: a {what} without image: expected {image_folder / name} with a suffix such as .jpg "
            f"or .png{hint}; rename it, add the image, or remove it."
        )


def _note_missing_labels(
    samples: Iterable[Sample], params: PrepareDataParams, mask_folder: Path, problems: Problems
) -> None:
    usable = 0
    training = 0
    for sample in samples:
        if sample.split == "train":
            training += 1
            marked = params.supervision in ("points", "scribbles") and sample.marks is not None
            usable += sample.mask is not None or marked
        elif sample.mask is None:
            problems.add(
                f"{sample.image}: a {sample.split} image without mask; add {mask_folder / sample.id}.png, "
                f"or take it out of prepare_data.{sample.split}."
            )
    if training and not usable:
        problems.add(
            f"prepare_data.train: none of the {training} training images has a label; add masks to {mask_folder}"
            f"{' or marks' if params.supervision in ('points', 'scribbles') else ''} for some of them."
        )
