"""The field's sets, as the papers count them, and what a wrong count usually comes from."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scaler.data.folder import Sample
from scaler.data.layouts import role_of_path
from scaler.data.split import read_id_list, rounded_share
from scaler.errors import Fault, ScalerError
from scaler.params import PrepareDataParams

FRACTIONS = {"1/8": 0.125, "1/16": 0.0625}
NEAR = 2  # a list of labelled images this far from a known fraction was probably rounded otherwise


@dataclass(frozen=True)
class Known:
    """One part of a set.

    Attributes:
        task: which experiments it belongs to.
        name: as the papers write it.
        role: "train" or "test".
        count: of its images.
        aliases: names of folders, in small letters and digits only.
        mistakes: other counts that are met, and what they come from.
        fewer: what any smaller count without a line of its own looks like.
    """

    task: str
    name: str
    role: str
    count: int
    aliases: tuple[str, ...]
    mistakes: Mapping[int, str] = field(default_factory=dict)
    fewer: str = ""


LIST = "the {} with masks: prepare_data.train names all training images, labelled_list those with masks"
KNOWN = (
    Known(
        "COD", "the training set of COD", "train", 4040, (),
        {
            3040: "COD10K's part alone; CAMO's 1,000 training images are missing",
            1000: "CAMO's part alone; COD10K's 3,040 training images are missing",
            6000: "COD10K with its 2,960 non-camouflaged training images, and without CAMO",
            7000: "COD10K with its 2,960 non-camouflaged training images; the papers leave them out",
            4290: "CAMO in full: its 250 test images are among the training images",
            505: LIST.format("1/8"),
            253: LIST.format("1/16"),
        },
    ),
    Known("COD", "COD10K", "train", 3040, ("cod10k", "cod10kv3", "cod10kcam"),
          {6000: "COD10K with its 2,960 non-camouflaged training images", 5066: "all its camouflaged images"}),
    Known("COD", "CAMO", "train", 1000, ("camo", "camov10", "camococo"),
          {1250: "CAMO in full: its 250 test images are among them"}),
    Known("COD", "CHAMELEON", "test", 76, ("chameleon",)),
    Known("COD", "CAMO", "test", 250, ("camo", "camov10", "camococo"),
          {1250: "CAMO in full: 1,000 of these are training images", 1000: "CAMO's training images",
           500: "CAMO with 250 non-camouflaged images (CAMO-COCO)"}),
    Known("COD", "COD10K", "test", 2026, ("cod10k", "cod10kv3", "cod10kcam"),
          {4000: "COD10K with its 1,974 non-camouflaged test images, whose masks are empty",
           5066: "all its camouflaged images: 3,040 of these are training images",
           10000: "COD10K in full, training and non-camouflaged images included", 3040: "COD10K's training images"}),
    Known("COD", "NC4K", "test", 4121, ("nc4k",), fewer="a re-split NC4K: some papers take a part of it for training"),
    Known("PIS", "the training set of polyps", "train", 1450, (),
          {900: "Kvasir's part alone; CVC-ClinicDB's 550 are missing", 550: "CVC-ClinicDB's part alone; Kvasir's 900 "
           "are missing", 1612: "both sets in full: their 162 test images are among them",
           181: LIST.format("1/8"), 91: LIST.format("1/16")}),
    Known("PIS", "CVC-300", "test", 60, ("cvc300", "cvct", "endoscene"),
          {300: "the whole of CVC-300; the papers take the 60 images of CVC-T", 912: "EndoScene in full"}),
    Known("PIS", "CVC-ClinicDB", "test", 62, ("cvcclinicdb", "clinicdb", "cvc612"),
          {612: "CVC-ClinicDB in full: 550 of these are training images", 550: "CVC-ClinicDB's training images"}),
    Known("PIS", "CVC-ColonDB", "test", 380, ("cvccolondb", "colondb"),
          {300: "the older release with 300 images"}),
    Known("PIS", "ETIS-LaribPolypDB", "test", 196, ("etislaribpolypdb", "etis", "etislarib")),
    Known("PIS", "Kvasir", "test", 100, ("kvasir", "kvasirseg"),
          {1000: "Kvasir in full: 900 of these are training images", 900: "Kvasir's training images"}),
    Known("TOD", "GDD", "train", 2980, ("gdd",), {3916: "training and test images together"}),
    Known("TOD", "GDD", "test", 936, ("gdd",), {3916: "training and test images together"}),
    Known("TOD", "GSD", "test", 810, ("gsd",), {813: "a mirror of GSD, which holds three images more"}),
    Known("MTOS", "DRIVE", "train", 20, ("drive",), {40: "training and test images together"}),
    Known("MTOS", "DRIVE", "test", 20, ("drive",), {40: "training and test images together"}),
    Known("SOD", "DUTS-TR", "train", 10553, ("dutstr",), {15572: "DUTS-TR and DUTS-TE together"}),
    Known("SOD", "DUTS-TE", "test", 5019, ("dutste",), {15572: "DUTS-TR and DUTS-TE together"}),
    Known("SOD", "ECSSD", "test", 1000, ("ecssd",)),
    Known("SOD", "PASCAL-S", "test", 850, ("pascals",)),
    Known("SOD", "HKU-IS", "test", 4447, ("hkuis",)),
    Known("SOD", "DUT-OMRON", "test", 5168, ("dutomron", "dutomronimage"), {5172: "the first release"}),
)  # fmt: skip
TASK_OF_LAYOUT = {"cod": "COD", "pranet": "PIS", "gdd": "TOD", "drive": "MTOS", "sod": "SOD"}


def unusual_counts(source: Path, params: PrepareDataParams, samples: Sequence[Sample]) -> list[Fault]:
    """A warning for each set that is recognised by its name and has another number of images than in the papers.

    A training set without a name of its own counts as the task's if the layout is the task's and a known test set
    stands beside it; a set that only names its split takes the name of the source folder. Validation images that were
    drawn from the training images count as training images.
    """
    counts: dict[tuple[str, str], set[str]] = defaultdict(set)
    for sample in samples:
        role: str = role_of_path(params.layout, sample.id) or ("test" if sample.split == "test" else "train")
        counts[sample.set, role].add(sample.id)
    task = TASK_OF_LAYOUT.get(params.layout, "")
    has_known = any(_named(name, role) for name, role in counts)
    found = []
    for (name, role), ids in sorted(counts.items()):
        if name:
            known = _named(name, role)
        elif has_known:
            known = next((item for item in KNOWN if (item.task, item.role, item.aliases) == (task, role, ())), None)
        else:
            known = _named(source.resolve().name, role, task)
        if known is None:
            continue
        if len(ids) != known.count:
            found.append(_sentence(known, len(ids)))
        elif role == "train":
            found += _about_list(source, params, known, ids)
    remedy = "compare with docs/your_data.md; results are comparable only on the same images"
    return [Fault("set_count", (), sentence, remedy, "warning") for sentence in found]


def _named(name: str, role: str, task: str | None = None) -> Known | None:
    plain = re.sub(r"[^a-z0-9]", "", name.casefold())
    of_task = (item for item in KNOWN if item.role == role and task in (None, item.task))
    return next((item for item in of_task if plain in item.aliases), None)


def _sentence(known: Known, count: int) -> str:
    guess = known.mistakes.get(count, known.fewer if count < known.count else "")
    looks = f"; this looks like {guess}" if guess else ""
    return f"{known.name}: {count:,} {known.role} images, but {known.count:,} in the papers{looks}"


def _about_list(source: Path, params: PrepareDataParams, known: Known, ids: set[str]) -> list[str]:
    if params.supervision != "semi" or params.labelled_list is None:
        return []
    try:
        count = len(read_id_list(source, params.labelled_list, "prepare_data.labelled_list", ids))
    except ScalerError:
        return []  # reported where the list is used
    for name, fraction in FRACTIONS.items():
        expected = rounded_share(known.count, fraction)
        if count != expected and abs(count - expected) <= NEAR:
            return [f"{params.labelled_list}: {count} labelled images, but {name} of {known.count:,} is {expected}"]
    return []
