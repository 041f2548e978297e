"""From what the user brought to the three splits that training reads, and the truth apart from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.splits import DataSet
from scaler.data.entries import RECIPE, Entry, of_folder, of_laboratory
from scaler.data.marks import points, scribbles
from scaler.data.problems import Problems
from scaler.data.reading import Picture
from scaler.data.resize import to_square
from scaler.data.split import SPLITS, Split, choose, read_id_list
from scaler.errors import ScalerError
from scaler.params import PrepareDataParams
from scaler.progress import log, progress
from scaler.randomness import generator

U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Truth:
    """What is known of the training images, for evaluation and report only.

    Attributes:
        ids: N image ids, in the order of the training split.
        mask: (N, S, S) uint8 {0, 1}; zeros where not known.
        known: (N,) bool.
    """

    ids: list[str]
    mask: U8
    known: NDArray[np.bool_]


@dataclass(frozen=True)
class Prepared:
    """The three splits, and the training split's truth, which no training stage may see."""

    train: DataSet
    val: DataSet
    test: DataSet
    truth: Truth


@dataclass(frozen=True)
class _Stack:
    """A split as it was read: `DataSet` before it is settled what is labelled; `share` is the foreground's, native."""

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


def prepare(source: Path, params: PrepareDataParams, seed: int) -> Prepared:
    """Read, check, resize and label a data set, one image at a time.

    The splits are those of `scaler.data.folder`. Supervision: `semi`: `labelled_fraction` of the training images that
    have a mask (or those of `labelled_list`) are labelled, drawn as whole groups; `full`: all that have a mask;
    `points`, `scribbles`: none, but there are marks, the user's where there is a marks file, else simulated from the
    mask at the size of training, where there is one.

    Args:
        source: a folder as in `scaler.data.layouts_files`, or the built-in laboratory (it holds `recipe.yaml`).
        params: the block `prepare_data`; its `source` is not read.
        seed: decides the validation images (`val_fraction`), the labelled images and the simulated marks.

    Raises:
        ScalerError: with all faults of the data, a line each, naming file and cure.
    """
    problems = Problems(source)
    is_laboratory = (source / RECIPE).is_file()
    entries = (of_laboratory if is_laboratory else of_folder)(source, params, problems, seed)
    listed = _listed(source, params, [entry.id for entry in entries["train"]], problems)
    stacks = {split: _read(split, entries[split], params.size, problems) for split in SPLITS if not problems.full}
    problems.raise_if_any()
    train = stacks["train"]
    return Prepared(
        train=_training(train, params, listed, seed),
        val=_evaluation(stacks["val"]),
        test=_evaluation(stacks["test"]),
        truth=Truth(train.ids, train.mask, train.known),
    )


def _read(split: Split, entries: Sequence[Entry], size: int, problems: Problems) -> _Stack:
    count = len(entries)
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
    with progress(count, f"reading {split}", unit="image") as bar:
        for number, entry in enumerate(entries):
            picture = entry.read()
            if picture is not None:
                _put(stack, number, entry.id, picture, size, problems)
                if split != "train" and picture.mask is not None:
                    stack.native_masks.append(picture.mask)
            bar.update()
            if problems.full:
                break
    return stack


def _put(stack: _Stack, number: int, name: str, picture: Picture, size: int, problems: Problems) -> None:
    try:
        stack.image[number], mask, marks = to_square(picture.image, picture.mask, picture.marks, size)
    except ScalerError as error:
        problems.add(f"{name}: {error}")
        return
    stack.native_size[number] = picture.image.shape[:2]
    if mask is not None and picture.mask is not None:
        stack.mask[number], stack.known[number] = mask, True
        stack.share[number] = picture.mask.mean()
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
    )


def _evaluation(stack: _Stack) -> DataSet:
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
    )


def _listed(source: Path, params: PrepareDataParams, ids: list[str], problems: Problems) -> list[str] | None:
    if params.supervision != "semi" or params.labelled_list is None:
        return None
    try:
        return read_id_list(source, params.labelled_list, "prepare_data.labelled_list", ids)
    except ScalerError as error:
        problems.add(str(error))
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
            raise ScalerError(
                f"prepare_data.labelled_list: {params.labelled_list}: {len(bare)} listed images have no mask, "
                f"first {bare[0]!r}; add the mask, or take the image off the list."
            )
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
