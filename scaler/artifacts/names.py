"""Names of data sets and shards, and the version of each layout; quick to import, since every start-up needs them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

SCHEMA = dict.fromkeys(
    ("data", "truth", "segmenter", "sam", "sam_labels", "segmenter_labels", "evaluation", "report", "inspection"), 1
) | {"segmenter": 2, "sam": 2, "data": 3, "evaluation": 2}  # with input_size; with set; 3: with file
"""Kind -> version of its layout. A reader refuses any other version."""

# What is trained depends on the labels, not on how they were made: a corrected mask of the test split, or a note
# beside the images, makes these again without retraining a model.
KNOWN_BY_CONTENT = ("data", "truth")

LEFT_OUT = "left_out.csv"
"""Beside the training data, with `prepare_data.skip_broken`: what could not be read."""

SPLITS = ("train", "val", "test")
MODELS = ("segmenter", "teacher", "sam")
"""The models that an evaluation judges, in the order in which they are listed."""
CURVES = ("precision", "recall", "f_measure", "e_measure")
"""The curves over 256 thresholds that an evaluation holds, in the order of their rows."""
LABEL_COLUMNS = ("entropy", "weight", "mean_pixel_weight", "branch")
"""One float32 per image beside its pseudo-label: E and w (eq 4-5), the mean of u (eq 6), the branch (eq 12)."""

LabelKind = Literal["segmenter_labels", "sam_labels"]
LABEL_KINDS: tuple[LabelKind, ...] = get_args(LabelKind)

Source = Literal["teacher", "sam", "consensus", "segmenter"]
"""Who says what about an image; "segmenter" is the student, "consensus" the labels that Phase II learns from."""
SOURCES: tuple[Source, ...] = get_args(Source)
LABEL_MAPS: dict[Source, tuple[LabelKind, str]] = {
    "teacher": ("segmenter_labels", "teacher"),
    "sam": ("sam_labels", "probability"),
    "consensus": ("segmenter_labels", "probability"),
    "segmenter": ("segmenter_labels", "student"),
}
"""Source -> where its maps of the training images are stored: the kind of the artifact, the data set in it."""


def shard_files(folder: Path, shards: Sequence[str]) -> list[Path]:
    """The shards of one set of labels."""
    return [folder / f"shard_{shard}.h5" for shard in shards]


def find_shards(folder: Path) -> list[Path]:
    """The shards that a folder holds, in the order of their numbers."""
    numbered = {path.stem.removeprefix("shard_"): path for path in folder.glob("shard_*.h5")}
    names = sorted(numbered, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name))
    return [numbered[name] for name in names]
