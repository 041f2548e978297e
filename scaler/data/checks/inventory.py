"""What lies in the folder: the samples as the pipeline would find them, and all that it refuses, as findings."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from scaler.artifacts.visible import CLUTTER
from scaler.data.checks.findings import Findings
from scaler.data.folder import Sample, survey
from scaler.data.layouts import AUTO, detect
from scaler.data.problems import Problems
from scaler.data.split import SPLITS, read_id_list
from scaler.errors import ScalerError
from scaler.params import PrepareDataParams

NAMES = {
    "images": ("images", "Images", "image", "Image", "Imgs", "imgs", "img"),
    "masks": ("masks", "Masks", "mask", "Mask", "GT", "gt", "GT_Object", "labels", "annotations"),
    "marks": ("marks", "Marks", "Scribble", "scribble", "scribbles", "points"),
}
SPLIT_KEY = re.compile(r"prepare_data\.(train|val|test)")


@dataclass(frozen=True)
class Item:
    """One image as the doctor sees it: a `Sample`, with the group that no split may cut, where there are groups."""

    id: str
    split: str
    image: Path
    mask: Path | None
    marks: Path | None
    sample: Sample
    group: str | None = None


class Collected(Problems):
    """Takes every fault as a finding instead of stopping at the first twenty."""

    def __init__(self, findings: Findings, kind: str, guessed: bool = False) -> None:
        super().__init__(findings.source)
        self._findings, self._kind, self._guessed = findings, kind, guessed

    def add(self, line: str) -> None:
        """Note one fault; without params, rules of splits that nobody wrote are no fault."""
        if self._guessed and SPLIT_KEY.match(line) and "none of the" in line and " image ids, " in line:
            return
        add_refusal(self._findings, self._kind, line)

    @property
    def full(self) -> bool:
        """Never: all faults are wanted."""
        return False

    def raise_if_any(self) -> None:
        """Nothing: the findings tell."""


def add_refusal(
    findings: Findings, kind: str, message: str, ids: tuple[str, ...] = (), file: str | None = None
) -> None:
    """A message of the readers ("file: what came; what to do.") as an error, of `file` where that is known."""
    files, body = _files(message, str(findings.source))
    files = files if file is None else [file]
    reason, cure = _reason_and_cure(body)
    findings.add("error", kind, files, reason, cure, ids)


def take(source: Path, params: PrepareDataParams | None, findings: Findings, seed: int = 0) -> list[Item]:
    """The samples that could be read, sorted by id; faults of names and places go to `findings`.

    Args:
        source: the folder.
        params: which folders and splits; None guesses the folders by their usual names, and the splits where every name
            begins with one (`train/`, `train_`, `train-`, ...); else all are training images.
        findings: gets an error for each refusal of `scaler.data.folder.survey`.
        seed: decides the validation images, where they are drawn.

    Returns:
        Once per image: one that is a validation and a test image is taken as a test image.
    """
    rules = guess(source) if params is None else params
    heard: list[str] = []
    try:
        samples = survey(source, rules, Collected(findings, "folder", guessed=params is None), seed, heard.append)
    except ScalerError as error:
        add_refusal(findings, "folder", str(error))
        return []
    _name_images(samples, findings)
    for line in heard:
        if "left out" in line:
            cure = "mend prepare_data.train, val or test if this is not meant"
            findings.add("note", "split_left_out", ["."], line, cure)
        else:
            findings.add("note", "splitting", ["."], line, "nothing, if this is meant")
    both = {sample.id for sample in samples if sample.split == "val"} & {s.id for s in samples if s.split == "test"}
    if both:
        told = f"{len(both)} validation images are test images (paper_protocol)"
        cure = "choose nothing by them, and say so with the figures"
        findings.add("note", "val_is_test", ["."], told, cure)
    samples = [sample for sample in samples if sample.split != "val" or sample.id not in both]
    if params is not None and params.supervision == "semi" and params.labelled_list is not None:
        _check_list(source, params, params.labelled_list, samples, findings)
    return [Item(s.id, s.split, s.image, s.mask, s.marks, s, getattr(s, "group", None)) for s in samples]


def guess(source: Path) -> PrepareDataParams:
    """Settings for a folder without `params.yaml`: its sub-folders by their usual names."""
    found = {key: next((n for n in names if (source / n).is_dir()), names[0]) for key, names in NAMES.items()}
    images = source / found["images"]
    has_splits = _is_split_by_name(images)
    general = PrepareDataParams(
        source=str(source),
        layout="general",
        table="table.csv",
        size=352,
        supervision="points" if (source / found["marks"]).is_dir() else "semi",
        labelled_fraction=1.0,
        labelled_list=None,
        train="train[/_-]*" if has_splits else "*",
        val="val[/_-]*",
        val_fraction=None,
        test="test[/_-]*",
        groups=None,
        paper_protocol=False,
        image_suffix="auto",
        mask_suffix="auto",
        marks_suffix="auto",
        marks_convention="auto",
        points_per_class=1,
        point_radius=1,
        scribble_width=2,
        **found,
    )
    if images.is_dir() or not source.is_dir():
        return general
    layout = "csv" if (source / general.table).is_file() else detect(source, general)
    has_marks = layout == "cod" and any(source.glob("*/[Ss]cribble"))
    return (
        general
        if layout == "general"
        else general.model_copy(
            update={
                "layout": layout,
                "supervision": "scribbles" if has_marks else "semi",
                **dict.fromkeys(("train", "val", "test", "images", "masks", "marks"), AUTO),
            }
        )
    )


def _is_split_by_name(images: Path) -> bool:
    """Whether everything in the folder begins with a split's name: train/, val_1.png, test-1.png."""
    if not images.is_dir():
        return False
    names = [item.name + "/" * item.is_dir() for item in images.iterdir() if not is_clutter(item.name)]
    starts = tuple(split + mark for split in SPLITS for mark in "/_-")
    return any(name.startswith("train") for name in names) and all(name.startswith(starts) for name in names)


