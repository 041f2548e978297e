"""Images and masks of a folder without a description, found by content and by name."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
SEPARATORS = re.compile(r"[-_. ]")


@dataclass(frozen=True)
class Unit:
    """Files of one folder with one suffix; `ending` is what follows the name of another file in their names, or ""."""

    folder: str
    suffix: str
    ending: str


@dataclass(frozen=True)
class Match:
    """An image unit and a mask unit, and what follows the common name in either."""

    images: Unit
    masks: Unit
    image_ending: str
    mask_ending: str
    votes: int


def find_patterns(source: Path) -> tuple[str, str] | None:
    """The patterns of images and masks (layout `pairs`) that fit most files, or None if nothing pairs."""
    units = _units(PurePosixPath(name) for name in files(source))
    masks = {unit for unit, stems in units.items() if _are_masks(source, unit, stems)}
    by_base: dict[str, list[tuple[Unit, str]]] = defaultdict(list)
    for unit, stems in units.items():
        if unit not in masks:
            for stem in stems:
                for cut in _cuts(stem)[: CUTS + 1]:
                    by_base[stem[:cut]].append((unit, stem[cut:]))
    matches = [match for unit in sorted(masks, key=str) if (match := _best(unit, units[unit], by_base))]
    families: dict[tuple[object, ...], list[Match]] = defaultdict(list)
    for match in matches:
        families[(*_differing(match), match.image_ending, match.mask_ending)].append(match)
    if not families:
        return None
    largest = max(families.values(), key=lambda family: sum(match.votes for match in family))
    return _patterns(largest)


def _units(paths: Iterable[PurePosixPath]) -> dict[Unit, list[str]]:
    folders: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path in paths:
        if path.suffix.lower() in SUFFIXES:
            folders[path.parent.as_posix()].append((normalize("NFC", path.stem), path.suffix))
    units: dict[Unit, list[str]] = defaultdict(list)
    for folder, names in folders.items():
        stems = {stem for stem, _ in names}
        for stem, suffix in sorted(names):
            cut = next((cut for cut in _cuts(stem)[1:] if stem[:cut] in stems), len(stem))
            units[Unit(folder, suffix, stem[cut:])].append(stem)
    return units


def _cuts(stem: str) -> list[int]:
    """Where a name may end: at its end, and before each separator, from the right."""
    return [len(stem), *(match.start() for match in reversed(list(SEPARATORS.finditer(stem))) if match.start())]


def _are_masks(source: Path, unit: Unit, stems: Sequence[str]) -> bool:
    step = max(1, len(stems) // LOOKED_AT)
    looked_at = 0
    for stem in stems[::step][:LOOKED_AT]:
        path = source / unit.folder / f"{stem}{unit.suffix}"
        try:
            mask_of(decode(path), path)
            looked_at += 1
        except ScalerError as error:
            if any(fault.kind.startswith("mask_") for fault in error.faults):
                return False
    return looked_at > 0


def _best(unit: Unit, stems: Sequence[str], by_base: dict[str, list[tuple[Unit, str]]]) -> Match | None:
    votes: Counter[tuple[Unit, str, str]] = Counter()
    compared = stems[:: max(1, len(stems) // COMPARED)]
    for stem in compared:
        for cut in _cuts(stem):
            for images, ending in by_base.get(stem[:cut], []):
                if not _contradict(images.folder, unit.folder):
                    votes[images, ending, stem[cut:]] += 1
    if not votes:
        return None

    def rank(item: tuple[tuple[Unit, str, str], int]) -> tuple[int, int, int]:
        (images, ending, mask_ending), count = item
        return count, -len(ending) - len(mask_ending), len(_words(images.folder) & _words(unit.folder))

    (images, ending, mask_ending), count = max(votes.items(), key=rank)
    if 2 * count < len(compared):
        return None
    return Match(images, unit, ending, mask_ending, count * max(1, len(stems) // len(compared)))


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
    for ending, suffixes in (
        (first.image_ending, {match.images.suffix.lower() for match in family}),
        (first.mask_ending, {match.masks.suffix.lower() for match in family}),
    ):
        ends.append(f"{{name}}{ending}{suffixes.pop() if len(suffixes) == 1 else '.*'}")
    return tuple(  # type: ignore[return-value]
        "/".join(part for part in (lead, middle, trail, end) if part)
        for middle, end in zip((images, masks), ends, strict=True)
    )
