"""`python -m scaler pretrain`: a foundation model of one's own, from photographs and their segmentations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from scaler.errors import ScalerError

if TYPE_CHECKING:
    from scaler.models.adapted import AdaptedModel

PARAMS = """In params.yaml:
sam:
  model: {model}
  weights: {path}
  sha256: {sha256}
"""


def pretrain(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="images/ and segments/ (label maps, .mat) or masks/ (binary)."),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the weights go: a name in .safetensors.")
    ] = None,
    evaluate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL:FILE",
            help="Train nothing: print the IoU of this model by prompt. Give it several times to compare models.",
        ),
    ] = None,
    model: Annotated[Literal["lite", "nano"], typer.Option(help="Which model is trained.")] = "lite",
    only: Annotated[str, typer.Option(metavar="PATTERN", help="Use photographs of such a name alone.")] = "*",
    leave_out: Annotated[str, typer.Option(metavar="PATTERN", help="Keep photographs of such a name back.")] = "",
    encoder: Annotated[
        Path | None, typer.Option(metavar="FILE", help="lite: ImageNet weights of its encoder; see docs/weights.md.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=32, help="Side of the model's input.", show_default="the model's own")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Training steps.")] = 1200,
    batch: Annotated[int, typer.Option(min=1, help="Crops in a step.")] = 4,
    prompts: Annotated[int, typer.Option(min=1, help="Prompts for each crop.")] = 4,
    learning_rate: Annotated[float, typer.Option(help="Of the decoder; a pretrained encoder has a tenth.")] = 1e-3,
    seed: Annotated[int, typer.Option(min=0, help="Of all randomness.")] = 0,
) -> None:
    """Pretrain a promptable foundation model, or compare such models.

    Weights and a checkpoint are written every 100 steps; the same command goes on where it stopped.

    \b
      python -m scaler pretrain bsds500 --leave-out 'test*' --encoder ENCODER.pth --out weights/lite.safetensors
      python -m scaler pretrain bsds500 --only 'test*' --evaluate lite:weights/lite.safetensors
    """
    from fnmatch import fnmatchcase

    from scaler.artifacts.filehash import sha256
    from scaler.laboratory.photographs import find_photographs
    from scaler.laboratory.pretrain import Recipe
    from scaler.laboratory.pretrain import pretrain as train
    from scaler.laboratory.prompted import score, table
    from scaler.training.device import find_compute

    if (out is None) == (not evaluate):
        raise ScalerError("pretrain: give either --out FILE, to train, or --evaluate MODEL:FILE, to compare models.")
    if out is not None and out.suffix != ".safetensors":
        raise ScalerError(f"--out: expected a name that ends in .safetensors, got {out}.")
    photographs = [one for one in find_photographs(folder, only) if not fnmatchcase(one.id, leave_out)]
    if not photographs:
        raise ScalerError(f"{folder}: --leave-out {leave_out!r} leaves no photograph.")
    compute = find_compute()
    if out is None:
        named = evaluate or []
        models = {name: compute.place(_loaded(name, size)).eval() for name in named}
        print("\n".join(table(folder.name, score(models, photographs, compute, seed))))  # type: ignore[arg-type]
        return
    recipe = Recipe(model, size, steps, batch, prompts, learning_rate, seed)
    train(recipe, photographs, encoder, out, compute)
    print(f"{out}\n{PARAMS.format(model=model, path=out.as_posix(), sha256=sha256(out))}", end="")


def _loaded(named: str, size: int | None) -> AdaptedModel:
    """The model that MODEL:FILE names."""
    from scaler.models.foundation import with_weights
    from scaler.models.names import FOUNDATIONS

    name, _, path = named.partition(":")
    if name not in FOUNDATIONS or not path:
        raise ScalerError(f"--evaluate: expected MODEL:FILE with a model of {', '.join(FOUNDATIONS)}, got {named!r}.")
    return with_weights(name, size, Path(path))
