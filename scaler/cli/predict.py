"""`python -m scaler predict`: maps of any images, by a model of a run or by an exported one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from scaler.cli.values import Frozen, Network, Overwrite, Side, Trained, share


def tile_size(given: str | int) -> int | None:
    """None for "auto", 0 for "off", or the number of pixels.

    Raises:
        typer.BadParameter: none of these.
    """
    text = str(given)
    if text in ("auto", "off"):
        return None if text == "auto" else 0
    if not text.isdecimal() or int(text) < 32:
        raise typer.BadParameter(f"got {text!r}, expected a number of pixels from 32, auto or off")
    return int(text)


def predict(
    trained: Trained,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGES", help="Folders, image files or videos.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the predictions go.")],
    network: Network = None,
    set_name: Annotated[
        str | None, typer.Option("--set", metavar="NAME", help="Name of the set.", show_default="the images' folder")
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(metavar="PATTERN", help='Only files of folders that fit, such as "*.jpg".', show_default="all"),
    ] = None,
    stretch: Annotated[Literal["none", "per_image"], typer.Option(help="Min-max each map.")] = "none",
    binary: Annotated[
        float | None, typer.Option(metavar="T", parser=share, help="Write 255 where p >= T and 0 elsewhere.")
    ] = None,
    overlay: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write the images with tint and contour there.")
    ] = None,
    tta: Annotated[bool, typer.Option("--tta", help="Mean over the eight flips and quarter turns.")] = False,
    tiles: Annotated[
        int | None,
        typer.Option(
            metavar="N|auto|off",
            parser=tile_size,
            help="Predict images larger than N pixels in overlapping tiles of N x N.",
            show_default="those of training, or 2048 above 8192 pixels",
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(metavar="N", min=1, help="Images at a time.")] = 8,
    size: Side = None,
    weights: Frozen = None,
    overwrite: Overwrite = False,
) -> None:
    """Predict images, folders or videos with a trained model.

    The maps are 8-bit PNG files of each image's own size, at DIR/SET/NAME.png. To continue an interrupted run, run the
    same command again.

    \b
      python -m scaler predict results/stops/round_2/segmenter.h5 photos/ --out predictions
      python -m scaler predict my_model/ TestDataset/CAMO/Imgs --out predictions --stretch per_image --tta
    """
    from scaler.errors import ScalerError, grouped_lines
    from scaler.progress import log
    from scaler.training.device import find_compute
    from scaler.use.model import load_model
    from scaler.use.predict import PredictOptions, Predictor
    from scaler.use.sources import Images, find_sources

    sources = find_sources(images, set_name, only)
    if not sources.items:
        raise ScalerError("\n".join(["predict: nothing that can be predicted:", *grouped_lines(sources.left_out)]))
    model = load_model(trained, network, size=size, weights=weights)
    if model.kind == "sam" and getattr(model.params, "prompts", "none") != "none":
        log.warning("note: this SAM was also trained with prompts; here it predicts without any")
    options = PredictOptions(stretch == "per_image", binary, tta, tiles)
    predictor = Predictor(model, options, find_compute(), out, overlay, batch_size)
    try:
        outcome = predictor.run(sources, overwrite=overwrite)
    except KeyboardInterrupt:
        log.warning("\npredict: interrupted; run the same command again to continue")
        raise typer.Exit(130) from None
    dim = [path for source in sources.items if isinstance(source, Images) for path in source.dim]
    if dim:
        log.warning(
            f"warning: {len(dim)} images of more than 8 bits hold small values only and came out nearly black, first "
            f"{dim[0]}. This model was trained without prepare_data.image_white: train with it (4095 for 12 bits), or "
            "convert the images to 8 bits."
        )
    kept = f", {outcome.kept} were there already" if outcome.kept else ""
    size_text = f"{model.size} x {model.size}"
    if model.tile is not None and tiles is None:
        size_text += f" in tiles of {model.tile} x {model.tile} pixels"
    print(f"{outcome.made} predicted by the {model.name} at {size_text}{kept}: {out} ({', '.join(sources.sets)})")
    if outcome.failed:
        head = f"{len(outcome.failed)} left out or not readable; the other {outcome.made + outcome.kept} are done:"
        raise ScalerError("\n".join([head, *grouped_lines(outcome.failed)]))
