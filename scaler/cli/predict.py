"""`python -m scaler predict`: maps of any images, by a model of a run or by an exported one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from scaler.cli.values import Frozen, Network, Overwrite, Side, Trained, share


def predict(
    trained: Trained,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGES", help="Folders, image files or videos.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the predictions go.")],
    network: Network = None,
    set_name: Annotated[
        str | None, typer.Option("--set", metavar="NAME", help="Name of the set.", show_default="the images' folder")
    ] = None,
    stretch: Annotated[Literal["none", "per_image"], typer.Option(help="Min-max each map.")] = "none",
    binary: Annotated[
        float | None, typer.Option(metavar="T", parser=share, help="Write 255 where p >= T and 0 elsewhere.")
    ] = None,
    overlay: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write the images with tint and contour there.")
    ] = None,
    tta: Annotated[bool, typer.Option("--tta", help="Mean over the eight flips and quarter turns.")] = False,
    batch_size: Annotated[int, typer.Option(metavar="N", min=1, help="Images at a time.")] = 8,
    size: Side = None,
    weights: Frozen = None,
    overwrite: Overwrite = False,
) -> None:
    """Predict images, folders or videos with a trained model.

    The maps are 8-bit PNG files of each image's own size, at DIR/SET/NAME.png. To continue an interrupted run, run the
    same command again.

    \b
      python -m scaler predict results/stops/round_3/segmenter.h5 photos/ --out predictions
      python -m scaler predict my_model/ TestDataset/CAMO/Imgs --out predictions --stretch per_image --tta
    """
    from scaler.training.device import find_compute
    from scaler.use.model import load_model
    from scaler.use.predicting import Options, predict_sources, report_failures
    from scaler.use.sources import find_sources

    found = find_sources(images, set_name)
    model = load_model(trained, network, size=size, weights=weights)
    if model.kind == "sam" and getattr(model.params, "prompts", "none") != "none":
        print("note: this SAM was also trained with prompts; here it predicts without any", file=sys.stderr)
    options = Options(stretch == "per_image", binary, tta)
    try:
        result = predict_sources(
            model,
            found,
            out,
            options,
            find_compute(),
            batch_size=batch_size,
            overlays=overlay,
            overwrite=overwrite,
        )
    except KeyboardInterrupt:
        print("\npredict: interrupted; run the same command again to go on", file=sys.stderr)
        raise typer.Exit(130) from None
    sets = ", ".join(sorted({source.set for source in found.sources}))
    kept = f", {result.kept} were there already" if result.kept else ""
    print(f"{result.made} predicted by the {model.name} at {model.size} x {model.size}{kept}: {out} ({sets})")
    report_failures(result)
