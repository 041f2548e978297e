"""From a data set on disk to the three splits that training reads, and the truth apart from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.large import LargeImages
from scaler.artifacts.splits import DataSet
from scaler.data.entries import RECIPE, Entry, Generate, of_folder, of_recipe
from scaler.data.marks import points, scribbles
from scaler.data.reading import SKIPPED, Pixels
from scaler.data.resize import shrunk, to_square
from scaler.data.split import SPLITS, Split, choose, read_id_list
from scaler.data.tiling import in_tiles
from scaler.errors import Fault, Faults, ScalerError
from scaler.params import PrepareDataParams
from scaler.progress import log, progress
from scaler.randomness import generator

U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Truth:
    """The masks of the training images, for evaluation and report only.

    Attributes:
        ids: N image ids, in the order of the training split.
        mask: (N, S, S) uint8 {0, 1}; zeros if not known.
        known: (N,) bool.
    """

    ids: list[str]
    mask: U8
    known: NDArray[np.bool_]


@dataclass(frozen=True)
class Prepared:
    """The three splits, and the training split's truth, which no training stage may see.

    Attributes:
        left_out: what could not be read, with `skip_broken`; files below the source.
    """

    train: DataSet
    val: DataSet
    test: DataSet
    truth: Truth
    left_out: list[Fault] = field(default_factory=list)


@dataclass(frozen=True)
class _Stack:
    """A split as it was read, before it is decided what is labelled; `share` is the foreground's, at native size."""

    ids: list[str]
    sets: list[str]
    files: list[str]
    groups: dict[str, str]
    image: U8
    mask: U8
    known: NDArray[np.bool_]
    share: NDArray[np.float64]
    marks: U8
    marked: NDArray[np.bool_]
    native_size: NDArray[np.int32]
    native_masks: list[U8]
    large: LargeImages | None = None


@dataclass(frozen=True)
class _Kept(Sequence[U8]):
    """The images of a split, at most `side` pixels high and wide.

    They are decoded a second time when they are written, since a whole split would not fit in memory.
    """

    entries: Sequence[Entry]
    side: int

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: Any) -> Any:
        """One image, (h, w, 3)."""
        pixels = self.entries[index].read()
        if pixels is None:
            reason, remedy = "was readable at first, and now is not", "do not change the source meanwhile; run again"
            raise ScalerError(Fault("source_changed", (self.entries[index].file,), reason, remedy))
        return shrunk(pixels.image, self.side)


def prepare(source: Path, params: PrepareDataParams, seed: int, *, generate: Generate | None = None) -> Prepared:
    """Read, check, resize and label a data set, one image at a time.

    The splits are those of `scaler.data.folder`. Supervision: `semi`: `labelled_fraction` of the training images that
    have a mask (or those of `labelled_list`) are labelled, drawn as whole groups; `full`: all that have a mask;
    `points`, `scribbles`: none, but there are marks: those of the marks file, or else simulated from the mask at the
    size of training.

    Args:
        source: a folder in one of the layouts, or one with a `recipe.yaml` from which images are generated.
        params: the block `prepare_data`; its `source` is not read.
        seed: decides the validation images (`val_fraction`), the labelled images and the simulated marks.
        generate: makes the images of a recipe.

    Raises:
        ScalerError: with all faults of the data.
    """
    faults = Faults(source)
    if (source / RECIPE).is_file():
        if generate is None:
            reason = "a recipe, and nothing to generate images from it"
            raise ScalerError(Fault("recipe", (source / RECIPE,), reason, "pass `generate`"))
        entries = of_recipe(source, params, faults, seed, generate)
    else:
        entries = of_folder(source, params, faults, seed)
    listed = _listed(source, params, [entry.id for entry in entries["train"]], faults)
    if params.tiles is not None:
        with progress(sum(map(len, entries.values())), "cutting", unit="image") as bar:
            entries = {split: in_tiles(found, params.tiles, bar.update) for split, found in entries.items()}
        if listed is not None:
            chosen = set(listed)
            listed = [entry.id for entry in entries["train"] if entry.id in chosen or entry.group in chosen]
    stacks = {split: _read(split, entries[split], params, faults) for split in SPLITS}
    faults.raise_if_errors()
    skipped = [item.relative_to(source) for item in faults.of("warning") if item.remedy.startswith(SKIPPED)]
    left_out = list(dict.fromkeys(skipped))  # an image is read once more for its tiles
    for item in left_out:
        log.info(f"warning: {item}")
    train = stacks["train"]
    return Prepared(
        train=_training(train, params, listed, seed),
        val=_evaluation(stacks["val"], params),
        test=_evaluation(stacks["test"], params),
        truth=Truth(train.ids, train.mask, train.known),
        left_out=left_out,
    )


