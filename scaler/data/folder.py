"""Finding the samples of a data set: its files, paired by name, and the split, set and group of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scaler.data.groups import groups_of, members, note_cuts
from scaler.data.images import read_mask
from scaler.data.layouts_files import OTHER_PICTURES, Found, find
from scaler.data.points import Points
from scaler.data.problems import Problems
from scaler.data.split import Split, assign_splits, choose, read_id_list
from scaler.errors import ScalerError
from scaler.params import PrepareDataParams

__all__ = ["OTHER_PICTURES", "Sample", "draw_validation", "find_samples", "survey"]

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Sample:
    """One image of the user's, in one split.

    Attributes:
        id: path of the image without the sub-folder of the images and without suffix, verbatim, "/" between its parts.
        split: "train", "val" or "test".
        image, mask, marks: files; mask and marks may be absent.
        points: the image's own, where `marks` is a file of points for all images.
        set: name of the set that it belongs to, "" for a single one.
        group: of the images that no split may cut apart; None: it stands for itself.
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
    """The samples of a folder, sorted by id, with all faults of names and places (contents are not read).

    Raises:
        ScalerError: see `survey`; every fault is a line.
    """
    problems = Problems(root)
    samples = survey(root, params, problems, seed)
    problems.raise_if_any()
    return samples


def survey(
    root: Path, params: PrepareDataParams, problems: Problems, seed: int = 0, tell: Tell = print
) -> list[Sample]:
    """As `find_samples`, but what is wrong with single files goes to `problems`, so that reading can add its own.

    Noted are, besides `scaler.data.layouts_files.find`'s: validation and test images without mask, split rules that
    match nothing or overlap or cut a group apart, and a training split without any label.

    Args:
        root: the source.
        params: the block `prepare_data`; its `source` is not read.
        problems: gets the faults.
        seed: decides the validation images, where they are drawn (`val_fraction`; then training masks are read).
        tell: hears what is left out, drawn and grouped.

    Returns:
        Sorted by id; with `paper_protocol` an id may be there twice, for validation and for test.

    Raises:
        ScalerError: there is nothing to survey: a folder is missing, lies elsewhere, or holds no image.
    """
    found = find(root, params, problems)
    for note in found.notes:
        tell(note)
    groups = groups_of(found.images, params.groups, found.groups, problems, tell)
    splits = assign_splits(found.images, found.roles, params, root, problems, tell)
    note_cuts(splits, groups, params, problems)
    if params.val is None:
        shares = {name: share for name in splits["train"] if (share := _share(found, name)) is not None}
        draw_validation(splits, shares, groups, params, root, seed, problems, tell)
    samples = [_sample(found, groups, name, split) for split, names in splits.items() for name in names]
    samples.sort(key=lambda sample: (sample.id, sample.split))
    _note_missing_labels(samples, params, found, problems)
    return samples


def draw_validation(
    splits: dict[Split, list[str]],
    shares: Mapping[str, float],
    groups: Mapping[str, str],
    params: PrepareDataParams,
    root: Path,
    seed: int,
    problems: Problems,
    tell: Tell,
) -> None:
    """Move `params.val_fraction` of the training images that have a mask to validation, whole groups.

    Groups with an image without mask, or on the labelled list, stay in training.

    Args:
        splits: changed in place.
        shares: foreground share of the training images that have a mask.
        groups: by id.
        params: `val_fraction` and `labelled_list` are read.
        root: where the list lies.
        seed: decides the draw.
        problems: gets it that nothing can be drawn.
        tell: hears how many were drawn.
    """
    if params.val_fraction is None:
        return
    kept = set(_listed(params, root, splits["train"]))
    free = [u for u in members(splits["train"], groups) if all(name in shares and name not in kept for name in u)]
    ids = [name for unit in free for name in unit]
    if len(free) < 2:
        problems.add(
            f"prepare_data.val_fraction: validation images need masks, and only {len(free)} of the training images "
            "(or whole groups of them) could be given away; add masks, or name validation images by prepare_data.val."
        )
        return
    drawn = choose(ids, [shares[n] for n in ids], params.val_fraction, seed, purpose="val", groups=groups)
    splits["val"] = sorted(drawn)
    splits["train"] = [name for name in splits["train"] if name not in drawn]
    tell(f"splits: {len(drawn)} of {len(ids)} training images with mask are drawn for validation (seed {seed})")


def _listed(params: PrepareDataParams, root: Path, training: Sequence[str]) -> list[str]:
    if params.labelled_list is None or params.supervision != "semi":
        return []
    try:
        return read_id_list(root, params.labelled_list, "prepare_data.labelled_list", training)
    except ScalerError:
        return []  # told where the labelled images are chosen


def _share(found: Found, name: str) -> float | None:
    """The foreground share of a mask; None without one, and where it is not readable, which reading will tell."""
    try:
        return float(read_mask(found.masks[name]).mean()) if name in found.masks else None
    except ScalerError:
        return None


def _sample(found: Found, groups: Mapping[str, str], name: str, split: Split) -> Sample:
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


def _note_missing_labels(
    samples: Iterable[Sample], params: PrepareDataParams, found: Found, problems: Problems
) -> None:
    usable = 0
    training: list[Sample] = []
    weak = params.supervision in ("points", "scribbles")
    for sample in samples:
        if sample.split == "train":
            training.append(sample)
            usable += sample.mask is not None or (weak and sample.marks is not None)
        elif sample.mask is None:
            problems.add(
                f"{sample.image}: a {sample.split} image without mask; {found.cures[sample.id]}, "
                f"or take it out of prepare_data.{sample.split}."
            )
    if training and not usable:
        first = training[0]
        problems.add(
            f"prepare_data.train: none of the {len(training)} training images has a label; add masks"
            f"{' or marks' if weak else ''} for some of them: for {first.image.name}, {found.cures[first.id]}."
        )
