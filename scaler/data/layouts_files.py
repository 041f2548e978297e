"""The files of the data set, paired by name, place after place; which split they are in comes later."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from scaler.artifacts.visible import entries
from scaler.data import points_files
from scaler.data.decode import SUFFIXES
from scaler.data.layouts import AUTO, KINDS, Place, Split, folder_name, places, role_of_name, suffixes
from scaler.data.points import Points
from scaler.data.problems import Problems
from scaler.errors import ScalerError
from scaler.params import PrepareDataParams

OTHER_PICTURES = (".webp", ".heic", ".heif", ".jp2", ".avif", ".npy", ".dcm", ".svg", ".psd", ".raw", ".cr2", ".nef")


@dataclass
class Found:
    """All images by id, and what names, folders or a table say of them.

    Attributes:
        images: file of each image; an id is the path below the source without the sub-folder of the images and without
            suffix, verbatim, "/" between its parts.
        masks, marks: files of those that have one.
        points: of those that are in a file of points for all images; `marks` then has that file.
        sets: name of the set, "" for a single one.
        roles: the split that folders, a table or the beginning of the name speak of, where they do.
        groups: the groups that a table names.
        cures: for images without mask, where it should be.
        notes: what is passed over, for the log.
    """

    images: dict[str, Path] = field(default_factory=dict)
    masks: dict[str, Path] = field(default_factory=dict)
    marks: dict[str, Path] = field(default_factory=dict)
    points: dict[str, Points] = field(default_factory=dict)
    sets: dict[str, str] = field(default_factory=dict)
    roles: dict[str, Split] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    cures: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def find(root: Path, params: PrepareDataParams, problems: Problems) -> Found:
    """The files of a folder in one of the layouts.

    Faults of single files go to `problems`: two of one name, masks and marks without image, folders and links in the
    place of images, formats that are not read.

    Raises:
        ScalerError: no image at all, or folders are missing or lie elsewhere; see `scaler.data.layouts.places`.
    """
    if not root.is_dir():
        raise ScalerError(f"{root}: no such folder. Check prepare_data.source in params.yaml.")
    if params.layout == "csv":
        from scaler.data.table import read_table

        found = read_table(root, params, problems)
    elif points_files.is_points(Path(params.marks)):
        found = _find(root, params.model_copy(update={"marks": AUTO}), problems)
    else:
        found = _find(root, params, problems)
    if points_files.is_points(Path(params.marks)):
        _add_points(found, root, params.marks, problems)
    return found


def _find(root: Path, params: PrepareDataParams, problems: Problems) -> Found:
    _check_apart(root, params)
    found = Found()
    empty = [place.images for place in places(root, params) if not _add_place(found, place, params, problems)]
    ending = " or ".join(item for item in suffixes(params)[0] if item)
    named = f" whose name ends with {ending}" if ending else ""
    expected = f"expected files such as {', '.join(SUFFIXES)}"
    told = [f"{folder}: no image in this folder{named}; {expected}." for folder in empty]
    if not found.images:
        problems.raise_if_any()
        raise ScalerError(told[0])
    for line in told:
        problems.add(line)
    return found


def _add_points(found: Found, root: Path, name: str, problems: Problems) -> None:
    """The points of all images, from one file; it names an image by its id, with or without a suffix."""
    path = root / name
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise ScalerError(f"prepare_data.marks: {name}: must lie inside {root}, so that changes in it are noticed.")
    for key, points in points_files.read_points_of_all(path).items():
        image_id = key if key in found.images else PurePosixPath(key).with_suffix("").as_posix() if key else ""
        if image_id not in found.images:
            near = next(iter(get_close_matches(key, found.images, n=1)), None) if not problems.full else None
            hint = f"the nearest id is {near!r}" if near else f"an id is, for example, {next(iter(found.images))!r}"
            problems.add(f"{points.where}: no image has this id; {hint}: mend the name, or remove the points.")
        elif image_id in found.marks:
            problems.add(f"{points.where}: this image also has the marks {found.marks[image_id]}; keep one of them.")
        else:
            found.marks[image_id], found.points[image_id] = path, points


def _check_apart(root: Path, params: PrepareDataParams) -> None:
    """Sub-folders lie inside the source and not inside each other, unless suffixes tell their files apart."""
    is_general = params.layout == "general"
    named = {
        key: PurePosixPath(folder_name(params, key)) for key in KINDS if is_general or getattr(params, key) != AUTO
    }
    endings = dict(zip(("masks", "marks"), suffixes(params)[1:], strict=True))
    for key, path in named.items():
        if path.is_absolute() or ".." in path.parts:
            raise ScalerError(
                f"prepare_data.{key}: {path}: must be a folder inside prepare_data.source, so that changes in it "
                "are noticed; a link to another place is fine."
            )
        for other, place in named.items():
            told_apart = path == place and all(endings.get(item, "x") for item in (key, other))
            if key == "marks" and not (root / path).exists():
                continue  # nothing there that could be taken for an image
            if other == key or not path.is_relative_to(place) or told_apart:
                continue
            raise ScalerError(
                f"prepare_data.{key}: {path} lies inside prepare_data.{other}: {place}; images, masks and marks need "
                "folders of their own, or names of their own by mask_suffix and marks_suffix."
            )


def _add_place(found: Found, place: Place, params: PrepareDataParams, problems: Problems) -> bool:
    """Take in the files of one set; whether there is any image."""
    image_suffixes, mask_suffix, marks_suffix = suffixes(params)
    labels = (("mask", place.masks, mask_suffix, found.masks), ("marks file", place.marks, marks_suffix, found.marks))
    listed = {folder: _by_stem(folder, problems) for folder in dict.fromkeys((place.images, place.masks, place.marks))}
    foreign = tuple(suffix for _, folder, suffix, _ in labels if folder == place.images)
    images = {stem: path for stem, path in listed[place.images].items() if not stem.endswith(foreign or ("\0",))}
    pointed = _by_stem(place.marks, problems, points_files.SUFFIXES)
    stems = _by_base(images, image_suffixes, found, problems)
    if not stems:
        return False
    ids = {base: f"{place.path}/{stem}" if place.path else stem for base, stem in stems.items()}
    for base, image_id in ids.items():
        _add_image(found, image_id, images[stems[base]], place, params)
        found.cures[image_id] = f"add {place.masks / base}{mask_suffix}.png"
    for kind, folder, suffix, store in labels:
        is_shared = [place.images, place.masks, place.marks].count(folder) > 1
        files = [*listed[folder].items(), *(pointed.items() if store is found.marks else ())]
        for stem, path in files:
            base = stem.removesuffix(suffix)
            if not stem.endswith(suffix):
                if not is_shared:
                    problems.add(_misnamed(path, suffix, kind))
            elif base in ids and ids[base] in store:
                problems.add(f"{store[ids[base]]} and {path}: the same name twice; keep one, or rename one.")
            elif base in ids:
                store[ids[base]] = path
            else:
                problems.add(_orphan(path, kind, place.images / f"{base}{image_suffixes[0]}", images, problems))
    return True


def _add_image(found: Found, image_id: str, path: Path, place: Place, params: PrepareDataParams) -> None:
    found.images[image_id] = path
    found.sets[image_id] = place.set
    role = role_of_name(image_id) if params.layout == "general" else place.role
    if role:
        found.roles[image_id] = role


def _by_base(images: dict[str, Path], endings: tuple[str, ...], found: Found, problems: Problems) -> dict[str, str]:
    """The stem of each image by what is left of it without its suffix; that is how masks are found."""
    stems: dict[str, str] = {}
    left_out = []
    for stem, path in images.items():
        ending = next((item for item in endings if stem.endswith(item)), None)
        if ending is None:
            left_out.append(path)
            continue
        base = stem.removesuffix(ending)
        if base in stems:
            problems.add(f"{images[stems[base]]} and {path}: the same name twice; keep one, or rename one.")
        else:
            stems[base] = stem
    if left_out:
        which = " or ".join(repr(ending) for ending in endings)
        found.notes.append(
            f"files: {len(left_out)} images are left out, since their names do not end with {which} "
            f"(prepare_data.image_suffix), first {left_out[0]}"
        )
    return stems


def _by_stem(folder: Path, problems: Problems, suffixes: tuple[str, ...] = SUFFIXES) -> dict[str, Path]:
    found: dict[str, Path] = {}
    if not folder.is_dir():
        return found
    try:
        listing = sorted(entries(folder))
    except OSError as error:
        raise ScalerError(f"{error.filename}: not readable ({error.strerror}); check its permissions.") from None
    for name, kind in listing:
        suffix = PurePosixPath(name).suffix.lower()
        if suffix in OTHER_PICTURES and kind == "file" and suffixes is SUFFIXES:
            problems.add(f"{folder / name}: {suffix} files are not read; convert it to PNG.")
        if suffix not in suffixes:
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


def _misnamed(path: Path, suffix: str, kind: str) -> str:
    key = "mask_suffix" if kind == "mask" else "marks_suffix"
    return f"{path}: the name of a {kind} ends with {suffix!r} (prepare_data.{key}), this one does not; rename it."


def _orphan(path: Path, kind: str, expected: Path, images: dict[str, Path], problems: Problems) -> str:
    begins = [] if problems.full else [stem for stem in images if expected.name.startswith(stem)]
    near = max(begins, key=len) if begins else None
    suffix = expected.name.removeprefix(near) if near else ""
    if near is None and not problems.full:
        near = next(iter(get_close_matches(expected.name, images, n=1)), None)
    hint = f" (the nearest name is {images[near].name})" if near else ""
    key = "mask_suffix" if kind == "mask" else "marks_suffix"
    setting = f", or set prepare_data.{key}: {suffix} if all are named so" if suffix else ""
    return (
        f"{path}: a {kind} without image: expected {expected} with a suffix such as .jpg or .png{hint}; rename it, "
        f"add the image, or remove it{setting}."
    )
