"""The samples of a data set: its files, paired by name, and the split, set and group of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from scaler.data import points_files
from scaler.data.groups import groups_of, note_divided
from scaler.data.images import read_mask
from scaler.data.layouts import AUTO
from scaler.data.layouts_files import HINTED, find_in_folders
from scaler.data.patterns import find_by_patterns
from scaler.data.points import Points
from scaler.data.source_files import SourceFiles
from scaler.data.split import Split, assign_splits, draw_splits
from scaler.data.table import read_table
from scaler.errors import Fault, Faults, ScalerError
from scaler.params import PrepareDataParams


@dataclass(frozen=True)
class Sample:
    """One image of a data set, in one split.

    Attributes:
        id: path of the image without the sub-folder of the images and without suffix, verbatim, "/" between its parts.
        split: "train", "val" or "test".
        image, mask, marks: files; mask and marks may be None.
        points: the image's own, if `marks` is a file of points for all images.
        set: name of the set that it belongs to, "" for a single one.
        group: images of a group are never divided between splits; None: the image stands for itself.
    """

    id: str
    split: Split
    image: Path
    mask: Path | None
    marks: Path | None
    set: str = ""
    group: str | None = None
    points: Points | None = None


def find_samples(root: Path, params: PrepareDataParams, seed: int = 0) -> list[Sample]:
    """The samples of a folder, sorted by id; file contents are not read.

    Raises:
        ScalerError: with all faults, see `survey`.
    """
    faults = Faults(root)
    samples = survey(root, params, faults, seed)
    faults.raise_if_errors()
    return samples


def survey(root: Path, params: PrepareDataParams, faults: Faults, seed: int = 0) -> list[Sample]:
    """The samples of a folder, sorted by id; with `paper_protocol` an id may occur in validation and in test.

    Args:
        root: the source.
        params: the block `prepare_data`; its `source` is not read.
        faults: gets errors about names, pairs, splits and groups, and notes about what is left out, drawn and grouped.
        seed: decides the validation and test images, if they are drawn (training masks are then read).

    Raises:
        ScalerError: a folder is missing, or is elsewhere.
    """
    found = find_files(root, params, faults)
    if not found.images:
        return []  # all that follows from it would be reported, too
    first = len(faults.items)
    groups = groups_of(found.images, params.groups, found.groups, faults)
    splits = assign_splits(found.images, found.roles, params, root, faults)
    note_divided(splits, groups, params, faults)
    if params.val is None or params.test is None:
        shares = {
            name: share
            for name in splits["train"]
            if (share := _foreground_share(found, name, params.mask_threshold)) is not None
        }
        draw_splits(splits, shares, groups, params, root, seed, faults)
    for number, item in enumerate(faults.items[first:], first):  # these rules know ids, people know files
        if item.ids:
            faults.items[number] = replace(item, files=tuple(found.images[name] for name in item.ids))
    samples = [_sample(found, groups, name, split) for split, names in splits.items() for name in names]
    samples.sort(key=lambda sample: (sample.id, sample.split))
    _note_missing_labels(samples, params, found, faults)
    return samples


def find_files(root: Path, params: PrepareDataParams, faults: Faults) -> SourceFiles:
    """The files of a source in any layout, paired by name; see `survey` for the arguments."""
    if not root.is_dir():
        raise ScalerError(
            Fault("folder_missing", (root,), "no such folder", "check prepare_data.source in params.yaml")
        )
    has_points = points_files.is_points(Path(params.marks))
    rules = params.model_copy(update={"marks": AUTO}) if has_points else params
    find = {"csv": read_table, "pairs": find_by_patterns}.get(params.layout, find_in_folders)
    found = find(root, rules, faults)
    if has_points:
        _add_points(found, root, params.marks, faults)
    return found


def _add_points(found: SourceFiles, root: Path, name: str, faults: Faults) -> None:
    """The points of all images, from one file; it names an image by its id, with or without a suffix."""
    path = root / name
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        reason = f"prepare_data.marks: must be inside {root}, so that changes in it are noticed"
        raise ScalerError(Fault("points_outside_source", (name,), reason, "move it there"))
    for key, points in points_files.read_points_of_all(path).items():
        image_id = key if key in found.images else PurePosixPath(key).with_suffix("").as_posix() if key else ""
        if image_id not in found.images:
            is_hinted = faults.count("points_without_image") < HINTED
            near = next(iter(get_close_matches(key, found.images, n=1)), None) if is_hinted else None
            hint = f"the nearest id is {near!r}" if near else f"an id is, for example, {next(iter(found.images))!r}"
            reason = f"{points.at}no image has this id; {hint}"
            faults.add(Fault("points_without_image", (path,), reason, "correct the name, or remove the points"))
        elif image_id in found.marks:
            reason = f"{points.at}this image also has the marks {found.marks[image_id]}"
            faults.add(Fault("marks_twice", (path,), reason, "keep one of them"))
        else:
            found.marks[image_id], found.points[image_id] = path, points


def _foreground_share(found: SourceFiles, name: str, threshold: int) -> float | None:
    """The foreground share of a mask; None without one, or if it is not readable, which reading reports."""
    try:
        return float(read_mask(found.masks[name], threshold).mean()) if name in found.masks else None
    except ScalerError:
        return None


def _sample(found: SourceFiles, groups: Mapping[str, str], name: str, split: Split) -> Sample:
    return Sample(
        id=name,
        split=split,
        image=found.images[name],
        mask=found.masks.get(name),
        marks=found.marks.get(name),
        set=found.sets[name],
        group=groups.get(name),
        points=found.points.get(name),
    )


def _note_missing_labels(samples: list[Sample], params: PrepareDataParams, found: SourceFiles, faults: Faults) -> None:
    is_weak = params.supervision in ("points", "scribbles")
    training = [sample for sample in samples if sample.split == "train"]
    for sample in samples:
        if sample.split != "train" and sample.mask is None:
            remedy = f"{found.mask_remedies[sample.id]}, or take the image out of prepare_data.{sample.split}"
            reason = f"a {sample.split} image without mask"
            faults.add(Fault("mask_missing", (sample.image,), reason, remedy, ids=(sample.id,)))
    if training and not any(s.mask is not None or (is_weak and s.marks is not None) for s in training):
        labels = "masks or marks" if is_weak else "masks"
        first = training[0]
        remedy = f"add {labels} for some of them: for {first.image.name}, {found.mask_remedies[first.id]}"
        reason = f"prepare_data.train: none of the {len(training)} training images has a label"
        faults.add(Fault("no_labels", (), reason, remedy))
