"""Layout `pairs`: images, masks and marks that two or three patterns of paths describe, wherever they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from unicodedata import normalize

from scaler.data.decode import SUFFIXES
from scaler.data.layouts import AUTO, role_of_parts, set_of_parts
from scaler.data.points_files import SUFFIXES as POINTS_SUFFIXES
from scaler.data.source_files import SourceFiles, list_files, twins
from scaler.errors import Fault, Faults, ScalerError
from scaler.params import PrepareDataParams

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}|\*")
SEVERAL_FOLDERS = ("folder", "below")  # match "/", too
SEVERAL = " | "  # between patterns of one key, for a source of several structures

Key = tuple[tuple[str, str], ...]


class Pattern:
    """A pattern of paths: `{name}` stands for a part of one name, `{folder}` for one or more folders, `*` for anything.

    The same placeholder has the same value in the image's, the mask's and the marks' path. Upper and lower case, and
    the Unicode form of accents, make no difference.
    """

    def __init__(self, text: str, key: str) -> None:
        names: list[str] = []
        expression, end = "", 0
        for match in PLACEHOLDER.finditer(text):
            name = match[1]
            expression += re.escape(text[end : match.start()])
            if name is None:
                expression += "[^/]*"
            elif name in names:
                expression += f"(?P={name})"
            else:
                names.append(name)
                expression += f"(?P<{name}>.+?)" if name in SEVERAL_FOLDERS else f"(?P<{name}>[^/]+?)"
            end = match.end()
        if "name" not in names or PurePosixPath(text).is_absolute() or ".." in PurePosixPath(text).parts:
            reason = f"prepare_data.{key}: {text!r} is not a pattern of paths in the source"
            remedy = 'layout pairs needs patterns such as "{folder}/images/{name}.jpg"'
            raise ScalerError(Fault("pattern", (), reason, remedy))
        self.text, self.names = text, names
        self._expression = re.compile(expression + re.escape(text[end:]), re.IGNORECASE)

    def match(self, path: str) -> dict[str, str] | None:
        """The values of the placeholders, or None if the path does not fit."""
        found = self._expression.fullmatch(normalize("NFC", path))
        return None if found is None else found.groupdict()

    def fill(self, values: dict[str, str]) -> str:
        """The path with these values; "*" becomes "png"."""
        return PLACEHOLDER.sub(lambda match: "png" if match[1] is None else values[match[1]], self.text)


def find_by_patterns(root: Path, params: PrepareDataParams, faults: Faults) -> SourceFiles:
    """The files that fit the patterns `images`, `masks` and `marks`.

    An id is the image's path without suffix. The split and the set are what `{split}` and `{set}` stand for, or else
    what the folders' names say. `faults` gets masks and marks without image. Where the keys hold several patterns,
    the first of `masks` goes with the first of `images`, and so on.

    Raises:
        ScalerError: something is not a pattern.
    """
    structures = _structures(params)
    found = SourceFiles()
    files = list_files(root, faults)
    patterns = [pattern for one in structures for _, pattern in one.labels]
    taken = {path for path in files for pattern in patterns if pattern.match(path) is not None}
    for path in (path for path in files if path not in taken):
        for one in structures:
            values = one.images.match(path)
            if values is not None:
                _add_image(found, root, path, values, one, faults)
                break
    for one in structures:
        _add_labels(found, root, files, one, faults)
    used = {path.relative_to(root).as_posix() for path in found.images.values()}
    others = [path for path in files if path not in taken and path not in used]
    if others:
        reason = f"{len(others)} images are left out: they fit neither pattern"
        remedy = "change prepare_data.images if you want to use them"
        faults.add(Fault("images_left_out", tuple(root / path for path in others), reason, remedy, "note"))
    if not found.images:
        reason = f"prepare_data.images: no file fits {params.images}"
        faults.add(Fault("folder_without_image", (root,), reason, f"correct it; files end with {', '.join(SUFFIXES)}"))
    return found


@dataclass(frozen=True)
class _Structure:
    """Patterns that belong together, and the images that were found by them, by what fills each pattern of labels."""

    images: Pattern
    labels: list[tuple[str, Pattern]]
    ids: list[dict[Key, str]]


def _structures(params: PrepareDataParams) -> list[_Structure]:
    images = [Pattern(text, "images") for text in params.images.split(SEVERAL)]
    labels: list[list[tuple[str, Pattern]]] = [[] for _ in images]
    for key in ("masks", "marks"):
        texts = getattr(params, key).split(SEVERAL)
        if texts == [AUTO]:
            continue
        if len(texts) != len(images):
            reason = f"prepare_data.{key}: {len(texts)} patterns for the {len(images)} of prepare_data.images"
            raise ScalerError(Fault("pattern", (), reason, f"write one for each, separated by {SEVERAL!r}"))
        for text, own, image in zip(texts, labels, images, strict=True):
            own.append((key, Pattern(text, key)))
            if set(own[-1][1].names) - set(image.names):
                reason = f"prepare_data.{key}: placeholders that prepare_data.images has not: {text}"
                raise ScalerError(Fault("pattern", (), reason, "use the same placeholders in both"))
    return [_Structure(image, own, [{} for _ in own]) for image, own in zip(images, labels, strict=True)]


def _add_labels(found: SourceFiles, root: Path, files: list[str], structure: _Structure, faults: Faults) -> None:
    for (kind, pattern), ids in zip(structure.labels, structure.ids, strict=True):
        store = found.masks if kind == "masks" else found.marks
        listed = files if kind == "masks" else [*files, *list_files(root, faults, POINTS_SUFFIXES)]
        for path in listed:
            values = pattern.match(path)
            image_id = None if values is None else ids.get(_key(values, pattern))
            if image_id in store:
                faults.add(twins(store[image_id], root / path))
            elif image_id is not None:
                store[image_id] = root / path
            elif values is not None:
                reason = f"no image fits this {kind.removesuffix('s')}: expected {structure.images.text}"
                remedy = f"add the image, or correct prepare_data.images or prepare_data.{kind}"
                faults.add(Fault("label_without_image", (root / path,), reason, remedy))


def _add_image(
    found: SourceFiles, root: Path, path: str, values: dict[str, str], structure: _Structure, faults: Faults
) -> None:
    image_id = PurePosixPath(path).with_suffix("").as_posix()
    if image_id in found.images:
        faults.add(twins(found.images[image_id], root / path))
        return
    parts = (values["split"],) if "split" in values else PurePosixPath(path).parts[:-1]
    if role := role_of_parts(parts):
        found.roles[image_id] = role
    folders = [part for name in SEVERAL_FOLDERS for part in values.get(name, "").split("/") if part]
    found.images[image_id] = root / path
    found.sets[image_id] = values.get("set") or set_of_parts(folders)
    found.mask_remedies[image_id] = "add its mask"
    for (kind, pattern), ids in zip(structure.labels, structure.ids, strict=True):
        ids[_key(values, pattern)] = image_id
        if kind == "masks":
            found.mask_remedies[image_id] = f"add {root / pattern.fill(values)}"


def _key(values: dict[str, str], pattern: Pattern) -> Key:
    return tuple((name, values[name].casefold()) for name in sorted(pattern.names))
