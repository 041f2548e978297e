"""`python -m scaler`: the commands around the pipeline."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from scaler.errors import ScalerError

COMMANDS = (  # modules with an `add_parser`; they import nothing heavy at the top
    "scaler.pipeline.presets",
    "scaler.cli.check",
    "scaler.cli.split",
    "scaler.cli.weights",
    "scaler.cli.predict",
    "scaler.cli.evaluate",
    "scaler.cli.exchange",
    "scaler.cli.inspect",
    "scaler.cli.show",
)


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(prog="python -m scaler", description="SCALER: the commands around the pipeline.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        import_module(name).add_parser(commands)
    return parser


def main() -> None:
    """Read the command line; errors of the user's exit with 1 and one message, wrong usage with 2."""
    arguments = build_parser().parse_args()
    try:
        sys.exit(arguments.run(arguments))
    except ScalerError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
