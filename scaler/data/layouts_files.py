"""Images, masks and marks in the folders of a layout, paired by name."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from unicodedata import normalize

from scaler.data import points_files
from scaler.data.decode import SUFFIXES
from scaler.data.layouts import AUTO, KINDS, SetFolders, folder_name, role_of_name, set_folders, suffixes
from scaler.data.source_files import SourceFiles, list_files, twins
from scaler.errors import Fault, Faults, ScalerError
from scaler.params import PrepareDataParams

HINTED = 20  # faults of a kind that get the nearest name: looking for it takes long


def find_in_folders(root: Path, params: PrepareDataParams, faults: Faults) -> SourceFiles:
    """The files of a source in any layout but csv.

    `faults` gets errors for folders without images, and for single files: two of one name, masks and marks without
    image.

    Raises:
        ScalerError: folders are missing or overlap; see `scaler.data.layouts.set_folders`.
    """
    _check_apart(root, params)
    found = SourceFiles()
    empty = [place.images for place in set_folders(root, params) if not _add_set(found, place, params, faults)]
    ending = " or ".join(item for item in suffixes(params)[0] if item)
    named = f" whose name ends with {ending}" if ending else ""
    faults.add(
        *(
            Fault("folder_without_image", (folder,), f"no image in this folder{named}", f"add files: {_formats()}")
            for folder in empty
        )
    )
    return found


def _formats() -> str:
    return ", ".join(SUFFIXES)


def _check_apart(root: Path, params: PrepareDataParams) -> None:
    """Sub-folders are inside the source and not inside each other, unless suffixes distinguish their files."""
    is_general = params.layout == "general"
    named = {
        key: PurePosixPath(folder_name(params, key)) for key in KINDS if is_general or getattr(params, key) != AUTO
    }
    endings = dict(zip(("masks", "marks"), suffixes(params)[1:], strict=True))
    for key, path in named.items():
        if path.is_absolute() or ".." in path.parts:
            reason = f"prepare_data.{key}: {path}: must be a folder inside {root}, so that changes in it are noticed"
            raise ScalerError(Fault("folder_outside", (), reason, "move it there; a link to another place is fine"))
        for other, place in named.items():
            is_told_apart = all(endings.get(item, "x") for item in (key, other))
            if key == "marks" and not (root / path).exists():
                continue  # nothing there that could be mistaken for an image
            if other == key or not path.is_relative_to(place) or is_told_apart:
                continue
            reason = f"prepare_data.{key}: {path} is inside prepare_data.{other}: {place}"
            remedy = "use separate folders, or set mask_suffix and marks_suffix to tell the names apart"
            raise ScalerError(Fault("folders_overlap", (), reason, remedy))


def _add_set(found: SourceFiles, place: SetFolders, params: PrepareDataParams, faults: Faults) -> bool:
    """Add the files of one set; whether there is any image."""
    image_endings, mask_ending, marks_ending = suffixes(params)
    labels = (("mask", place.masks, mask_ending, found.masks), ("marks file", place.marks, marks_ending, found.marks))
    listed = {folder: list_files(folder, faults) for folder in dict.fromkeys((place.images, place.masks, place.marks))}
    foreign = tuple(ending for _, folder, ending, _ in labels if folder == place.images)
    names = [name for name in listed[place.images] if not any(_base(name, ending) is not None for ending in foreign)]
    bases = _images_by_base(names, image_endings, place.images, faults)
    if not bases:
        return False
    ids = {}
    for base, name in bases.items():
        stem = PurePosixPath(name).with_suffix("").as_posix()
        ids[base] = f"{place.path}/{stem}" if place.path else stem
        _add_image(found, ids[base], place.images / name, place, params)
        ending = mask_ending if PurePosixPath(f"x{mask_ending}").suffix else f"{mask_ending}.png"
        found.mask_remedies[ids[base]] = f"add {place.masks / base}{ending}"
    pointed = list_files(place.marks, faults, points_files.SUFFIXES)
    by_form = {normalize("NFC", base): base for base in ids}  # systems store accents in two forms
    for kind, folder, ending, store in labels:
        is_shared = [place.images, place.masks, place.marks].count(folder) > 1
        for name in [*listed[folder], *(pointed if store is found.marks else ())]:
            path, label = folder / name, _base(name, ending)
            if label is None:
                if not is_shared:
                    faults.add(_misnamed(path, ending, kind))
                continue
            base = label if label in ids else by_form.get(normalize("NFC", label), label)
            if base in ids and ids[base] in store:
                faults.add(twins(store[ids[base]], path))
            elif base in ids:
                store[ids[base]] = path
            else:
                faults.add(_orphan(path, kind, place.images / f"{base}{image_endings[0]}", bases, faults))
    return True


def _base(name: str, ending: str) -> str | None:
    """The name without suffix and ending, or None if it does not end so; an ending with a dot includes the suffix."""
    whole = name if PurePosixPath(f"x{ending}").suffix else PurePosixPath(name).with_suffix("").as_posix()
    return whole[: len(whole) - len(ending)] if whole.lower().endswith(ending.lower()) else None


def _add_image(found: SourceFiles, image_id: str, path: Path, place: SetFolders, params: PrepareDataParams) -> None:
    found.images[image_id] = path
    found.sets[image_id] = place.set
    role = role_of_name(image_id) if params.layout == "general" else place.role
    if role:
        found.roles[image_id] = role


def _images_by_base(names: list[str], endings: tuple[str, ...], folder: Path, faults: Faults) -> dict[str, str]:
    """The file of each image by what masks share with its name."""
    files: dict[str, str] = {}
    left_out = []
    for name in names:
        base = next((found for ending in endings if (found := _base(name, ending)) is not None), None)
        if base is None:
            left_out.append(folder / name)
        elif base in files:
            faults.add(twins(folder / files[base], folder / name))
        else:
            files[base] = name
    if left_out:
        which = " or ".join(repr(ending) for ending in endings)
        reason = f"{len(left_out)} images are left out: their names do not end with {which}"
        remedy = "change prepare_data.image_suffix if you want to use them"
        faults.add(Fault("images_left_out", tuple(left_out), reason, remedy, "note"))
    return files


def _misnamed(path: Path, ending: str, kind: str) -> Fault:
    key = "mask_suffix" if kind == "mask" else "marks_suffix"
    reason = f"the name of a {kind} ends with {ending!r} (prepare_data.{key}), this one does not"
    return Fault("label_misnamed", (path,), reason, "rename it")


def _orphan(path: Path, kind: str, expected: Path, images: dict[str, str], faults: Faults) -> Fault:
    near, ending = None, ""
    if faults.count("label_without_image") < HINTED:
        begins = [base for base in images if expected.name.startswith(base)]
        near = max(begins, key=len) if begins else None
        ending = expected.name.removeprefix(near) if near else ""
        near = near or next(iter(get_close_matches(expected.name, images, n=1)), None)
    hint = f" (the nearest name is {images[near]})" if near else ""
    key = "mask_suffix" if kind == "mask" else "marks_suffix"
    setting = f", or set prepare_data.{key}: {ending} if all are named so" if ending else ""
    reason = f"a {kind} without image: expected {expected} with a suffix such as .jpg or .png{hint}"
    return Fault("label_without_image", (path,), reason, f"rename it, add the image, or remove it{setting}")
