"""Predictions and masks paired by name, set by set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from scaler.artifacts.visible import entries, is_clutter
from scaler.data.decode import SUFFIXES, VIDEO_SUFFIXES
from scaler.errors import Fault, ScalerError
from scaler.use.sources import fits, not_predicted

MASK_FOLDERS = ("GT", "gt", "Gt", "masks", "mask", "Mask", "GT_Object")  # inside the folder of a test set


@dataclass(frozen=True)
class MaskNames:
    """Which files are masks, and what their names have that those of the images have not.

    Attributes:
        only: a pattern that they fit (see `scaler.use.sources.fits`); None: all.
        suffix: what is between the image's name and the dot, such as "_mask"; other files are no masks.
    """

    only: str | None = None
    suffix: str = ""


ALL = MaskNames()


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
        left_out: a fault for each prediction without a mask, each mask without a prediction, and each file that looks
            like an image and cannot be read.
    """

    sets: dict[str, list[Pair]]
    left_out: list[Fault]


def pair_folders(predictions: Path, truth: Path, names: MaskNames = ALL) -> Pairing:
    """Pair the files of two folders by their path below the set's folder, suffixes and Unicode forms aside.

    A folder of predictions that holds images itself is one set, of its own name. Otherwise each of its sub-folders is a
    set, and the masks are in the sub-folder of the same name; where there is only one set, `truth` may be its masks
    themselves. In the folder of a test set, masks may be one deeper, in GT, masks or the like. `names` says which files
    of `truth` are masks.

    Raises:
        ScalerError: a folder is missing or empty, a name occurs twice, or no name fits.
    """
    for folder in (predictions, truth):
        if not folder.is_dir():
            raise ScalerError(f"{folder}: no such folder.")
    left_out: list[Fault] = []
    if _has_images(predictions):
        name = predictions.absolute().name
        groups = {name: (predictions, _truth_of(truth, name) or _masks_in(truth))}
    else:
        groups = _sets(predictions, truth, left_out)
    sets: dict[str, list[Pair]] = {}
    for name, (ours, theirs) in sorted(groups.items()):
        maps, masks = _by_id(ours, left_out), _by_id(theirs, left_out, names)
        left_out += _without(maps, masks, "no_mask", f"no mask of this name in {theirs}")
        left_out += _without(masks, maps, "no_prediction", f"no prediction of this name in {ours}")
        sets[name] = [Pair(i, maps[i], masks[i]) for i in sorted(maps.keys() & masks.keys())]
        if not sets[name]:
            raise ScalerError(
                f"{ours} and {theirs}: not one name in common; found for example {next(iter(maps), 'no prediction')} "
                f"and {next(iter(masks), 'no mask')}. Are these the predictions of that set?"
            )
    return Pairing(sets, left_out)


def _without(these: dict[str, Path], others: Iterable[str], kind: str, reason: str) -> list[Fault]:
    alone = sorted(these.keys() - set(others))
    return [Fault(kind, (these[name],), reason, "rename one of them", ids=(name,)) for name in alone]


def _sets(predictions: Path, truth: Path, left_out: list[Fault]) -> dict[str, tuple[Path, Path]]:
    own = {path.name: path for path in _folders(predictions) if any(_by_id(path, []))}
    if not own:
        raise ScalerError(f"{predictions}: no image in this folder; expected predictions as PNG.")
    if len(own) == 1 and not _truth_of(truth, *own):
        return {name: (path, _masks_in(truth)) for name, path in own.items()}
    groups: dict[str, tuple[Path, Path]] = {}
    for name, path in own.items():
        masks = _truth_of(truth, name)
        if masks is None:
            left_out.append(Fault("set_without_masks", (path,), f"a set without masks; expected {truth / name}"))
        else:
            groups[name] = (path, masks)
    if not groups:
        raise ScalerError(f"{truth}: has a folder for none of the sets {', '.join(own)}. Is it the folder above them?")
    for path in _folders(truth):
        if path.name not in own and any(_by_id(path, [])):
            reason = f"a set without predictions; expected {predictions / path.name}"
            left_out.append(Fault("set_without_predictions", (path,), reason))
    return groups


def _truth_of(truth: Path, name: str) -> Path | None:
    folder = truth / name
    return _masks_in(folder) if folder.is_dir() else None


def _masks_in(folder: Path) -> Path:
    if _has_images(folder):
        return folder
    return next((folder / name for name in MASK_FOLDERS if (folder / name).is_dir()), folder)


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not is_clutter(path.name))


def _has_images(folder: Path) -> bool:
    return any(path.suffix.lower() in SUFFIXES and path.is_file() for path in folder.iterdir())


def _by_id(folder: Path, left_out: list[Fault], names: MaskNames = ALL) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for name, kind in sorted(entries(folder)):
        path = folder / name
        suffix = path.suffix.lower()
        if kind == "folder" or suffix in VIDEO_SUFFIXES or not fits(name, names.only):
            continue
        if (fault := not_predicted(path)) is not None:
            left_out.append(fault)
        elif suffix in SUFFIXES:
            stem = normalize("NFC", name[: -len(suffix)])
            if not stem.endswith(names.suffix):
                continue
            stem = stem.removesuffix(names.suffix)
            if stem in found:
                remedy = "keep one, or choose the masks with --only, such as --only '*.png'"
                raise ScalerError(f"{found[stem]} and {path}: both have the same name; {remedy}.")
            found[stem] = path
    return found