def is_clutter(name: str) -> bool:
    """Whether a name is hidden, or a file manager's: passed over when data are read."""
    return name.startswith(".") or name in CLUTTER


def relative(path: Path | str, source: Path | str) -> str:
    """The path below the source, with "/"."""
    return os.path.relpath(path, source).replace(os.sep, "/")


def _name_images(samples: list[Sample], findings: Findings) -> None:
    """Where the splitting speaks of an id, name the image's file."""
    images = {sample.id: relative(sample.image, findings.source) for sample in samples}
    for number, item in enumerate(findings.items):
        findings.items[number] = replace(item, files=tuple(images.get(name, name) for name in item.files))


def _check_list(source: Path, params: PrepareDataParams, name: str, samples: list[Sample], findings: Findings) -> None:
    training = {sample.id: sample for sample in samples if sample.split == "train"}
    try:
        listed = read_id_list(source, name, "prepare_data.labelled_list", training)
    except ScalerError as error:
        add_refusal(findings, "labelled_list", str(error), file=name)
        return
    bare = [listed_id for listed_id in listed if training[listed_id].mask is None]
    if bare:
        findings.add(
            "error",
            "labelled_without_mask",
            [name],
            f"{len(bare)} listed images have no mask, first {bare[0]!r}",
            "add the mask, or take the image off the list",
        )


def _files(message: str, source: str) -> tuple[list[str], str]:
    """The files a message begins with, relative to the source, and the rest of it."""
    match = SPLIT_KEY.match(message)
    if message.startswith("prepare_data."):
        return ["." if match else "params.yaml"], message
    if message[:1] in "'\"":  # a name that is no text is told quoted
        quoted, _, rest = message.partition(f"{message[0]}: ")
        return [relative(quoted[1:], source)], rest
    head, colon, rest = message.partition(": ")
    if not colon:
        return ["."], message
    names = [name for name in head.split(" and ") if name.startswith(source)]
    names = names if len(names) > 1 else [head]
    inside = all(name.startswith(source) for name in names)
    return ([relative(name, source) for name in names] if inside else [PurePosixPath(head).as_posix()]), rest


def _reason_and_cure(body: str) -> tuple[str, str]:
    """A message's two halves, cut at its last semicolon, or else after its first sentence."""
    body = body.strip().removesuffix(".")
    for mark in ("; ", ". "):
        reason, found, cure = body.rpartition(mark) if mark == "; " else body.partition(mark)
        if found:
            return reason, cure
    return body, "mend this file, or take it out of the folder"
