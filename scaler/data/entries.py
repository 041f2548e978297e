"""The images of a source, split by split, each with the way to read it: a folder of the user's, or the laboratory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from scaler.data.folder import draw_validation, survey
from scaler.data.groups import groups_of, note_cuts
from scaler.data.layouts import SPLITS, Split, role_of_name
from scaler.data.problems import Problems
from scaler.data.reading import Picture, read_sample
from scaler.data.split import assign_splits
from scaler.params import PrepareDataParams

RECIPE = "recipe.yaml"  # a source that holds this file is the built-in laboratory


@dataclass(frozen=True)
class Entry:
    """One image: `read` gives its picture, or None where a file is at fault, which `problems` then tells; `file` is its
    path below the source, where there is one.
    """

    id: str
    read: Callable[[], Picture | None]
    set: str = ""
    group: str | None = None
    file: str = ""


def of_folder(source: Path, params: PrepareDataParams, problems: Problems, seed: int) -> dict[Split, list[Entry]]:
    """The samples of `scaler.data.folder.survey`; marks only where they are used."""
    entries: dict[Split, list[Entry]] = {split: [] for split in SPLITS}
    weak = params.supervision in ("points", "scribbles")
    for sample in survey(source, params, problems, seed):
        keep_marks = weak and sample.split == "train"
        needed = sample if keep_marks else replace(sample, marks=None)
        read = partial(read_sample, needed, params, problems)
        file = sample.image.relative_to(source).as_posix()
        entries[sample.split].append(Entry(sample.id, read, sample.set, sample.group, file))
    return entries


def of_laboratory(source: Path, params: PrepareDataParams, problems: Problems, seed: int) -> dict[Split, list[Entry]]:
    """The scenes that the recipe in `source` makes; splits, groups and validation as for a folder."""
    from scaler.laboratory.dataset import laboratory_samples, load_recipe

    recipe = load_recipe(source / RECIPE)
    scenes = {name: Picture(image, mask, None) for s in SPLITS for name, image, mask in laboratory_samples(recipe, s)}
    roles = {name: role for name in scenes if (role := role_of_name(name))}
    splits = assign_splits(scenes, roles, params, source, problems)
    groups = groups_of(scenes, params.groups, {}, problems, print)
    note_cuts(splits, groups, params, problems)
    shares = {name: float(scene.mask.mean()) for name, scene in scenes.items() if scene.mask is not None}
    draw_validation(splits, shares, groups, params, source, seed, problems, print)
    return {
        split: [Entry(name, partial(scenes.get, name), group=groups.get(name)) for name in names]
        for split, names in splits.items()
    }
