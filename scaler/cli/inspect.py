"""`python -m scaler inspect`: the inspection page, baked into a folder or served."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from scaler.pages.inspection.content import Content


def inspect(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="Folder of a run's results.")],
    other: Annotated[
        Path | None, typer.Argument(metavar="OTHER_RESULTS", help="Results of another run, to compare with.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the page goes.")] = Path("inspection"),
    serve: Annotated[bool, typer.Option("--serve", help="Serve the page on 127.0.0.1 instead of writing it.")] = False,
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="Port for --serve.", show_default="a free one")
    ] = 0,
    tile: Annotated[int, typer.Option(metavar="N", min=32, max=8192, help="Side of the pictures in pixels.")] = 192,
) -> None:
    """Make a page that shows every image's pseudo-labels, round by round.

    It shows what teacher and SAM said, how it was weighted, and what became of it. The page is a folder that opens by
    double click; with --serve nothing is written, and pictures are read from the artifacts on demand.

    \b
      python -m scaler inspect results
      python -m scaler inspect results --out /tmp/page --tile 352
      python -m scaler inspect results ../other_checkout/results --serve
    """
    from scaler.pages.inspection.bake import data_names, refuse_foreign, write_page
    from scaler.progress import progress

    if not serve:
        refuse_foreign(out.resolve())  # before minutes are spent
    contents = _measured([folder for folder in (results, other) if folder], tile)
    if serve:
        _serve(contents, port)
        return
    with progress(len(data_names(contents)), "writing", unit="file") as bar:
        write_page(contents, out, bar.update)
    print(f"{out / 'index.html'}: open it in a browser")


def _measured(folders: Sequence[Path], tile: int) -> list[Content]:
    """Runs with their tables; what is missing is reported."""
    from scaler.artifacts.run import Run
    from scaler.pages.inspection.content import Content
    from scaler.pages.inspection.overview import missing
    from scaler.progress import progress

    contents = []
    for run in [Run(folder) for folder in folders]:
        for sentence in missing(run):
            print(f"{run.path}: {sentence}", file=sys.stderr)
        with progress(len(run.ids), f"measuring {run.path}", unit="image") as bar:
            contents.append(Content(run, tile, bar.update))
            contents[-1].value("images")
    return contents


def _serve(contents: list[Content], port: int) -> None:
    from scaler.pages.inspection.serve import make_server

    with make_server(contents, port) as server:
        # not by KeyboardInterrupt: raised in an unlucky place it is swallowed, and a shell's background jobs get none
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
        print(f"http://127.0.0.1:{server.server_port}/ (only from this machine; end with Ctrl-C)", flush=True)
        server.serve_forever()
        print("ended")
