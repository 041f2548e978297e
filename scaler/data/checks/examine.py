"""The whole examination of one folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scaler.data.checks.annotations import annotations_in
from scaler.data.checks.facts import facts
from scaler.data.checks.folder import check_folder
from scaler.data.checks.guess import Guess, propose
from scaler.data.checks.inventory import find_samples
from scaler.data.checks.sample import SampleLook, look_at_sample
from scaler.data.checks.set import check_set
from scaler.data.checks.small import check_object_size
from scaler.data.entries import RECIPE
from scaler.data.known_sets import unusual_counts
from scaler.data.layouts import folder_name
from scaler.errors import SEVERITIES, Fault, Faults, printable
from scaler.params import PrepareDataParams
from scaler.progress import progress


@dataclass
class Examination:
    """What was found in a data set.

    Attributes:
        faults: errors, warnings and notes; `faults.source` is the folder.
        facts: see `scaler.data.checks.facts.facts`; plain values for JSON. Empty for a generated data set.
        looks: what is known of each sample.
        guess: the settings if none were given.
    """

    faults: Faults
    facts: dict[str, Any] = field(default_factory=dict)
    looks: list[SampleLook] = field(default_factory=list)
    guess: Guess | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values with stable keys: source, counts, facts, findings, params (a block, if it was guessed)."""
        return {
            "source": printable(str(self.faults.source)),
            "counts": {severity: len(self.faults.of(severity)) for severity in SEVERITIES},
            "facts": self.facts,
            "findings": [self._plain(item) for item in self.faults.items],
            "params": None if self.guess is None else "\n".join(self.guess.block()),
        }

    def _plain(self, item: Fault) -> dict[str, Any]:
        return {
            "severity": item.severity,
            "kind": item.kind,
            "files": [printable(str(name)) for name in item.relative_to(self.faults.source).files],
            "reason": printable(item.reason),
            "remedy": printable(item.remedy),
        }


def examine(source: Path, params: PrepareDataParams | None, *, quick: bool = False, seed: int = 0) -> Examination:
    """Look at every file of a data set and collect all that is wrong or unusual.

    Args:
        source: the folder; in a generated data set (it holds `recipe.yaml`) there is nothing to find.
        params: the block `prepare_data` (its `source` is not read), or None: see `scaler.data.checks.guess.propose`.
        quick: do not search for duplicates.
        seed: of the run, which decides the validation images if they are drawn.

    Returns:
        Bad data raise nothing; `faults.raise_if_errors` does.
    """
    faults = Faults(source)
    if (source / RECIPE).is_file():
        return Examination(faults)
    guess = propose(source) if params is None else None
    rules = params if guess is None else guess.params
    assert rules is not None
    samples = find_samples(source, rules, faults, seed, guessed=params is None)
    check_folder(source, rules, samples, faults)
    faults.add(*unusual_counts(source, rules, samples))
    looks = []
    with progress(len(samples), "checking", unit="image") as bar:
        for sample in samples:
            looks.append(look_at_sample(sample, rules, not quick, faults))
            bar.update()
    check_set(looks, faults)
    _check_foreground(looks, rules, faults)
    check_object_size([look.mask for look in looks if look.mask is not None], rules, faults)
    if guess is not None and not guess.masks:
        _explain(guess, faults)
    return Examination(faults, facts(looks, rules, params is None, quick), looks, guess)


def _explain(guess: Guess, faults: Faults) -> None:
    """What to do with a folder in which no mask was found; what follows from that is not repeated."""
    found = annotations_in(faults.source)
    follows = {"mask_missing"} | ({"no_labels"} if found else set())
    faults.items = [item for item in faults.items if item.kind not in follows]
    if not guess.images and faults.source.is_dir():
        faults.items.clear()
    if not guess.images and faults.source.is_dir() and not found:
        remedy = "give the folder that holds the images, and unpack archives"
        faults.add(Fault("no_images", (faults.source,), "no image here or in the sub-folders", remedy))
    faults.add(*found)


def _check_foreground(looks: list[SampleLook], params: PrepareDataParams, faults: Faults) -> None:
    """All masks are empty: nothing can be learnt from them."""
    masks = [look.mask for look in looks if look.sample.split == "train" and look.mask is not None]
    has_marks = any(look.marks is not None for look in looks)
    if len(masks) > 1 and not has_marks and all(mask.share == 0.0 for mask in masks):
        folder = faults.source / folder_name(params, "masks") if params.layout == "general" else faults.source
        remedy = "export them again; the value of the object was probably lost"
        faults.add(Fault("no_foreground", (folder,), f"all {len(masks)} training masks are empty", remedy))
