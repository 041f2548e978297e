"""What only shows when all samples are compared: copies, leaks between splits, masks used twice."""

from __future__ import annotations

from collections import defaultdict

from scaler.data.checks.duplicates import Pair, find_pairs
from scaler.data.checks.looks import ImageLook
from scaler.data.checks.sample import SampleLook
from scaler.data.folder import Sample
from scaler.errors import Fault, Faults, Severity


def check_set(looks: list[SampleLook], faults: Faults) -> None:
    """Duplicates within and between splits, one mask for several images."""
    hashed = [(look.sample, look.image) for look in looks if look.image is not None]
    copies = _check_copies(hashed, faults)
    _check_masks(looks, copies, faults)


def _check_copies(hashed: list[tuple[Sample, ImageLook]], faults: Faults) -> set[frozenset[str]]:
    prints = [look.print for _, look in hashed if look.print is not None]
    if len(prints) < len(hashed):
        return set()  # a quick look computes no fingerprints
    flat = {item.id for item, look in hashed if look.flat}
    copies: set[frozenset[str]] = set()
    reported: set[tuple[str, bool]] = set()
    for pair in find_pairs(prints):
        one, other = hashed[pair.first][0], hashed[pair.second][0]
        if {one.id, other.id} <= flat:
            continue  # each of them is reported as blank
        copies.add(frozenset((one.id, other.id)))
        between = one.split != other.split
        if (other.id, between) not in reported:  # once per image: a video's frames are all alike
            faults.add(_copy(pair, one, other))
        reported.add((other.id, between))
    return copies


def _copy(pair: Pair, one: Sample, other: Sample) -> Fault:
    between = one.split != other.split
    kind = ("duplicate" if pair.exact else "near_duplicate") + ("_between_splits" if between else "")
    likeness = "the same picture" if pair.exact else "nearly the same picture"
    if between:
        judged = next(split for split in ("test", "val") if split in (one.split, other.split))
        rest = other.split if one.split == judged else one.split
        reason = f"{likeness} in two splits, {one.split} and {other.split}: results on {judged} would be too good"
        remedy = f"remove it from {rest}"
    else:
        reason, remedy = f"{likeness} twice in {one.split}: it counts double", "remove one of them"
    severity: Severity = "warning" if pair.exact or between else "note"
    return Fault(kind, (one.image, other.image), reason, remedy, severity, (one.id, other.id))


def _check_masks(looks: list[SampleLook], copies: set[frozenset[str]], faults: Faults) -> None:
    same: dict[str, list[Sample]] = defaultdict(list)
    for look in looks:
        if look.mask is not None and 0.0 < look.mask.share < 1.0 and look.mask.components:
            same[look.mask.pixels].append(look.sample)
    for samples in same.values():
        first, *others = samples
        strangers = [item for item in others if frozenset((first.id, item.id)) not in copies]
        if strangers:
            alike = (first, *strangers)
            files = tuple(item.mask for item in alike if item.mask is not None)
            reason = "the same mask, pixel for pixel, for different images"
            remedy = "check whether a file was copied or paired wrongly; images of a still camera are fine"
            ids = tuple(item.id for item in alike)
            faults.add(Fault("mask_repeated", files, reason, remedy, "warning", ids))
