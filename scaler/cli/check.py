"""`python -m scaler check`: examine a data set before training on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def check(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of images, masks and marks.")],
    params: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Read folders, splits and supervision from this params.yaml."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page that shows the images in question.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Do not search for duplicates.")] = False,
    show_all: Annotated[bool, typer.Option("--all", help="List all findings, not one line per kind.")] = False,
) -> None:
    """Find what is wrong with a data set.

    Looks at every file and reports what was found, how values were read, and what is wrong, with the reason and what to
    do. Exits with 1 if there are errors; warnings and notes do not count.

    \b
      python -m scaler check data/kvasir_seg --html check.html
      python -m scaler check data/kvasir_seg --params params.yaml --json
    """
    from scaler.data.checks.examine import examine
    from scaler.data.checks.summary import summary
    from scaler.errors import ScalerError
    from scaler.params import load_params

    if not data.is_dir():
        raise ScalerError(f"{data}: no such folder; expected one with images and masks.")
    whole = None if params is None else load_params(params)
    block, seed = (None, 0) if whole is None else (whole.prepare_data, whole.seed)
    examination = examine(data, block, quick=quick, seed=seed)
    print(json.dumps(examination.as_json(), indent=2) if as_json else summary(examination, full=show_all))
    if html is not None:
        from scaler.artifacts.writing import write_file
        from scaler.pages.check import build_page

        write_file(html, build_page(examination, block).encode("utf-8"))
    if examination.faults.of("error"):
        raise typer.Exit(1)
