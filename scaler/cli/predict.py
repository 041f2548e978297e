"""`python -m scaler predict`: maps of any images, by a model of a run or by an exported one."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

DESCRIPTION = """\
Predict images, folders of images or the frames of videos. The maps are 8-bit PNG of each image's own size, at
DIR/SET/NAME.png. An interrupted run goes on where it stopped when the same command is run again.

  python -m scaler predict results/rounds/3/segmenter.h5 photos/ --out predictions
  python -m scaler predict my_model/ TestDataset/CAMO/Imgs --out predictions --stretch per_image --tta
"""


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "predict",
        help="predict images, folders or videos with a trained model",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("trained", metavar="MODEL", type=Path, help="segmenter.h5 or sam.h5 of a round, or a folder of `export model`")
    add("images", metavar="IMAGES", type=Path, nargs="+", help="folders, image files or videos")
    add("--out", metavar="DIR", type=Path, required=True, help="where the predictions go")
    add("--model", choices=("teacher", "student"), help="which network of a segmenter.h5 (default: teacher)")
    add("--set", metavar="NAME", help="name of the set (default: that of the images' folder)")
    add("--stretch", choices=("none", "per_image"), default="none", help="min-max each map (default: none)")
    add(
        "--binary",
        metavar="THRESHOLD",
        type=_threshold,
        nargs="?",
        const=0.5,
        help="0 and 255 only, cut at THRESHOLD (default: 0.5), instead of probabilities",
    )
    add("--overlay", metavar="DIR2", type=Path, help="also write the images with tint and contour there")
    add("--tta", action="store_true", help="mean over the eight flips and quarter turns (eight times as slow)")
    add("--batch-size", metavar="N", type=_positive, default=8, help="images at a time (default: 8)")
    add("--size", metavar="S", type=_positive, help="side of the network's input (default: that of its training)")
    add("--weights", metavar="FILE", type=Path, help="SAM's frozen weights, if they are not where they were")
    add("--overwrite", action="store_true", help="remove predictions that another model or other options made there")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int | None:
    """Predict; 1 if an image failed (after all others are done), 130 if interrupted."""
    from scaler.training.device import find_compute
    from scaler.use.model import load_model
    from scaler.use.predicting import Options, predict_sources, report_failures
    from scaler.use.sources import find_sources

    found = find_sources(arguments.images, arguments.set)
    model = load_model(arguments.trained, arguments.model, size=arguments.size, weights=arguments.weights)
    if model.kind == "sam" and getattr(model.params, "prompts", "none") != "none":
        print("note: this SAM has also been trained with prompts; here it predicts without any", file=sys.stderr)
    options = Options(arguments.stretch == "per_image", arguments.binary, arguments.tta)
    try:
        result = predict_sources(
            model,
            found,
            arguments.out,
            options,
            find_compute(),
            batch_size=arguments.batch_size,
            overlays=arguments.overlay,
            overwrite=arguments.overwrite,
        )
    except KeyboardInterrupt:
        print("\npredict: interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    sets = ", ".join(sorted({source.set for source in found.sources}))
    kept = f", {result.kept} were there already" if result.kept else ""
    print(f"{result.made} predicted by the {model.name} at {model.size} x {model.size}{kept}: {arguments.out} ({sets})")
    report_failures(result)
    return None


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, got {text}")
    return value


def _threshold(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number above 0 and at most 1, got {text}")
    return value
