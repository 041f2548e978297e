"""`python -m scaler check`: look at a data set before anything is trained on it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scaler.data.checks.findings import Findings

DESCRIPTION = """\
Look at every file of a data set: what was found, how values were read, and what is wrong, with reason and cure.
Errors exit with 1; warnings and notes do not.

  python -m scaler check data/kvasir_seg --html check.html
  python -m scaler check data/kvasir_seg --params params.yaml --json
"""


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "check",
        help="find what is wrong with a data set",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("data", metavar="DATA", type=Path, help="folder of images, masks and marks")
    add("--params", metavar="FILE", type=Path, help="read folders, splits and supervision from this params.yaml")
    add("--json", action="store_true", help="print JSON instead of text")
    add("--html", metavar="FILE", type=Path, help="write a page with thumbnails of the suspicious")
    add("--quick", action="store_true", help="do not search for duplicates")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Examine, print and write; 1 if there are errors.

    Raises:
        ScalerError: the params are wrong, DATA is no folder, or the page cannot be written.
    """
    from scaler.data.checks.examine import examine_records
    from scaler.errors import ScalerError
    from scaler.params import load_params

    if not arguments.data.is_dir():
        raise ScalerError(f"{arguments.data}: no such folder; expected one with images and masks.")
    whole = None if arguments.params is None else load_params(arguments.params)
    params, seed = (None, 0) if whole is None else (whole.prepare_data, whole.seed)
    findings, records = examine_records(arguments.data, params, quick=arguments.quick, seed=seed)
    print(json.dumps(findings.as_json(), indent=2) if arguments.json else summary(findings))
    if arguments.html is not None:
        from scaler.pages.check.page import build_page
        from scaler.use.write import write_whole

        page = build_page(findings, records, params)
        write_whole(arguments.html, page.encode("utf-8"))
    return 1 if findings.of("error") else 0


def summary(findings: Findings) -> str:
    """The examination as text for a terminal."""
    from scaler.data.checks.findings import SEVERITIES, printable

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
        told = findings.lines(severity)
        if told:
            lines += ["", f"{len(findings.of(severity))} {severity}(s):", *told]
    verdict = "the data cannot be used yet" if findings.of("error") else "the data can be used"
    return "\n".join([*lines, "", verdict])
