"""From a data set on disk to the three splits that training reads, and the truth apart from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.splits import DataWriter, Prepared, Row, TruthWriter
from scaler.data.entries import RECIPE, Entry, Generate, of_folder, of_recipe
from scaler.data.marks import points, scribbles
from scaler.data.reading import SKIPPED, Pixels
from scaler.data.resize import shrunk, to_square
from scaler.data.split import SPLITS, choose, read_id_list
from scaler.data.tiling import in_tiles
from scaler.errors import Fault, Faults, ScalerError
from scaler.params import PrepareDataParams
from scaler.progress import log, progress
from scaler.randomness import generator

U8 = NDArray[np.uint8]


@dataclass
class _Seen:
    """What is remembered of the images of a split once their pictures are written."""

    known: list[bool] = field(default_factory=list)
    share: list[float] = field(default_factory=list)  # of the foreground, at native size
    groups: dict[str, str] = field(default_factory=dict)
    marks: Counter[str] = field(default_factory=Counter)


def prepare(
    source: Path,
    params: PrepareDataParams,
    seed: int,
    files: Mapping[str, h5py.Group],
    *,
    generate: Generate | None = None,
) -> list[Fault]:
    """Read, check, resize and write a data set, one image at a time.

    The splits are those of `scaler.data.folder`. Supervision: `semi`: `labelled_fraction` of the training images that
    have a mask (or those of `labelled_list`) are labelled, drawn as whole groups; `full`: all that have a mask;
    `points`, `scribbles`: none, but there are marks: those of the marks file, or else simulated from the mask at the
    size of training.

    Args:
        source: a folder in one of the layouts, or one with a `recipe.yaml` from which images are generated.
        params: the block `prepare_data`; its `source` is not read.
        seed: decides the validation images (`val_fraction`), the labelled images and the simulated marks.
        files: "train", "val", "test" of kind `data`, and "truth": the training images' masks, which no training stage
            may see. After an error they are not whole.
        generate: makes the images of a recipe.

    Returns:
        What could not be read and was left out, with `skip_broken`; files below the source.

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
    how = Prepared(params.size, params.foundation_size, params.image_white, params.tiles)
    writers = {split: DataWriter(files[split], len(entries[split]), how) for split in SPLITS}
    truth = TruthWriter(files["truth"], len(entries["train"]), params.size)
    seen = {split: _Seen() for split in SPLITS}
    for split in SPLITS:
        with progress(len(entries[split]), f"reading {split}", unit="image") as bar:
            for entry in entries[split]:
                pixels = entry.read()
                if pixels is not None:
                    with faults.collect([entry.id]):
                        row = _row(entry, pixels, params)
                        if split == "train":
                            row = _training_row(row, params, seed, truth, seen[split])
                        _remember(entry, pixels, seen[split])
                        writers[split].add(row)
                bar.update()
    faults.raise_if_errors()
    skipped = [item.relative_to(source) for item in faults.of("warning") if item.remedy.startswith(SKIPPED)]
    left_out = list(dict.fromkeys(skipped))  # an image is read once more for its tiles
    for item in left_out:
        log.info(f"warning: {item}")
    labelled = _labelled(writers["train"].ids, seen["train"], params, listed, seed)
    for number in np.flatnonzero(labelled).tolist():
        writers["train"].put_mask(number, truth.mask(number))
    writers["train"].finish(labelled)
    for split in ("val", "test"):
        writers[split].finish(np.asarray(seen[split].known, np.bool_))
    truth.finish()
    return left_out


def _row(entry: Entry, pixels: Pixels, params: PrepareDataParams) -> Row:
    image, mask, marks = to_square(pixels.image, pixels.mask, pixels.marks, params.size)
    side = params.foundation_size
    return Row(
        id=entry.id,
        set=entry.set,
        file=entry.file,
        image=image,
        mask=mask,
        marks=marks,
        native_size=(pixels.image.shape[0], pixels.image.shape[1]),
        native_mask=pixels.mask,
        large=None if side is None else shrunk(pixels.image, side),
    )


def _training_row(row: Row, params: PrepareDataParams, seed: int, truth: TruthWriter, seen: _Seen) -> Row:
    """Without the masks, which go to the truth; with marks, drawn from the mask where there is no file of them."""
    truth.add(row.id, row.mask)
    marks = row.marks
    if params.supervision in ("points", "scribbles"):
        seen.marks["file" if marks is not None else "none" if row.mask is None else "mask"] += 1
        if marks is None and row.mask is not None:
            marks = _simulated_marks(row.mask, generator(seed, "marks", params.supervision, row.id), params)
    return replace(row, mask=None, native_mask=None, marks=marks)


def _remember(entry: Entry, pixels: Pixels, seen: _Seen) -> None:
    seen.known.append(pixels.mask is not None)
    seen.share.append(0.0 if pixels.mask is None else float(pixels.mask.mean()))
    if entry.group is not None:
        seen.groups[entry.id] = entry.group


def _simulated_marks(mask: U8, rng: np.random.Generator, params: PrepareDataParams) -> U8:
    if params.supervision == "points":
        return points(mask, rng, params.point_radius, params.points_per_class)
    return scribbles(mask, rng, params.scribble_width)


def _listed(source: Path, params: PrepareDataParams, ids: list[str], faults: Faults) -> list[str] | None:
    if params.supervision != "semi" or params.labelled_list is None or not ids:
        return None
    with faults.collect():
        return read_id_list(source, params.labelled_list, "prepare_data.labelled_list", ids)
    return None


def _labelled(
    ids: list[str], seen: _Seen, params: PrepareDataParams, listed: list[str] | None, seed: int
) -> NDArray[np.bool_]:
    if params.supervision == "full":
        return np.asarray(seen.known, np.bool_)
    if params.supervision != "semi":
        log.info(
            f"marks: {seen.marks['file']} images with a file, {seen.marks['mask']} simulated from masks, "
            f"{seen.marks['none']} without any"
        )
        return np.zeros(len(ids), np.bool_)
    with_mask = [(name, share) for name, share, known in zip(ids, seen.share, seen.known, strict=True) if known]
    if listed is None:
        names, shares = [name for name, _ in with_mask], [share for _, share in with_mask]
        chosen = choose(names, shares, params.labelled_fraction, seed, groups=seen.groups)
    else:
        chosen = set(listed)
        bare = sorted(chosen - {name for name, _ in with_mask})
        if bare:
            reason = f"prepare_data.labelled_list: {len(bare)} listed images have no mask, first {bare[0]!r}"
            remedy = "add the mask, or take the image off the list"
            raise ScalerError(Fault("labelled_without_mask", (str(params.labelled_list),), reason, remedy))
    return np.asarray([name in chosen for name in ids], np.bool_)
