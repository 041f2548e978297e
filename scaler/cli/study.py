"""`python -m scaler study`: a grid of recipes, kinds of labels and seeds, and its tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaler.errors import ScalerError


def study(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Which study of workflow/studies.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of rows and tables; default docs/results/studies/NAME.")
    ] = None,
    seed: Annotated[
        list[int] | None, typer.Option(help="Compute these seeds only; may be given several times.")
    ] = None,
    recipe: Annotated[list[str] | None, typer.Option(help="Compute these recipes only; likewise.")] = None,
    supervision: Annotated[list[str] | None, typer.Option(help="Compute these kinds of labels only; likewise.")] = None,
    tables: Annotated[
        bool, typer.Option("--tables", help="Compute nothing: write the tables of the rows so far.")
    ] = False,
    renew: Annotated[bool, typer.Option("--renew", help="Compute cells again whose values have changed.")] = False,
) -> None:
    """Run a study: each recipe with each kind of labels and each seed; then write its tables.

    Rows are added to rows.csv as they come; a cell that has rows is never computed again, so a study that was
    interrupted goes on where it stopped. Without NAME, list the studies.
    """
    from scaler.pages.comparison import write_tables
    from scaler.pipeline.grid import cells, load_study, study_names
    from scaler.pipeline.study import clear_work, read_rows, run_missing, split_rows

    if name is None:
        print("\n".join(study_names()))
        return
    grid = load_study(name)
    whole, folder = cells(grid), out or Path("docs/results/studies", name)
    chosen = [
        cell
        for cell in whole
        if (not seed or cell.seed in seed)
        and (not recipe or cell.recipe in recipe)
        and (not supervision or cell.supervision in supervision)
    ]
    if not chosen:
        raise ScalerError(
            f"study {name}: no such cell; it has the seeds {', '.join(map(str, grid.seeds))}, the kinds of labels "
            f"{', '.join(grid.supervision)} and the recipes {', '.join(grid.recipes)}."
        )
    table = folder / "rows.csv"
    _, outdated = split_rows(read_rows(table), chosen)
    if outdated and not (renew or tables):
        changed = sorted({f"{row['recipe']}, {row['supervision']}, seed {row['seed']}" for row in outdated})
        raise ScalerError(
            f"{table}: these cells were computed with other values than params.yaml, their recipe and the study have "
            f"now: {'; '.join(changed)}. --renew computes them again in place of their rows; --tables leaves them out."
        )
    failed = [] if tables else run_missing(name, grid, chosen, table).failed
    rows, outdated = split_rows(read_rows(table), whole)
    present = {(row["recipe"], row["supervision"], row["seed"]) for row in rows}
    if len(present) == len(whole):
        clear_work(name)
    for path in write_tables(folder, grid, rows, len(whole)):
        print(path)
    print(f"{len(present)} of {len(whole)} cells have rows")
    if failed:
        raise typer.Exit(1)
