"""The command line as a user calls it, in this process."""

from __future__ import annotations

import sys

from scaler.cli.app import run
from scaler.errors import ScalerError


def call(*words: object) -> int:
    """Exit status of `python -m scaler WORDS`; an error of the user's is raised, not printed."""
    try:
        run([str(word) for word in words])
    except SystemExit as end:
        return int(end.code or 0)
    raise AssertionError("a command ends with SystemExit")


def main(*words: object) -> int:
    """The same, with errors printed as there."""
    try:
        return call(*words)
    except ScalerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