def _read(split: Split, entries: Sequence[Entry], params: PrepareDataParams, faults: Faults) -> _Stack:
    count, size = len(entries), params.size
    stack = _Stack(
        ids=[entry.id for entry in entries],
        sets=[entry.set for entry in entries],
        files=[entry.file for entry in entries],
        groups={entry.id: entry.group for entry in entries if entry.group is not None},
        image=np.zeros((count, size, size, 3), np.uint8),
        mask=np.zeros((count, size, size), np.uint8),
        known=np.zeros(count, np.bool_),
        share=np.zeros(count, np.float64),
        marks=np.zeros((count, size, size), np.uint8),
        marked=np.zeros(count, np.bool_),
        native_size=np.zeros((count, 2), np.int32),
        native_masks=[],
    )
    kept: list[int] = []
    with progress(count, f"reading {split}", unit="image") as bar:
        for number, entry in enumerate(entries):
            pixels = entry.read()
            if pixels is not None:
                with faults.collect([entry.id]):
                    _put(stack, number, pixels, size)
                if split != "train" and pixels.mask is not None:
                    stack.native_masks.append(pixels.mask)
                kept.append(number)
            bar.update()
    stack = stack if len(kept) == count else _kept(stack, kept)
    if params.foundation_size is None:
        return stack
    side = params.foundation_size
    return replace(stack, large=LargeImages(_Kept([entries[row] for row in kept], side), side))


def _kept(stack: _Stack, rows: list[int]) -> _Stack:
    """The images that could be read."""
    ids = [stack.ids[row] for row in rows]
    changed: dict[str, Any] = {name: [getattr(stack, name)[row] for row in rows] for name in ("sets", "files")}
    names = ("image", "mask", "known", "share", "marks", "marked", "native_size")
    changed |= {name: getattr(stack, name)[rows] for name in names}
    groups = {name: group for name, group in stack.groups.items() if name in set(ids)}
    return replace(stack, ids=ids, groups=groups, **changed)


def _put(stack: _Stack, number: int, pixels: Pixels, size: int) -> None:
    stack.image[number], mask, marks = to_square(pixels.image, pixels.mask, pixels.marks, size)
    stack.native_size[number] = pixels.image.shape[:2]
    if mask is not None and pixels.mask is not None:
        stack.mask[number], stack.known[number] = mask, True
        stack.share[number] = pixels.mask.mean()
    if marks is not None:
        stack.marks[number], stack.marked[number] = marks, True


def _training(stack: _Stack, params: PrepareDataParams, listed: list[str] | None, seed: int) -> DataSet:
    labelled = _labelled(stack, params, listed, seed)
    if params.supervision in ("points", "scribbles"):
        _simulate_marks(stack, params, seed)
    return DataSet(
        ids=stack.ids,
        image=stack.image,
        mask=np.where(labelled[:, None, None], stack.mask, np.uint8(0)),  # the truth of the others never gets in
        labelled=labelled,
        marks=stack.marks,
        native_size=stack.native_size,
        native_masks=[],
        set=stack.sets,
        file=stack.files,
        large=stack.large,
        white=params.image_white,
        tile=params.tiles,
    )


def _evaluation(stack: _Stack, params: PrepareDataParams) -> DataSet:
    return DataSet(
        ids=stack.ids,
        image=stack.image,
        mask=stack.mask,
        labelled=stack.known,
        marks=stack.marks,
        native_size=stack.native_size,
        native_masks=stack.native_masks,
        set=stack.sets,
        file=stack.files,
        large=stack.large,
        white=params.image_white,
        tile=params.tiles,
    )


def _listed(source: Path, params: PrepareDataParams, ids: list[str], faults: Faults) -> list[str] | None:
    if params.supervision != "semi" or params.labelled_list is None or not ids:
        return None
    with faults.collect():
        return read_id_list(source, params.labelled_list, "prepare_data.labelled_list", ids)
    return None


def _labelled(stack: _Stack, params: PrepareDataParams, listed: list[str] | None, seed: int) -> NDArray[np.bool_]:
    if params.supervision == "full":
        return stack.known.copy()
    if params.supervision != "semi":
        return np.zeros(len(stack.ids), np.bool_)
    with_mask = np.flatnonzero(stack.known)
    ids = [stack.ids[i] for i in with_mask]
    if listed is None:
        chosen = choose(ids, stack.share[with_mask].tolist(), params.labelled_fraction, seed, groups=stack.groups)
    else:
        chosen = set(listed)
        bare = sorted(chosen - set(ids))
        if bare:
            reason = f"prepare_data.labelled_list: {len(bare)} listed images have no mask, first {bare[0]!r}"
            remedy = "add the mask, or take the image off the list"
            raise ScalerError(Fault("labelled_without_mask", (str(params.labelled_list),), reason, remedy))
    return np.asarray([name in chosen for name in stack.ids], np.bool_)


def _simulate_marks(stack: _Stack, params: PrepareDataParams, seed: int) -> None:
    todo = np.flatnonzero(stack.known & ~stack.marked)
    for number in todo:
        rng = generator(seed, "marks", params.supervision, stack.ids[number])
        if params.supervision == "points":
            stack.marks[number] = points(stack.mask[number], rng, params.point_radius, params.points_per_class)
        else:
            stack.marks[number] = scribbles(stack.mask[number], rng, params.scribble_width)
    bare = int(np.count_nonzero(~stack.known & ~stack.marked))
    log.info(f"marks: {stack.marked.sum()} images with a file, {len(todo)} simulated from masks, {bare} without any")
