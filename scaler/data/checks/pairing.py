"""Images and masks of a folder without a description, found by content and by name."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from unicodedata import normalize

from scaler.artifacts.visible import files
from scaler.data.decode import SUFFIXES, decode
from scaler.data.images import mask_of
from scaler.data.layouts import is_role, role_of_parts
from scaler.errors import ScalerError

LOOKED_AT = 3  # files of a unit
COMPARED = 40  # names of a unit
CUTS = 3  # endings of an image's name that are tried
SEPARATORS = re.compile(r"[-_. /]")
WORDS = (  # with which names of images or masks begin (img_1, mask_1), or which are all of them (1/img, 1/mask)
    "img", "image", "im", "i", "photo", "picture", "pic", "original", "orig", "raw", "input", "rgb", "x",
    "mask", "gt", "groundtruth", "ground_truth", "label", "lbl", "seg", "segmentation", "annotation", "target", "m",
    "y",
)  # fmt: skip
BEGINNING = re.compile(rf"(?:{'|'.join(sorted(WORDS, key=len, reverse=True))})s?(?:[-_. ]+|(?=\d))(?=.)", re.IGNORECASE)

Frame = tuple[str, str]  # what is before and behind the common part of a name


@dataclass(frozen=True)
class Unit:
    """Files of one folder with one suffix, whose names have one beginning and one ending. Of images, any suffix.

    Attributes:
        folder: below the source.
        suffix: with the dot.
        beginning: a word for images or masks with its separator, or "".
        ending: what follows the name of another file in their names, or "".
    """

    folder: str
    suffix: str
    beginning: str
    ending: str


@dataclass(frozen=True)
class Match:
    """An image unit and a mask unit, what is around the common part of their names, and the suffixes of the images."""

    images: Unit
    masks: Unit
    image_frame: Frame
    mask_frame: Frame
    suffixes: frozenset[str]
    votes: int


def find_patterns(source: Path) -> list[tuple[str, str]]:
    """Patterns of images and masks (layout `pairs`), one pair a structure, those that fit most files first."""
    units = _units(PurePosixPath(name) for name in files(source))
    masks = {unit for unit, stems in units.items() if _are_masks(source, stems)}
    by_base: dict[str, list[tuple[Unit, Frame]]] = defaultdict(list)
    for unit, stems in units.items():
        if unit not in masks:
            for stem in stems:
                for base, frame in _bases(stem, unit, CUTS + 1):
                    by_base[base].append((unit, frame))
    matches = [match for unit in sorted(masks, key=str) if (match := _best(unit, [*units[unit]], by_base))]
    families: dict[tuple[object, ...], list[Match]] = defaultdict(list)
    for match in matches:
        families[(*_differing(match), match.image_frame, match.mask_frame)].append(match)
    found: list[tuple[str, str]] = []
    taken: set[Unit] = set()
    for family in sorted(families.values(), key=lambda family: -sum(match.votes for match in family)):
        if not taken & {match.images for match in family}:  # else it is a second annotator's, or a smaller copy
            taken |= {match.images for match in family}
            found.append(_patterns(family))
    return found


def _units(paths: Iterable[PurePosixPath]) -> dict[Unit, dict[str, PurePosixPath]]:
    """The files of each unit, by name without suffix."""
    folders: dict[str, dict[tuple[str, str], PurePosixPath]] = defaultdict(dict)
    for path in paths:
        if path.suffix.lower() in SUFFIXES:
            folder, stem = path.parent, path.stem
            if len(stem) > 1 and stem.casefold() in WORDS and folder.name:  # the folder is what names the image
                folder, stem = folder.parent, f"{folder.name}/{stem}"
            folders[folder.as_posix()][normalize("NFC", stem), path.suffix] = path
    units: dict[Unit, dict[str, PurePosixPath]] = defaultdict(dict)
    for place, names in folders.items():
        stems = {stem for stem, _ in names}
        for (stem, suffix), path in sorted(names.items()):
            cut = stem.find("/") if "/" in stem else len(stem)
            cut = next((cut for cut in _cuts(stem)[1:] if stem[:cut] in stems), cut)
            units[Unit(place, suffix, _beginning(stem), stem[cut:])][stem] = path
    return units


def _beginning(stem: str) -> str:
    found = BEGINNING.match(stem)
    return found[0] if found else ""


def _bases(stem: str, unit: Unit, most: int | None = None) -> Iterator[tuple[str, Frame]]:
    """What names of an image and its mask may have in common, whole names first, and what is around it."""
    for begin in dict.fromkeys((0, len(unit.beginning))):
        for cut in _cuts(stem)[:most]:
            if cut > begin:
                yield stem[begin:cut], (stem[:begin], stem[cut:])


def _cuts(stem: str) -> list[int]:
    """Where a name may end: at its end, and before each separator, from the right."""
    return [len(stem), *(match.start() for match in reversed(list(SEPARATORS.finditer(stem))) if match.start())]


def _are_masks(source: Path, stems: Mapping[str, PurePosixPath]) -> bool:
    step = max(1, len(stems) // LOOKED_AT)
    looked_at = 0
    for path in [source / path for path in stems.values()][::step][:LOOKED_AT]:
        try:
            mask_of(decode(path), path)
            looked_at += 1
        except ScalerError as error:
            if any(fault.kind.startswith("mask_") for fault in error.faults):
                return False
    return looked_at > 0


def _best(unit: Unit, stems: Sequence[str], by_base: dict[str, list[tuple[Unit, Frame]]]) -> Match | None:
    votes: Counter[tuple[Unit, Frame, Frame]] = Counter()
    suffixes: dict[tuple[Unit, Frame, Frame], set[str]] = defaultdict(set)
    compared = stems[:: max(1, len(stems) // COMPARED)]
    for stem in compared:
        for base, frame in _bases(stem, unit):
            for images, image_frame in by_base.get(base, []):
                if not _contradict(images.folder, unit.folder):
                    key = (replace(images, suffix=""), image_frame, frame)
                    votes[key] += 1
                    suffixes[key].add(images.suffix.lower())
    if not votes:
        return None

    def rank(item: tuple[tuple[Unit, Frame, Frame], int]) -> tuple[int, int, int]:
        (images, *frames), count = item
        around = sum(len(text) for frame in frames for text in frame)
        return count, -around, len(_words(images.folder) & _words(unit.folder))

    best, count = max(votes.items(), key=rank)
    if 2 * count < len(compared):
        return None
    images, image_frame, frame = best
    count *= max(1, len(stems) // len(compared))
    return Match(images, unit, image_frame, frame, frozenset(suffixes[best]), count)


def _words(folder: str) -> set[str]:
    return {word for word in re.split(r"[-_ /.]", folder.casefold()) if word}


def _contradict(one: str, other: str) -> bool:
    """Whether the names of two folders stand for different splits."""
    roles = [role_of_parts(PurePosixPath(folder).parts) for folder in (one, other)]
    return None not in roles and roles[0] != roles[1]


def _split_path(match: Match) -> tuple[list[str], list[str], list[str], list[str]]:
    """Common leading folders, those of images only, those of masks only, common trailing folders."""
    images = [part for part in match.images.folder.split("/") if part != "."]
    masks = [part for part in match.masks.folder.split("/") if part != "."]
    lead = 0
    while lead < min(len(images), len(masks)) and images[lead] == masks[lead]:
        lead += 1
    trail = 0
    while trail < min(len(images), len(masks)) - lead and images[-1 - trail] == masks[-1 - trail]:
        trail += 1
    end_i, end_m = len(images) - trail, len(masks) - trail
    return images[:lead], images[lead:end_i], masks[lead:end_m], images[end_i:]


def _differing(match: Match) -> tuple[str, str]:
    """The folders that tell images and masks apart, with "{split}" for a word for a split that is in both."""
    _, images, masks, _ = _split_path(match)
    one, other = "/".join(images), "/".join(masks)
    words = [word for word in re.split(r"[-_ /]", one) if is_role(word) and word in re.split(r"[-_ /]", other)]
    for word in words[:1]:
        whole_word = re.compile(rf"(?<![^-_ /]){re.escape(word)}(?![^-_ /])")
        one, other = (whole_word.sub("{split}", text, count=1) for text in (one, other))
    return one, other


def _patterns(family: list[Match]) -> tuple[str, str]:
    leads = {"/".join(_split_path(match)[0]) for match in family}
    trails = {"/".join(_split_path(match)[3]) for match in family}
    lead = leads.pop() if len(leads) == 1 else "{folder}"
    trail = trails.pop() if len(trails) == 1 else "{below}"
    first = family[0]
    images, masks = _differing(first)
    ends = []
    for (before, behind), suffixes in (
        (first.image_frame, set[str]().union(*(match.suffixes for match in family))),
        (first.mask_frame, {match.masks.suffix.lower() for match in family}),
    ):
        ends.append(f"{before}{{name}}{behind}{suffixes.pop() if len(suffixes) == 1 else '.*'}")
    return tuple(  # type: ignore[return-value]
        "/".join(part for part in (lead, middle, trail, end) if part)
        for middle, end in zip((images, masks), ends, strict=True)
    )
