"""Settings for a folder without a description, and how sure they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scaler.data.checks.pairing import find_patterns
from scaler.data.folder import find_files
from scaler.data.layouts import AUTO, SPLITS, detect
from scaler.data.patterns import SEVERAL
from scaler.data.source_files import SourceFiles
from scaler.data.split import read_id_list
from scaler.errors import Faults, ScalerError
from scaler.params import PrepareDataParams

NAMES = {
    "images": ("images", "Images", "image", "Image", "Imgs", "imgs", "img", "Original"),
    "masks": ("masks", "Masks", "mask", "Mask", "GT", "gt", "GT_Object", "labels", "annotations", "Ground Truth"),
    "marks": ("marks", "Marks", "Scribble", "scribble", "scribbles", "points"),
}
NO_IMAGE = "-"  # a pattern that matches nothing
SURE = 0.95  # of the images have a mask
DRAWN = 0.1  # share of the training images for a split that the folder lacks


@dataclass(frozen=True)
class Guess:
    """Settings that fit a folder.

    Attributes:
        params: the block `prepare_data`; splits that the folder lacks match nothing.
        images, masks: how many files it finds.
        orphans, left_out: masks without image, and images that are not read.
        splits: those that names or folders stand for.
    """

    params: PrepareDataParams
    images: int
    masks: int
    orphans: int
    left_out: int
    splits: tuple[str, ...]

    @property
    def certainty(self) -> str:
        """How sure the guess is, in words."""
        if not self.masks:
            return "no masks found"
        rest = [f"{self.masks} of {self.images} images have a mask"]
        rest += [f"{self.orphans} masks have no image"] * bool(self.orphans)
        rest += [f"{self.left_out} images are left out"] * bool(self.left_out)
        is_sure = len(rest) == 1 and self.masks >= SURE * self.images
        return f"{'sure' if is_sure else 'likely'}: {', '.join(rest)}"

    def block(self) -> list[str]:
        """The lines of `params.yaml` that read the folder."""
        chosen = self.params
        lines = ["prepare_data:", f"  source: {_quoted(chosen.source)}", f"  layout: {chosen.layout}"]
        lines.append(f'  train: "{chosen.train}"')
        for split in ("val", "test"):
            lines += (
                [f"  {split}: {getattr(chosen, split)}", f"  {split}_fraction: null"]
                if split in self.splits
                else [f"  {split}: null", f"  {split}_fraction: {DRAWN}  # drawn from the training images"]
            )
        keys = ("table",) if chosen.layout == "csv" else ("images", "masks", "marks", "mask_suffix")
        lines += [f"  {key}: {_quoted(value)}" for key in keys if (value := getattr(chosen, key)) != AUTO]
        if chosen.supervision != "semi":
            lines.append(f"  supervision: {chosen.supervision}")
        return lines


def guess(source: Path) -> PrepareDataParams:
    """Settings for a folder without `params.yaml`; see `propose`."""
    return propose(source).params


def propose(source: Path) -> Guess:
    """The settings under which most images of a folder have a mask."""
    guesses = [found for params in _candidates(source) if (found := _tried(source, params)) is not None]
    plain = Guess(_block(source), 0, 0, 0, 0, ())
    return max(guesses, key=lambda item: item.masks, default=plain)  # the first of equals


def _candidates(source: Path) -> Iterator[PrepareDataParams]:
    plain = _block(source)
    if not source.is_dir():
        return
    if (source / plain.table).is_file():
        yield plain.model_copy(update={"layout": "csv"})
    found = {key: next((n for n in names if (source / n).is_dir()), None) for key, names in NAMES.items()}
    if found["images"] is not None:
        named = {key: value for key, value in found.items() if value is not None}
        yield plain.model_copy(update=named)
    layout = detect(source, plain)
    if layout != "general":
        yield plain.model_copy(update={"layout": layout})
    patterns = find_patterns(source)
    for count in sorted({min(1, len(patterns)), len(patterns)} - {0}):
        images, masks = (SEVERAL.join(texts) for texts in zip(*patterns[:count], strict=True))
        yield plain.model_copy(update={"layout": "pairs", "images": images, "masks": masks})
    for pattern in ("{name}.*", "{folder}/{name}.*"):
        yield plain.model_copy(update={"layout": "pairs", "images": pattern})


def _tried(source: Path, params: PrepareDataParams) -> Guess | None:
    faults = Faults(source)
    try:
        found = find_files(source, params, faults)
    except ScalerError:
        return None
    if not found.images:
        return None
    splits = _splits(found)
    rules: dict[str, str] = {split: AUTO if split in splits else NO_IMAGE for split in SPLITS}
    if not splits and (lists := _lists(source, found)):
        splits, rules = tuple(lists), rules | lists
    chosen = params.model_copy(update=rules | ({} if "train" in splits else {"train": "*"}))
    if len(found.marks) >= max(1, len(found.masks)):  # else a few marks beside masks would be all that is learnt from
        words = "".join({path.parent.as_posix().casefold() for path in found.marks.values()})
        chosen = chosen.model_copy(update={"supervision": "scribbles" if "scribble" in words else "points"})
    orphans = faults.count("label_without_image")
    left_out = sum(len(item.files) for item in faults.items if item.kind == "images_left_out")
    return Guess(chosen, len(found.images), len(found.masks), orphans, left_out, splits)


def _lists(source: Path, found: SourceFiles) -> dict[str, str]:
    """train.txt and the like, where they list images; none without a training list."""
    lists: dict[str, str] = {}
    for split in SPLITS:
        try:
            if read_id_list(source, f"{split}.txt", split, found.images):
                lists[split] = f"{split}.txt"
        except ScalerError:
            continue  # no such list, or one of something else
    return lists if "train" in lists else {}


def _splits(found: SourceFiles) -> tuple[str, ...]:
    """The splits that most images belong to by their names or folders; none without a training split."""
    roles = set(found.roles.values())
    is_described = "train" in roles and 2 * len(found.roles) > len(found.images)
    return tuple(split for split in SPLITS if split in roles) if is_described else ()


def _block(source: Path) -> PrepareDataParams:
    return PrepareDataParams(
        source=str(source),
        layout="general",
        table="table.csv",
        size=352,
        foundation_size=None,
        tiles=None,
        supervision="semi",
        labelled_fraction=1.0,
        labelled_list=None,
        train="*",
        val=NO_IMAGE,
        val_fraction=None,
        test=NO_IMAGE,
        test_fraction=None,
        groups=None,
        paper_protocol=False,
        images=AUTO,
        masks=AUTO,
        marks=AUTO,
        image_suffix=AUTO,
        mask_suffix=AUTO,
        marks_suffix=AUTO,
        mask_threshold=128,
        mask_size_tolerance=0,
        image_white=None,
        skip_broken=False,
        marks_convention="auto",
        points_per_class=1,
        point_radius=1,
        scribble_width=2,
    )


def _quoted(value: object) -> str:
    text = str(value)
    return text if text.replace("/", "").replace("_", "").replace("-", "").replace(".", "").isalnum() else f'"{text}"'
