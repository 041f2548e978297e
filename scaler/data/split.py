"""Which image belongs to which split, and which training images are labelled."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from difflib import get_close_matches
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path

from scaler.data.groups import members
from scaler.data.layouts import AUTO, SPLITS, Split
from scaler.data.problems import Problems
from scaler.errors import ScalerError
from scaler.params import PrepareDataParams
from scaler.randomness import generator

DRAWS = 200  # of groups of different sizes, until their images are as many as wanted

__all__ = ["SPLITS", "Split", "assign_splits", "choose", "read_id_list", "rounded_share"]


def assign_splits(
    ids: Collection[str],
    roles: Mapping[str, Split],
    params: PrepareDataParams,
    root: Path,
    problems: Problems,
    tell: Callable[[str], None] = print,
) -> dict[Split, list[str]]:
    """The image ids of each split, sorted; `tell` hears of ids that no rule names.

    A rule is a pattern on the whole id (`*` also matches "/"), the name of a text file (.txt) in `root` with one id per
    line, or "auto": the ids of that role. `params.val` None leaves that split empty. A rule that matches nothing, an
    unknown id in a list and an id in two splits go to `problems`; validation images may be test images where
    `params.paper_protocol` says so.
    """
    assigned: dict[str, Split] = {}
    splits: dict[Split, list[str]] = {split: [] for split in SPLITS}
    for split in SPLITS:
        rule: str | None = getattr(params, split)
        for name in [] if rule is None else _matching(rule, split, ids, roles, root, problems):
            other = assigned.get(name)
            if other is None or (params.paper_protocol and (other, split) == ("val", "test")):
                assigned[name] = split
                splits[split].append(name)
            else:
                cure = ", or set prepare_data.paper_protocol: true" if (other, split) == ("val", "test") else ""
                problems.add(
                    f"{name}: belongs to two splits, {other} ({getattr(params, other)!r}) and {split} ({rule!r}); "
                    f"narrow prepare_data.{other} or prepare_data.{split}{cure}."
                )
    left_out = sorted(set(ids) - assigned.keys())
    if left_out:
        tell(f"splits: {len(left_out)} of {len(ids)} images belong to none and are left out, first {left_out[0]!r}")
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
        root: the source folder; the list must lie in it, so that a changed list is noticed like a changed image.
        name: of the file, relative to `root`.
        key: of `params.yaml` that names the file, for messages.
        known: ids that may be listed.

    Raises:
        ScalerError: outside `root`, missing, not UTF-8, empty, or with unknown ids.
    """
    path = root / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ScalerError(
            f"{key}: {name}: the list must lie inside {root}, so that changes to it are noticed; move it there."
        )
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ScalerError(f"{key}: {path}: no readable text file ({error}); expected one image id per line.") from None
    listed = [line.strip() for line in lines if line.strip()]
    unknown = [line for line in listed if line not in known]
    if unknown:
        close = get_close_matches(unknown[0], known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ScalerError(
            f"{key}: {path}: {len(unknown)} of {len(listed)} lines name no image that may be listed, "
            f"first {unknown[0]!r}.{hint} An id is the path of the image without suffix."
        )
    if not listed:
        raise ScalerError(f"{key}: {path}: the list is empty; expected one image id per line.")
    return list(dict.fromkeys(listed))


def _matching(
    rule: str,
    split: Split,
    ids: Collection[str],
    roles: Mapping[str, Split],
    root: Path,
    problems: Problems,
) -> list[str]:
    key = f"prepare_data.{split}"
    if rule.endswith(".txt"):
        try:
            return read_id_list(root, rule, key, ids)
        except ScalerError as error:
            problems.add(str(error))
            return []
    if rule == AUTO:
        found = [name for name in ids if roles.get(name) == split]
        cure = (
            "name a pattern or a text file (.txt) of ids, or for val set val: null and val_fraction: 0.1"
            if split == "val"
            else "name a pattern or a text file (.txt) of ids"
        )
    else:
        found = [name for name in ids if fnmatchcase(name, rule)]
        cure = "mend the pattern, or name a text file (.txt) of ids"
    if not found:
        seen = ", ".join(repr(name) for name in sorted(ids)[:3])
        what = "the names and folders (auto) speak of" if rule == AUTO else f"the pattern {rule!r} matches"
        problems.add(f"{key}: {what} none of the {len(ids)} image ids, such as {seen}; {cure}.")
    return found
