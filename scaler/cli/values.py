"""Values and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def share(given: str | float) -> float:
    """A number above 0 and at most 1, written as 0.125 or 1/8; a default comes as the number itself.

    Raises:
        typer.BadParameter: it is not.
    """
    text = str(given)
    over, slash, under = text.partition("/")
    try:
        value = float(over) / float(under) if slash else float(text)
    except (ValueError, ZeroDivisionError):
        value = -1.0
    if not 0.0 < value <= 1.0:
        raise typer.BadParameter(f"got {text!r}, expected a number above 0 and at most 1, such as 0.125 or 1/8")
    return value


def colour(text: str) -> tuple[int, int, int]:
    """RGB from a hexadecimal number such as ff0000.

    Raises:
        typer.BadParameter: it is not one.
    """
    try:
        red, green, blue = bytes.fromhex(text.removeprefix("#"))
    except ValueError:
        raise typer.BadParameter(f"got {text!r}, expected a colour such as ff0000") from None
    return red, green, blue


Trained = Annotated[Path, typer.Argument(metavar="MODEL", help="segmenter.h5, sam.h5, or an exported folder.")]
Network = Annotated[
    Literal["teacher", "student"] | None,
    typer.Option("--model", help="Which network of a segmenter.h5.", show_default="teacher"),
]
Side = Annotated[
    int | None, typer.Option("--size", metavar="S", min=1, help="Input size.", show_default="as it was trained")
]
Frozen = Annotated[
    Path | None, typer.Option("--weights", metavar="FILE", help="SAM's frozen weights, if they have moved.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
