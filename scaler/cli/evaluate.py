"""`python -m scaler evaluate`: the field's metrics of predictions in files, by whatever program they were made."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

DESCRIPTION = """\
Score predictions against masks, paired by name: all metrics of the field, each test set in a row of its own.

  python -m scaler evaluate predictions TestDataset --stretch per_image --out scores.csv --latex
"""


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "evaluate",
        help="score any predictions against masks",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("predictions", metavar="PRED", type=Path, help="folder of grey maps, or of one sub-folder per test set")
    add("truth", metavar="GT", type=Path, help="folder of masks, or of the same sub-folders (masks in them, or in GT/)")
    add("--out", metavar="FILE.csv", type=Path, help="write every image's metrics there, the sets' to FILE.summary.csv")
    add("--json", action="store_true", help="print JSON instead of a table")
    add("--latex", action="store_true", help="print a LaTeX table instead (booktabs)")
    add("--stretch", choices=("none", "per_image"), default="none", help="min-max each map first (default: none)")
    add("--resize", action="store_true", help="bring maps of another size to their mask's")
    add("--mask-threshold", metavar="0-254", type=_grey, help="grey masks: above this is object (default: refuse grey)")
    add("--allow-missing", action="store_true", help="score the names in common, and only say which are not")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int | None:
    """Score, print and write.

    Raises:
        ScalerError: names or sizes do not fit, a file is not readable, or both formats were asked for.
    """
    from scaler.errors import ScalerError
    from scaler.progress import progress
    from scaler.use.pairs import listed, pair_folders
    from scaler.use.scoring import score_pairs
    from scaler.use.tables import latex_table, per_image_csv, scores_json, summary_csv, terminal_table
    from scaler.use.write import write_whole

    if arguments.json and arguments.latex:
        raise ScalerError("evaluate: --json and --latex are two forms of one output; give one of them.")
    if arguments.out is not None and arguments.out.suffix.lower() != ".csv":
        raise ScalerError(f"--out: expected a name that ends in .csv, got {arguments.out}.")
    pairing = pair_folders(arguments.predictions, arguments.truth)
    if pairing.left_out and not arguments.allow_missing:
        raise ScalerError(
            f"{len(pairing.left_out)} without partner:\n{listed(pairing.left_out)}\nMend the names, or give "
            "--allow-missing to score the others alone."
        )
    if pairing.left_out:
        print(f"left out, {len(pairing.left_out)} without partner:\n{listed(pairing.left_out)}", file=sys.stderr)
    stretch = arguments.stretch == "per_image"
    failed: list[str] = []
    scored = {}
    with progress(sum(map(len, pairing.sets.values())), "evaluate", unit="image") as bar:
        for name, pairs in pairing.sets.items():
            scored[name] = score_pairs(
                pairs,
                stretch=stretch,
                resize=arguments.resize,
                mask_threshold=arguments.mask_threshold,
                fail=failed.append,
                advance=bar.update,
            )
    sets = {name: scores for name, scores in scored.items() if scores is not None}
    if failed:
        raise ScalerError(f"{len(failed)} images could not be scored, so there is no result:\n{listed(failed)}")
    for name, scores in sets.items():
        for note in scores.notes:
            print(f"note: {name}: {note}", file=sys.stderr)
    if arguments.out is not None:
        write_whole(arguments.out, per_image_csv(sets).encode())
        write_whole(arguments.out.with_suffix(".summary.csv"), summary_csv(sets).encode())
    if arguments.json:
        print(scores_json(sets), end="")
    elif arguments.latex:
        print(latex_table(sets, stretch=stretch), end="")
    else:
        print(terminal_table(sets))
    return None


def _grey(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 254:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 254, got {text}")
    return value
