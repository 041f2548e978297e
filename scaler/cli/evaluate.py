"""`python -m scaler evaluate`: the field's metrics of predictions in files, by whatever program they were made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def evaluate(
    predictions: Annotated[
        Path, typer.Argument(metavar="PRED", help="Folder of grey maps, or of one sub-folder per test set.")
    ],
    truth: Annotated[
        Path, typer.Argument(metavar="GT", help="Folder of masks, or of the same sub-folders (masks there, or in GT/).")
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Write each image's metrics there, and the sets' to FILE.summary.csv."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    latex: Annotated[bool, typer.Option("--latex", help="Print a LaTeX table instead (booktabs).")] = False,
    stretch: Annotated[Literal["none", "per_image"], typer.Option(help="Min-max each map first.")] = "none",
    resize: Annotated[bool, typer.Option("--resize", help="Resize maps to the size of their masks.")] = False,
    size_tolerance: Annotated[
        int, typer.Option(metavar="PX", min=0, help="Resize maps that are at most PX pixels larger or smaller.")
    ] = 0,
    only: Annotated[
        str | None,
        typer.Option(metavar="PATTERN", help='Masks are only files that fit, such as "*.png".', show_default="all"),
    ] = None,
    mask_suffix: Annotated[
        str, typer.Option(metavar="TEXT", help="What the masks' names end with, such as _mask.")
    ] = "",
    mask_threshold: Annotated[
        int, typer.Option(metavar="1-255", min=1, max=255, help="Grey masks: from this value on a pixel is object.")
    ] = 128,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Score the names in common and report the others.")
    ] = False,
) -> None:
    """Score any predictions against masks.

    Files are paired by name. All metrics of the field are computed; each test set gets a row. Images that cannot be
    read are named at the end and left out of the result; the exit status is then 1.

    \b
      python -m scaler evaluate predictions TestDataset --stretch per_image --out scores.csv --latex
    """
    from scaler.artifacts.writing import write_file
    from scaler.errors import Fault, ScalerError, grouped_lines
    from scaler.progress import log, progress
    from scaler.use.pairs import MaskNames, pair_folders
    from scaler.use.scoring import ScoreOptions, score_pairs
    from scaler.use.tables import latex_table, per_image_csv, scores_json, summary_csv, terminal_table

    if as_json and latex:
        raise ScalerError("evaluate: --json and --latex are two forms of one output; choose one.")
    if out is not None and out.suffix.lower() != ".csv":
        raise ScalerError(f"--out: expected a name that ends in .csv, got {out}.")
    pairing = pair_folders(predictions, truth, MaskNames(only, mask_suffix))
    if pairing.left_out:
        lines = "\n".join(grouped_lines(pairing.left_out))
        if not allow_missing:
            remedy = "Fix them, or use --allow-missing to score the others alone."
            raise ScalerError(f"{len(pairing.left_out)} files without a partner:\n{lines}\n{remedy}")
        log.warning(f"left out, {len(pairing.left_out)} files without a partner:\n{lines}")
    options = ScoreOptions(stretch == "per_image", resize, mask_threshold, size_tolerance)
    failed: list[Fault] = []
    sets = {}
    with progress(sum(map(len, pairing.sets.values())), "evaluate", unit="image") as bar:
        for name, pairs in pairing.sets.items():
            scores = score_pairs(pairs, options, failed.append, bar.update)
            if scores is not None:
                sets[name] = scores
    for name, scores in sets.items():
        for note in scores.notes:
            log.warning(f"note: {name}: {note}")
    if out is not None and sets:
        write_file(out, per_image_csv(sets).encode())
        write_file(out.with_suffix(".summary.csv"), summary_csv(sets).encode())
    if as_json:
        print(scores_json(sets), end="")
    elif latex and sets:
        print(latex_table(sets, stretch=options.stretch), end="")
    elif sets:
        print(terminal_table(sets))
    if failed:
        head = f"{len(failed)} of {bar.total} images could not be scored and are not in the result:"
        raise ScalerError("\n".join([head, *grouped_lines(failed)]))
