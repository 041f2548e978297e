"""The samples of a folder as the pipeline finds them, with everything that it refuses among the faults."""

from __future__ import annotations

from pathlib import Path

from scaler.data.folder import Sample, survey
from scaler.data.split import SPLITS, read_id_list
from scaler.errors import Fault, Faults
from scaler.params import PrepareDataParams


def find_samples(
    source: Path, params: PrepareDataParams, faults: Faults, seed: int = 0, *, guessed: bool = False
) -> list[Sample]:
    """The samples, sorted by id; an image that is in validation and in test is returned once, as a test image.

    Args:
        source: the folder.
        params: the block `prepare_data`.
        faults: gets what `scaler.data.folder.survey` finds.
        seed: decides the validation images, if they are drawn.
        guessed: `params` is a guess, so split rules without images are not an error.
    """
    samples: list[Sample] = []
    found = Faults(source)
    with found.collect():
        samples = survey(source, params, found, seed)
    unwritten = {f"{split}_matches_nothing" for split in SPLITS} if guessed else set()
    faults.add(*(item for item in found.items if item.kind not in unwritten))
    both = {sample.id for sample in samples if sample.split == "val"} & {s.id for s in samples if s.split == "test"}
    if both:
        reason = f"{len(both)} validation images are test images (paper_protocol)"
        remedy = "base no choice on them, and say so with the results"
        faults.add(Fault("val_is_test", (), reason, remedy, "note"))
    samples = [sample for sample in samples if sample.split != "val" or sample.id not in both]
    if params.supervision == "semi" and params.labelled_list is not None:
        _check_list(source, params.labelled_list, samples, faults)
    return samples


def _check_list(source: Path, name: str, samples: list[Sample], faults: Faults) -> None:
    training = {sample.id: sample for sample in samples if sample.split == "train"}
    with faults.collect(kind="labelled_list"):
        ids = read_id_list(source, name, "prepare_data.labelled_list", training)
        bare = tuple(listed for listed in ids if training[listed].mask is None)
        if bare:
            reason = f"{len(bare)} listed images have no mask, first {bare[0]!r}"
            remedy = "add the mask, or take the image off the list"
            faults.add(Fault("labelled_without_mask", (source / name,), reason, remedy, ids=bare))
