"""`python -m scaler inspect`: the inspection page, baked into a folder or served."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scaler.pages.inspection.content import Content

TILE = 192
DESCRIPTION = """\
Every image, every round: what teacher and SAM said, how it was weighted, and what became of it. The page is a folder
that opens by double click; with --serve nothing is written and the pictures come from the artifacts as they are needed.

  python -m scaler inspect results
  python -m scaler inspect results --out /tmp/page --tile 352
  python -m scaler inspect results ../other_checkout/results --serve
"""


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "inspect",
        help="a page to look at every image's pseudo-labels, round by round",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("results", metavar="RESULTS", type=Path, help="folder of a run's results")
    add("other", metavar="OTHER_RESULTS", type=Path, nargs="?", help="results of another run, to be compared")
    add("--out", metavar="DIR", type=Path, default=Path("inspection"), help="where the page goes (default: inspection)")
    add("--serve", action="store_true", help="serve the page on 127.0.0.1 instead of writing it")
    add("--port", metavar="N", type=_port, default=0, help="port for --serve (default: a free one)")
    add("--tile", metavar="N", type=_side, default=TILE, help=f"side of the pictures in pixels (default: {TILE})")
    parser.set_defaults(run=inspect)


def inspect(arguments: argparse.Namespace) -> None:
    """Measure, then bake or serve.

    Raises:
        ScalerError: artifacts are missing or damaged, or the page cannot be written or served.
    """
    from scaler.pages.inspection.bake import data_names, refuse_foreign, write_page
    from scaler.progress import progress

    out = arguments.out
    if not arguments.serve:
        refuse_foreign(out.resolve())  # before minutes are spent
    contents = _measured([folder for folder in (arguments.results, arguments.other) if folder], arguments.tile)
    if arguments.serve:
        _serve(contents, arguments.port)
        return
    with progress(len(data_names(contents)), "writing", unit="file") as bar:
        write_page(contents, out, bar.update)
    print(f"{out / 'index.html'}: open it in a browser")


def _measured(folders: Sequence[Path], tile: int) -> list[Content]:
    """Runs with their tables; what they lack is said."""
    from scaler.pages.inspection.content import Content
    from scaler.pages.inspection.run import Run
    from scaler.progress import progress

    contents = []
    for run in [Run(folder) for folder in folders]:
        for stop in run.stops:
            for sentence in stop.missing():
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


def _side(text: str) -> int:
    return _number(text, 32, 8192, "pixels")


def _port(text: str) -> int:
    return _number(text, 0, 65535, "as a port (0: any free one)")


def _number(text: str, low: int, high: int, what: str) -> int:
    if not (text.isdecimal() and low <= int(text) <= high):
        raise argparse.ArgumentTypeError(f"got {text!r}, expected {low} to {high} {what}")
    return int(text)
