"""What only shows when all samples are seen together: copies, leaks, groups cut in two, masks used twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from scaler.data.checks.duplicates import Pair, find_pairs
from scaler.data.checks.findings import Findings, Severity
from scaler.data.checks.inventory import Item, relative
from scaler.data.checks.looks import ImageLook
from scaler.data.checks.record import Record


def check_set(records: list[Record], findings: Findings) -> None:
    """Duplicates within and between splits, groups in several splits, one mask for several images."""
    check_groups([record.item for record in records], findings)
    hashed = [(record.item, record.image) for record in records if record.image is not None]
    copies = _check_copies(hashed, findings)
    _check_masks(records, copies, findings)


def check_groups(items: Sequence[Item], findings: Findings) -> None:
    """A group (patient, video, tile) that lies in several splits."""
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        if item.group is not None:
            groups[item.group].append(item)
    for name, members in groups.items():
        splits = sorted({item.split for item in members})
        if len(splits) > 1:
            findings.add(
                "warning",
                "group_cut",
                [relative(item.image, findings.source) for item in members],
                f"the group {name!r} is in several splits: {', '.join(splits)}",
                "put all of it into one split: pictures of one group are too much alike for an honest test",
            )


def _check_copies(hashed: list[tuple[Item, ImageLook]], findings: Findings) -> set[frozenset[str]]:
    prints = [look.print for _, look in hashed if look.print is not None]
    if len(prints) < len(hashed):
        return set()  # a quick look takes no prints
    flat = {item.id for item, look in hashed if look.flat}
    copies: set[frozenset[str]] = set()
    told: set[tuple[str, bool]] = set()
    for pair in find_pairs(prints):
        one, other = hashed[pair.first][0], hashed[pair.second][0]
        if {one.id, other.id} <= flat:
            continue  # each of them is told as blank
        copies.add(frozenset((one.id, other.id)))
        between = one.split != other.split
        if (other.id, between) not in told:  # one line per image: a video's frames are all alike
            _tell_pair(pair, one, other, findings)
        told.add((other.id, between))
    return copies


def _tell_pair(pair: Pair, one: Item, other: Item, findings: Findings) -> None:
    between = one.split != other.split
    kind = ("duplicate" if pair.exact else "near_duplicate") + ("_between_splits" if between else "")
    likeness = "the same picture" if pair.exact else "nearly the same picture"
    if between:
        judged = next(split for split in ("test", "val") if split in (one.split, other.split))
        rest = other.split if one.split == judged else one.split
        reason = f"{likeness} in two splits, {one.split} and {other.split}: figures on {judged} would flatter"
        cure = f"remove it from {rest}"
    else:
        reason, cure = f"{likeness} twice in {one.split}: it counts double", "remove one of them"
    files = [relative(item.image, findings.source) for item in (one, other)]
    severity: Severity = "warning" if pair.exact or between else "note"
    findings.add(severity, kind, files, reason, cure, [one.id, other.id])


def _check_masks(records: list[Record], copies: set[frozenset[str]], findings: Findings) -> None:
    same: dict[str, list[Item]] = defaultdict(list)
    for record in records:
        if record.mask is not None and 0.0 < record.mask.share < 1.0 and record.mask.components:
            same[record.mask.pixels].append(record.item)
    for items in same.values():
        first, *others = items
        strangers = [item for item in others if frozenset((first.id, item.id)) not in copies]
        if strangers:
            findings.add(
                "warning",
                "mask_repeated",
                [relative(item.mask, findings.source) for item in (first, *strangers) if item.mask is not None],
                "the same mask, pixel for pixel, for different images",
                "look whether a file was copied or paired wrongly; pictures of a still camera are fine",
                [first.id, *(item.id for item in strangers)],
            )
