"""Layout `pairs`: images, masks and marks that two or three patterns of paths describe, wherever they are."""

from __future__ import annotations

import re
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
    what the folders' names say. `faults` gets masks and marks without image.

    Raises:
        ScalerError: something is not a pattern.
    """
    images = Pattern(params.images, "images")
    labels = [(key, Pattern(getattr(params, key), key)) for key in ("masks", "marks") if getattr(params, key) != AUTO]
    for key, pattern in labels:
        if set(pattern.names) - set(images.names):
            reason = f"prepare_data.{key}: placeholders that prepare_data.images has not: {pattern.text}"
            raise ScalerError(Fault("pattern", (), reason, "use the same placeholders in both"))
    found = SourceFiles()
    files = list_files(root, faults)
    taken = {path for path in files for _, pattern in labels if pattern.match(path) is not None}
    by_key: list[dict[Key, str]] = [{} for _ in labels]
    for path in files:
        values = None if path in taken else images.match(path)
        if values is not None:
            _add_image(found, root, path, values, labels, by_key, faults)
    for (kind, pattern), ids in zip(labels, by_key, strict=True):
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
                reason = f"no image fits this {kind.removesuffix('s')}: expected {images.text}"
                remedy = f"add the image, or correct prepare_data.images or prepare_data.{kind}"
                faults.add(Fault("label_without_image", (root / path,), reason, remedy))
    used = {path.relative_to(root).as_posix() for path in found.images.values()}
    others = [path for path in files if path not in taken and path not in used]
    if others:
        reason = f"{len(others)} images are left out: they fit neither pattern"
        remedy = "change prepare_data.images if you want to use them"
        faults.add(Fault("images_left_out", tuple(root / path for path in others), reason, remedy, "note"))
    if not found.images:
        reason = f"prepare_data.images: no file fits {images.text}"
        faults.add(Fault("folder_without_image", (root,), reason, f"correct it; files end with {', '.join(SUFFIXES)}"))
    return found


def _add_image(
    found: SourceFiles,
    root: Path,
    path: str,
    values: dict[str, str],
    labels: list[tuple[str, Pattern]],
    by_key: list[dict[Key, str]],
    faults: Faults,
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
    for (kind, pattern), ids in zip(labels, by_key, strict=True):
        ids[_key(values, pattern)] = image_id
        if kind == "masks":
            found.mask_remedies[image_id] = f"add {root / pattern.fill(values)}"


def _key(values: dict[str, str], pattern: Pattern) -> Key:
    return tuple((name, values[name].casefold()) for name in sorted(pattern.names))
