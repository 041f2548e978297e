"""`python -m scaler`: the commands around the pipeline."""

from __future__ import annotations

import argparse
import sys

from scaler.errors import ScalerError
from scaler.presets import apply_preset, preset_names


def main() -> None:
    """Read the command line; errors of the user's exit with 1 and one message."""
    parser = argparse.ArgumentParser(prog="python -m scaler", description="SCALER: the commands around the pipeline.")
    commands = parser.add_subparsers(dest="command", required=True)
    what = "lay a preset over params.yaml"
    preset = commands.add_parser("preset", help=what, description=what)
    preset.add_argument("name", help=f"one of: {', '.join(preset_names())}")
    arguments = parser.parse_args()
    try:
        for change in apply_preset(arguments.name):
            print(change)
    except ScalerError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
