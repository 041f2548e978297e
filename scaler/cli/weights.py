"""`python -m scaler weights list|fetch|verify|where`: the command line."""

from __future__ import annotations

import argparse


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `weights` with its four commands."""
    what = "official checkpoints: list, fetch, verify, find them"
    parser = commands.add_parser(
        "weights",
        help=what,
        description=f"{what}. They lie in one folder for all checkouts; SCALER_WEIGHTS=/path sets it.",
    )
    parser.set_defaults(run=_run)
    actions = parser.add_subparsers(dest="action", required=True)

    what = "which there are, and which are here"
    form = actions.add_parser("list", help=what, description=what).add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON, with everything known")
    form.add_argument("--markdown", action="store_true", help="the table of docs/weights.md")

    what = "download, or verify what is here, and link into the project's weights/"
    fetch = actions.add_parser("fetch", help=what, description=what)
    fetch.add_argument("names", nargs="+", metavar="NAME", help="a name from the list, or an official file name")

    what = "compute checksums and say what the files are"
    verify = actions.add_parser("verify", help=what, description=what)
    verify.add_argument("names", nargs="*", metavar="NAME|FILE", help="default: all that is in the store")

    what = "print the store's folder, or the path of one file"
    where = actions.add_parser("where", help=what, description=what)
    where.add_argument("name", nargs="?", metavar="NAME", help="a name from the list, or an official file name")


def _run(arguments: argparse.Namespace) -> int:
    from scaler.models.weights.actions import ACTIONS

    return ACTIONS[arguments.action](arguments)
