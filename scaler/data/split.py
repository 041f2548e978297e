"""Which image belongs to which split, and which training images are labelled."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from difflib import get_close_matches
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path, PurePosixPath

from scaler.data.groups import members
from scaler.data.layouts import AUTO, SPLITS, Split
from scaler.errors import Fault, Faults, ScalerError
from scaler.params import PrepareDataParams
from scaler.randomness import generator

DRAWS = 200  # of groups of different sizes, until their images are as many as wanted

__all__ = ["SPLITS", "Split", "assign_splits", "choose", "draw_splits", "read_id_list", "rounded_share"]


def assign_splits(
    ids: Collection[str],
    roles: Mapping[str, Split],
    params: PrepareDataParams,
    root: Path,
    faults: Faults,
) -> dict[Split, list[str]]:
    """The image ids of each split, sorted.

    A rule is a pattern on the whole id (`*` also matches "/"), the name of a text file (.txt) in `root` with one id per
    line, or "auto": the ids of that role. A rule that is None leaves its split empty. Validation images may be test
    images if `params.paper_protocol` is set.

    `faults` gets errors of the kinds "train_matches_nothing" (or val, test), "list_...", "split_overlap", and a note
    "split_left_out" with the ids that no rule names.
    """
    assigned: dict[str, Split] = {}
    splits: dict[Split, list[str]] = {split: [] for split in SPLITS}
    for split in SPLITS:
        rule: str | None = getattr(params, split)
        for name in [] if rule is None else _matching(rule, split, ids, roles, root, faults):
            other = assigned.get(name)
            if other is None or (params.paper_protocol and (other, split) == ("val", "test")):
                assigned[name] = split
                splits[split].append(name)
            else:
                either = ", or set prepare_data.paper_protocol: true" if (other, split) == ("val", "test") else ""
                reason = f"in two splits, {other} ({getattr(params, other)!r}) and {split} ({rule!r})"
                remedy = f"narrow prepare_data.{other} or prepare_data.{split}{either}"
                faults.add(Fault("split_overlap", (name,), reason, remedy, ids=(name,)))
    left_out = sorted(set(ids) - assigned.keys())
    if left_out:
        reason = f"{len(left_out)} of {len(ids)} images belong to no split and are left out, first {left_out[0]!r}"
        remedy = "change prepare_data.train, val or test if you want to use them"
        faults.add(Fault("split_left_out", (), reason, remedy, "note"))
    return {split: sorted(names) for split, names in splits.items()}


def choose(
    ids: Sequence[str],
    mask_shares: Sequence[float],
    fraction: float,
    seed: int,
    *,
    purpose: str = "labelled",
    groups: Mapping[str, str] | None = None,
) -> set[str]:
    """Draw a share of the images, spread evenly over sizes of the object, whole groups only.

    The groups (an image without group is one) are sorted by their mean foreground share and cut into as many bins of
    equal count (quantiles) as there are groups to choose; one is drawn from each. Where groups differ in size, of
    `DRAWS` such draws the first that comes nearest to the wanted number of images is taken. The order of `ids` has no
    influence.

    Args:
        ids: images to choose from, those with a mask, at least one.
        mask_shares: their shares of foreground pixels, in [0, 1].
        fraction: in (0, 1]; see `rounded_share`.
        seed: same seed, same choice.
        purpose: "labelled" or "val"; draws for different purposes are independent.
        groups: group by id, of those ids that have one.
    """
    share_of = dict(zip(ids, mask_shares, strict=True))
    units = members(ids, groups or {})
    ranked = sorted(units, key=lambda unit: (sum(share_of[name] for name in unit) / len(unit), unit))
    count = rounded_share(len(ranked), fraction)
    edges = [len(ranked) * k // count for k in range(count + 1)]
    rng = generator(seed, purpose)
    wanted = rounded_share(len(ids), fraction)
    best: list[str] = []
    for _ in range(DRAWS):
        drawn = [name for low, high in pairwise(edges) for name in ranked[int(rng.integers(low, high))]]
        if not best or abs(len(drawn) - wanted) < abs(len(best) - wanted):
            best = drawn
        if len(best) == wanted:
            break
    return set(best)


def rounded_share(count: int, fraction: float) -> int:
    """count * fraction, rounded half up, but at least 1: 1/8 of 4,040 is 505, 1/16 (252.5) is 253."""
    exact = count * Decimal(str(fraction))  # as typed: 0.29 of 50 is 14.5, not 14.499...
    return max(1, int(exact.to_integral_value(ROUND_HALF_UP)))


def read_id_list(root: Path, name: str, key: str, known: Collection[str]) -> list[str]:
    """The ids of a text file, one per line; empty lines are skipped.

    Args:
        root: the source folder; the list must be in it, so that a changed list is noticed like a changed image.
        name: of the file, relative to `root`.
        key: of `params.yaml` that names the file, for messages.
        known: ids that may be listed.

    Raises:
        ScalerError: outside `root`, missing, not UTF-8, empty, or with unknown ids.
    """
    path = root / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        reason = f"{key}: the list must be inside {root}, so that changes to it are noticed"
        raise ScalerError(Fault("list_outside", (name,), reason, "move it there"))
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = f"{key}: not a readable text file ({getattr(error, 'strerror', None) or error})"
        raise ScalerError(Fault("list_unreadable", (path,), reason, "write one image id per line")) from None
    listed = [_id_of(line.strip(), known) for line in lines if line.strip()]
    unknown = [line for line in listed if line not in known]
    if unknown:
        close = get_close_matches(unknown[0], known, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        reason = (
            f"{key}: {len(unknown)} of {len(listed)} lines name no image that can be listed, first {unknown[0]!r}{hint}"
        )
        remedy = "write the path of each image without its suffix"
        raise ScalerError(Fault("list_unknown", (path,), reason, remedy))
    if not listed:
        raise ScalerError(Fault("list_empty", (path,), f"{key}: the list is empty", "write one image id per line"))
    return list(dict.fromkeys(listed))


def _id_of(line: str, known: Collection[str]) -> str:
    """The id that a line means: ids are also found with a suffix, a folder before them, or backslashes."""
    path = PurePosixPath(line.replace("\\", "/"))
    if not path.name:
        return line
    stem = path.with_suffix("")
    below = [PurePosixPath(*item.parts[1:]) for item in (path, stem) if len(item.parts) > 1]
    candidates = (line, *(item.as_posix() for item in (path, stem, *below)))
    return next((item for item in candidates if item in known), line)


def _matching(
    rule: str,
    split: Split,
    ids: Collection[str],
    roles: Mapping[str, Split],
    root: Path,
    faults: Faults,
) -> list[str]:
    key = f"prepare_data.{split}"
    if rule.endswith(".txt"):
        with faults.collect():
            return read_id_list(root, rule, key, ids)
        return []
    if rule == AUTO:
        found = [name for name in ids if roles.get(name) == split]
        remedy = "write a pattern or the name of a text file (.txt) of ids"
        if split == "val":
            remedy += ", or set val: null and val_fraction: 0.1"
    else:
        found = [name for name in ids if fnmatchcase(name, rule)]
        remedy = "correct the pattern, or name a text file (.txt) of ids"
    if not found:
        examples = ", ".join(repr(name) for name in sorted(ids)[:3])
        what = "auto finds no such folder or name among" if rule == AUTO else f"the pattern {rule!r} matches none of"
        reason = f"{key}: {what} the {len(ids)} image ids, such as {examples}"
        faults.add(Fault(f"{split}_matches_nothing", (), reason, remedy))
    return found


def draw_splits(
    splits: dict[Split, list[str]],
    shares: Mapping[str, float],
    groups: Mapping[str, str],
    params: PrepareDataParams,
    root: Path,
    seed: int,
    faults: Faults,
) -> None:
    """Move `params.test_fraction` and `params.val_fraction` of the training images that have a mask, whole groups.

    Groups with an image without mask, or on the labelled list, stay in training.

    Args:
        splits: changed in place.
        shares: foreground share of the training images that have a mask.
        groups: by id.
        params: both fractions and `labelled_list` are read.
        root: where the list is.
        seed: decides the draws.
        faults: gets an error if nothing can be drawn, or a note with how many were.
    """
    kept = set(_listed(params, root, splits["train"]))
    drawn: set[str] = set()
    fractions: tuple[tuple[Split, float | None], ...] = (("test", params.test_fraction), ("val", params.val_fraction))
    units = members(splits["train"], groups)
    free = [unit for unit in units if all(name in shares and name not in kept for name in unit)]
    for split, fraction in fractions:
        purpose = "validation" if split == "val" else "test"
        rest = [unit for unit in free if unit[0] not in drawn]
        ids = [name for unit in free for name in unit]
        if fraction is None:
            continue
        if len(rest) < 2:
            reason = (
                f"prepare_data.{split}_fraction: {purpose} images need masks, and only {len(rest)} training images (or "
                "whole groups of them) can be spared"
            )
            remedy = f"add masks, or name {purpose} images by prepare_data.{split}"
            faults.add(Fault(f"{split}_not_drawn", (), reason, remedy))
            continue
        left = [name for unit in rest for name in unit]
        share = fraction if not drawn else min(1.0, fraction * len(ids) / len(left))  # of all
        chosen = choose(left, [shares[name] for name in left], share, seed, purpose=split, groups=groups)
        splits[split] = sorted(chosen)
        drawn |= chosen
        reason = f"{len(chosen)} of {len(ids)} training images with mask are drawn for {purpose} (seed {seed})"
        faults.add(Fault(f"{split}_drawn", (), reason, severity="note"))
    splits["train"] = [name for name in splits["train"] if name not in drawn]


def _listed(params: PrepareDataParams, root: Path, training: Sequence[str]) -> list[str]:
    if params.labelled_list is None or params.supervision != "semi":
        return []
    try:
        return read_id_list(root, params.labelled_list, "prepare_data.labelled_list", training)
    except ScalerError:
        return []  # reported where the labelled images are chosen
