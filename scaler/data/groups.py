"""Groups: images of one patient, video or scene, which no split may cut apart."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from scaler.data.layouts import Split
from scaler.data.problems import Problems
from scaler.params import PrepareDataParams


def groups_of(
    ids: Collection[str],
    rule: str | None,
    from_table: Mapping[str, str],
    problems: Problems,
    tell: Callable[[str], None],
) -> dict[str, str]:
    """The group of each image id; ids without one are absent, and stand for themselves.

    Args:
        ids: all image ids.
        rule: a regular expression whose first group names the group, wherever in the id it is found; None: none.
        from_table: groups that a table names; where it does, `rule` was its column.
        problems: gets an expression that matches no id.
        tell: hears how many groups there are.
    """
    if from_table or rule is None:
        found = dict(from_table)
    else:
        matches = {name: re.search(rule, name) for name in ids}
        found = {name: match[1] for name, match in matches.items() if match and match[1]}
        if not found and ids:
            problems.add(
                f"prepare_data.groups: the expression {rule!r} names a group in none of the {len(ids)} image ids, such "
                f"as {min(ids)!r}; mend it."
            )
    if found:
        alone = len(ids) - len(found)
        rest = f"; {alone} images belong to none" if alone else ""
        tell(f"groups: {len(set(found.values()))} groups of {len(found)} images{rest}")
    return found


def members(ids: Collection[str], groups: Mapping[str, str]) -> list[list[str]]:
    """The ids, group by group; an id without group is a list of its own. Sorted."""
    lists: dict[tuple[bool, str], list[str]] = defaultdict(list)
    for name in sorted(ids):
        lists[(name in groups, groups.get(name, name))].append(name)
    return list(lists.values())


def note_cuts(
    splits: Mapping[Split, Sequence[str]], groups: Mapping[str, str], params: PrepareDataParams, problems: Problems
) -> None:
    """Note each group that the user's rules put into several splits; validation and test may share one where
    `paper_protocol` lets them overlap.
    """
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for split, ids in splits.items():
        for name in ids:
            if name in groups:
                found[groups[name]].setdefault(split, name)
    for group, examples in found.items():
        if len(examples) > 1 and not (params.paper_protocol and set(examples) == {"val", "test"}):
            told = ", ".join(f"{split} ({name})" for split, name in examples.items())
            problems.add(
                f"prepare_data.groups: the group {group!r} is cut apart: {told}; put all its images into one split by "
                f"prepare_data.{', prepare_data.'.join(examples)}."
            )
