"""Which image belongs to which split, and which training images are labelled."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import ROUND_HALF_UP, Decimal
from difflib import get_close_matches
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import Literal

from scaler.data.problems import Problems
from scaler.errors import ScalerError
from scaler.params import PrepareDataParams
from scaler.randomness import generator

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")


def assign_splits(ids: Collection[str], params: PrepareDataParams, root: Path, problems: Problems) -> dict[str, Split]:
    """The split of each image id; ids that no rule names are absent, and told on standard output.

    A rule is a pattern on the whole id (`*` also matches "/"), or the name of a text file (.txt) in `root` with one
    id per line. A rule that matches nothing, an unknown id in a list and an id in two splits go to `problems`.
    """
    assigned: dict[str, Split] = {}
    for split in SPLITS:
        rule: str = getattr(params, split)
        for name in _matching(rule, split, ids, root, problems):
            if name in assigned:
                other = assigned[name]
                problems.add(
                    f"{name}: belongs to two splits, {other} ({getattr(params, other)!r}) and {split} ({rule!r}); "
                    f"narrow prepare_data.{other} or prepare_data.{split}."
                )
            else:
                assigned[name] = split
    left_out = sorted(set(ids) - assigned.keys())
    if left_out:
        print(f"splits: {len(left_out)} of {len(ids)} images belong to none and are left out, first {left_out[0]!r}")
    return assigned


def choose_labelled(ids: Sequence[str], mask_shares: Sequence[float], fraction: float, seed: int) -> set[str]:
    """Draw the images whose masks may be used, spread evenly over sizes of the object.

    The images are sorted by foreground share and cut into as many bins of equal count (quantiles) as there are images
    to choose; one is drawn from each. The order of `ids` has no influence.

    Args:
        ids: images that have a mask, at least one.
        mask_shares: their shares of foreground pixels, in [0, 1].
        fraction: in (0, 1]; n * fraction is rounded half up, but is at least 1 (1/8 of 4,040 is 505).
        seed: same seed, same choice.
    """
    ranked = [name for _, name in sorted(zip(mask_shares, ids, strict=True))]
    exact = len(ranked) * Decimal(str(fraction))  # as typed: 0.29 of 50 is 14.5, not 14.499...
    count = max(1, int(exact.to_integral_value(ROUND_HALF_UP)))
    edges = [len(ranked) * k // count for k in range(count + 1)]
    rng = generator(seed, "labelled")
    return {ranked[int(rng.integers(low, high))] for low, high in pairwise(edges)}


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


def _matching(rule: str, split: Split, ids: Collection[str], root: Path, problems: Problems) -> list[str]:
    key = f"prepare_data.{split}"
    if rule.endswith(".txt"):
        try:
            return read_id_list(root, rule, key, ids)
        except ScalerError as error:
            problems.add(str(error))
            return []
    found = [name for name in ids if fnmatchcase(name, rule)]
    if not found:
        seen = ", ".join(repr(name) for name in sorted(ids)[:3])
        problems.add(
            f"{key}: the pattern {rule!r} matches none of the {len(ids)} image ids, such as {seen}; "
            "mend the pattern, or name a text file (.txt) of ids."
        )
    return found
