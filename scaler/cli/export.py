"""`python -m scaler export`: labels for annotation tools, and a model to give away."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaler.cli.values import Frozen, Network, Overwrite, Side, share

exporting = typer.Typer(help="Export labels for annotation tools, or a model to give away.", rich_markup_mode=None)
FORMATS = {
    "coco": "Export annotations.json of COCO: run lengths, or polygons.",
    "labelme": "Export a .json of Labelme per image: polygons, or masks.",
    "cvat": "Export annotations.xml of CVAT for images 1.1: masks, or polygons.",
    "label-studio": "Export tasks.json of Label Studio with pre-annotations: brushes, or polygons.",
    "masks": "Export PNG files of 0 and 255.",
}


def labels(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="A data set, or predictions.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the files go.")],
    images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the images are (needed for predictions).")
    ] = None,
    set_name: Annotated[str | None, typer.Option("--set", metavar="NAME", help="Which set of the predictions.")] = None,
    only: Annotated[Path | None, typer.Option(metavar="LIST", help="A text file with one image id a line.")] = None,
    threshold: Annotated[float, typer.Option(metavar="P", parser=share, help="Cut of soft predictions.")] = 0.5,
    label: Annotated[str, typer.Option(metavar="NAME", help="Name of the category.")] = "object",
    polygons: Annotated[bool | None, typer.Option("--polygons/--pixels", help="Export outlines or pixels.")] = None,
    tolerance: Annotated[
        float, typer.Option(metavar="PX", min=0, max=1000, help="Simplify outlines by at most this much.")
    ] = 0.0,
    with_images: Annotated[bool, typer.Option("--with-images", help="Copy the images too.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Write labels or predictions for an annotation tool, one object per connected part."""
    from scaler.exchange.exporting import export_annotations
    from scaler.exchange.objects import find_images

    found = find_images(source, images, only=only, threshold=threshold, set_name=set_name)
    lines = export_annotations(
        context.info_name or "",
        found,
        out,
        label=label,
        polygons=polygons,
        tolerance=tolerance,
        with_images=with_images,
        overwrite=overwrite,
    )
    for line in lines:
        print(line)


for name, what in FORMATS.items():
    exporting.command(name, help=what)(labels)


@exporting.command()
def model(
    trained: Annotated[Path, typer.Argument(metavar="MODEL", help="segmenter.h5 or sam.h5 of a round.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to make.")],
    network: Network = None,
    onnx: Annotated[bool, typer.Option("--onnx", help="Also model.onnx (segmenter; any batch size).")] = False,
    torch_export: Annotated[
        bool, typer.Option("--torch-export", help="Also model.pt2 (segmenter; any batch size).")
    ] = False,
    adapters_only: Annotated[
        bool, typer.Option("--adapters-only", help="SAM: only the trained tensors, and the checksum of the others.")
    ] = False,
    licence: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Licence of the weights, for the card, such as CC-BY-NC-4.0.")
    ] = None,
    size: Side = None,
    weights: Frozen = None,
    overwrite: Overwrite = False,
) -> None:
    """Export a trained model as safetensors, and as ONNX or torch.export on request.

    The folder holds config.json and a model card, and is ready for `python -m scaler predict`. Each form is compared
    with the network before anything is kept.

    \b
      python -m scaler export model results/stops/round_2/segmenter.h5 --out my_model --onnx
    """
    from scaler.use.export import Forms, export_model
    from scaler.use.model import load_model

    loaded = load_model(trained, network, size=size, weights=weights)
    forms = Forms(onnx, torch_export, adapters_only)
    export_model(loaded, out, forms, licence=licence, overwrite=overwrite)
    for path in sorted(out.iterdir()):
        print(f"{path}  {path.stat().st_size / 2**20:.2f} MB")
