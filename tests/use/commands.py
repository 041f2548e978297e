"""The commands as a user calls them, in this process."""

from __future__ import annotations

import argparse
import sys

from scaler.cli import evaluate, predict
from scaler.errors import ScalerError
from scaler.use import export


def main(*arguments: object) -> int:
    """Exit code of `python -m scaler ARGUMENTS`; errors are printed as there."""
    parser = argparse.ArgumentParser(prog="python -m scaler")
    commands = parser.add_subparsers(dest="command", required=True)
    predict.add_parser(commands)
    evaluate.add_parser(commands)
    export.add_export_parser(commands.add_parser("export").add_subparsers(dest="what", required=True))
    parsed = parser.parse_args([str(one) for one in arguments])
    try:
        return parsed.run(parsed) or 0
    except ScalerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
