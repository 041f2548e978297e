"""The command line: which commands there are, and how an error reaches a person."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import typer

from scaler.cli.check import check
from scaler.cli.evaluate import evaluate
from scaler.cli.export import exporting
from scaler.cli.imports import import_labels
from scaler.cli.inspect import inspect
from scaler.cli.predict import predict
from scaler.cli.preset import preset
from scaler.cli.pretrain import pretrain
from scaler.cli.show import show
from scaler.cli.split import split
from scaler.cli.study import study
from scaler.cli.weights import weights
from scaler.errors import ScalerError
from scaler.progress import show_messages

app = typer.Typer(
    help="The commands around the pipeline of SCALER.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for group, name in ((weights, "weights"), (exporting, "export")):
    app.add_typer(group, name=name)
app.command("import")(import_labels)
COMMANDS: tuple[Callable[..., None], ...] = (preset, study, pretrain, check, split, predict, evaluate, inspect, show)
for command in COMMANDS:
    app.command()(command)


def run(words: Sequence[str] | None = None) -> None:
    """Run one command; it ends with `SystemExit`.

    Args:
        words: the command line; None: that of this process.

    Raises:
        ScalerError: the command could not do what it was asked to.
        SystemExit: 0 if all went well, 1 if a part failed, 2 for wrong usage, 130 if interrupted.
    """
    show_messages()
    app(args=words, prog_name="python -m scaler")


def main() -> None:
    """Run the command line of this process; an error is printed as one message and exits with 1."""
    try:
        run()
    except ScalerError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
