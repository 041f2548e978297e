"""`python -m scaler preset`: lay a preset over params.yaml."""

from __future__ import annotations

from typing import Annotated

import typer


def preset(name: Annotated[str | None, typer.Argument(metavar="NAME", help="Which preset.")] = None) -> None:
    """Lay a preset over params.yaml; its comments are kept.

    Without NAME, list the presets.
    """
    from scaler.pipeline.presets import apply_preset, preset_names

    for line in preset_names() if name is None else apply_preset(name):
        print(line)
