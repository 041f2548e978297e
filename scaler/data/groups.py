"""Groups: images of one patient, video or scene, which no split may divide."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from scaler.data.layouts import Split
from scaler.errors import Fault, Faults
from scaler.params import PrepareDataParams


def groups_of(ids: Collection[str], rule: str | None, from_table: Mapping[str, str], faults: Faults) -> dict[str, str]:
    """The group of each image id; ids without a group are left out and stand for themselves.

    Args:
        ids: all image ids.
        rule: a regular expression, searched in the id, whose first parentheses hold the group's name; None: no groups.
        from_table: groups that a table names; if there are any, `rule` was the name of their column.
        faults: gets an error if the expression matches no id, and a note with the number of groups.
    """
    if from_table or rule is None:
        found = dict(from_table)
    else:
        matches = {name: re.search(rule, name) for name in ids}
        found = {name: match[1] for name, match in matches.items() if match and match[1]}
        if not found and ids:
            reason = f"prepare_data.groups: the expression {rule!r} finds no group in the {len(ids)} image ids"
            faults.add(Fault("groups_match_nothing", (), reason, f"correct it; an id is, for example, {min(ids)!r}"))
    if found:
        alone = len(ids) - len(found)
        rest = f"; {alone} images belong to none" if alone else ""
        reason = f"{len(set(found.values()))} groups of {len(found)} images{rest}"
        faults.add(Fault("groups", (), reason, severity="note"))
    return found


def members(ids: Collection[str], groups: Mapping[str, str]) -> list[list[str]]:
    """The ids, group by group; an id without a group is a list of its own. Sorted."""
    lists: dict[tuple[bool, str], list[str]] = defaultdict(list)
    for name in sorted(ids):
        lists[(name in groups, groups.get(name, name))].append(name)
    return list(lists.values())


def note_divided(
    splits: Mapping[Split, Sequence[str]], groups: Mapping[str, str], params: PrepareDataParams, faults: Faults
) -> None:
    """Add an error for each group that the rules put into several splits.

    Validation and test may share a group if `paper_protocol` lets them overlap.
    """
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for split, ids in splits.items():
        for name in ids:
            if name in groups:
                found[groups[name]].setdefault(split, name)
    for group, examples in found.items():
        if len(examples) > 1 and not (params.paper_protocol and set(examples) == {"val", "test"}):
            where = ", ".join(f"{split} ({name})" for split, name in examples.items())
            reason = f"prepare_data.groups: the group {group!r} is in several splits: {where}"
            keys = ", ".join(f"prepare_data.{split}" for split in examples)
            remedy = f"put all its images into one split by {keys}"
            faults.add(Fault("group_divided", (), reason, remedy, ids=tuple(examples.values())))
