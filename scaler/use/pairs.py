"""Predictions and masks paired by name, set by set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from scaler.artifacts.visible import entries
from scaler.data.decode import SUFFIXES
from scaler.errors import ScalerError

MASK_FOLDERS = ("GT", "gt", "Gt", "masks", "mask", "Mask", "GT_Object")  # inside the folder of a test set
MOST_SHOWN = 20


@dataclass(frozen=True)
class Pair:
    """One image of a set: its id, the prediction and the mask."""

    id: str
    prediction: Path
    mask: Path


@dataclass(frozen=True)
class Pairing:
    """What was found.

    Attributes:
        sets: name -> pairs, sorted by id.
        left_out: a line for each prediction without mask and each mask without prediction.
    """

    sets: dict[str, list[Pair]]
    left_out: list[str]


def pair_folders(predictions: Path, truth: Path) -> Pairing:
    """Pair the files of two folders by their path below the set's folder, suffixes aside.

    A folder of predictions that holds images itself is one set, of its own name. Else each of its sub-folders is a set,
    and the masks are in the sub-folder of the same name; where there is only one set, `truth` may be its masks
    themselves. In the folder of a test set, masks may lie one deeper, in GT, masks or the like.

    Raises:
        ScalerError: a folder is missing or empty, a name comes twice, or nothing fits.
    """
    for folder in (predictions, truth):
        if not folder.is_dir():
            raise ScalerError(f"{folder}: no such folder.")
    if _has_images(predictions):
        name = predictions.absolute().name
        groups = {name: (predictions, _truth_of(truth, name) or _masks_in(truth))}
        absent: list[str] = []
    else:
        groups, absent = _sets(predictions, truth)
    sets: dict[str, list[Pair]] = {}
    left_out = absent
    for name, (ours, theirs) in sorted(groups.items()):
        maps, masks = _by_id(ours), _by_id(theirs)
        left_out += [f"{maps[i]}: no mask {i} in {theirs}" for i in sorted(maps.keys() - masks.keys())]
        left_out += [f"{masks[i]}: no prediction {i} in {ours}" for i in sorted(masks.keys() - maps.keys())]
        sets[name] = [Pair(i, maps[i], masks[i]) for i in sorted(maps.keys() & masks.keys())]
        if not sets[name]:
            raise ScalerError(
                f"{ours} and {theirs}: not one name in common, e.g. {next(iter(maps), 'no prediction')} "
                f"and {next(iter(masks), 'no mask')}. Are these the predictions of that set?"
            )
    return Pairing(sets, left_out)


def listed(lines: Iterable[str]) -> str:
    """The first lines, each with a dash, and how many more there are."""
    whole = list(lines)
    more = len(whole) - MOST_SHOWN
    return "\n".join([*(f"- {line}" for line in whole[:MOST_SHOWN]), *([f"... and {more} more"] if more > 0 else [])])


def _sets(predictions: Path, truth: Path) -> tuple[dict[str, tuple[Path, Path]], list[str]]:
    own = {path.name: path for path in _folders(predictions) if any(_by_id(path))}
    if not own:
        raise ScalerError(f"{predictions}: no image in this folder; expected predictions as PNG.")
    if len(own) == 1 and not _truth_of(truth, *own):
        return {name: (path, _masks_in(truth)) for name, path in own.items()}, []
    groups: dict[str, tuple[Path, Path]] = {}
    absent = []
    for name, path in own.items():
        masks = _truth_of(truth, name)
        if masks is None:
            absent.append(f"{path}: a set without masks; expected {truth / name}")
        else:
            groups[name] = (path, masks)
    if not groups:
        raise ScalerError(f"{truth}: has a folder for none of the sets {', '.join(own)}. Is it the folder above them?")
    others = (path for path in _folders(truth) if path.name not in own and any(_by_id(path)))
    absent += [f"{path}: a set without predictions; expected {predictions / path.name}" for path in others]
    return groups, absent


def _truth_of(truth: Path, name: str) -> Path | None:
    folder = truth / name
    return _masks_in(folder) if folder.is_dir() else None


def _masks_in(folder: Path) -> Path:
    if _has_images(folder):
        return folder
    return next((folder / name for name in MASK_FOLDERS if (folder / name).is_dir()), folder)


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _has_images(folder: Path) -> bool:
    return any(path.suffix.lower() in SUFFIXES and path.is_file() for path in folder.iterdir())


def _by_id(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for name, kind in sorted(entries(folder)):
        suffix = PurePosixPath(name).suffix
        if kind != "file" or suffix.lower() not in SUFFIXES:
            continue
        stem = name[: -len(suffix)]
        if stem in found:
            raise ScalerError(f"{found[stem]} and {folder / name}: the same name twice; keep one, or rename one.")
        found[stem] = folder / name
    return found
