"""The images of a source, split by split, each with a function that reads it: files, or generated scenes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scaler.data.folder import survey
from scaler.data.groups import groups_of, note_divided
from scaler.data.layouts import SPLITS, Split, role_of_name
from scaler.data.reading import Pixels, read_sample
from scaler.data.split import assign_splits, draw_splits
from scaler.errors import Faults
from scaler.params import PrepareDataParams

RECIPE = "recipe.yaml"  # a source that holds this file is generated from it

U8 = NDArray[np.uint8]
Generate = Callable[[Path], Iterable[tuple[str, U8, U8]]]  # recipe to id, image (H, W, 3) RGB, mask (H, W) {0, 1}


@dataclass(frozen=True)
class Entry:
    """One image.

    Attributes:
        id, set, group: as in `scaler.data.folder.Sample`.
        read: its pixels, or None after an error, which is then among the faults.
        file: path below the source; "" if there is no file.
    """

    id: str
    read: Callable[[], Pixels | None]
    set: str = ""
    group: str | None = None
    file: str = ""


def of_folder(source: Path, params: PrepareDataParams, faults: Faults, seed: int) -> dict[Split, list[Entry]]:
    """The samples of `scaler.data.folder.survey`, with marks only if the supervision uses them."""
    entries: dict[Split, list[Entry]] = {split: [] for split in SPLITS}
    is_weak = params.supervision in ("points", "scribbles")
    for sample in survey(source, params, faults, seed):
        needed = sample if is_weak and sample.split == "train" else replace(sample, marks=None)
        read = partial(read_sample, needed, params, faults)
        file = sample.image.relative_to(source).as_posix()
        entries[sample.split].append(Entry(sample.id, read, sample.set, sample.group, file))
    return entries


def of_recipe(
    source: Path, params: PrepareDataParams, faults: Faults, seed: int, generate: Generate
) -> dict[Split, list[Entry]]:
    """The scenes that `generate` makes from the recipe in `source`; splits and groups as for a folder."""
    scenes = {name: Pixels(image, mask, None) for name, image, mask in generate(source / RECIPE)}
    roles = {name: role for name in scenes if (role := role_of_name(name))}
    splits = assign_splits(scenes, roles, params, source, faults)
    groups = groups_of(scenes, params.groups, {}, faults)
    note_divided(splits, groups, params, faults)
    shares = {name: float(scene.mask.mean()) for name, scene in scenes.items() if scene.mask is not None}
    draw_splits(splits, shares, groups, params, source, seed, faults)
    return {
        split: [Entry(name, partial(scenes.get, name), group=groups.get(name)) for name in names]
        for split, names in splits.items()
    }
