"""The checks' result as text, for the terminal and for the log of the stage."""

from __future__ import annotations

from scaler.data.checks.findings import SEVERITIES, Findings, printable


def summary(findings: Findings) -> str:
    """The examination as text for a terminal."""
    lines = [f"{printable(str(findings.source))}:"]
    facts = findings.facts
    if not facts:
        lines.append("  the built-in laboratory: made by a recipe, nothing to check")
        return "\n".join(lines)
    for split, row in facts["splits"].items():
        lines.append(f"  {split}: {row['images']} images, {row['masks']} masks, {row['marks']} marks")
    sizes = facts["image_sizes"]
    if sizes["different"]:
        (w, h), (width, height) = sizes["smallest"], sizes["largest"]
        lines.append(f"  sizes: {sizes['different']} different, {w} x {h} to {width} x {height}")
    for what, read in (("masks", facts["mask_readings"]), ("marks", facts["marks_readings"])):
        lines += [f"  {what} read as {name}: {count}" for name, count in read.items()]
    if facts["foreground_share"]["quantiles"]:
        least, _, median, _, most = facts["foreground_share"]["quantiles"]
        lines.append(f"  object's share: {least:.2%} to {most:.2%}, median {median:.2%}")
        lines.append(f"  {facts['empty_masks']} empty and {facts['full_masks']} full masks")
    for severity in SEVERITIES:
        found = findings.lines(severity)
        if found:
            lines += ["", f"{len(findings.of(severity))} {severity}(s):", *found]
    verdict = "the data cannot be used yet" if findings.of("error") else "the data can be used"
    return "\n".join([*lines, "", verdict])
