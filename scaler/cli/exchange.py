"""`python -m scaler import FORMAT ...` and `python -m scaler export FORMAT ...`: the command line."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from scaler.errors import ScalerError

IMPORT = """\
Read annotations into a data set of images/, masks/ and marks/. Areas become masks (the union of all objects); points
and lines become marks. All of it is written or nothing.

  python -m scaler import coco instances.json --images photos --out data/my_set --category polyp
  python -m scaler import labelme photos --out data/my_set
  python -m scaler import cvat annotations.xml --into data/my_set --corrections --by "A. Name"
"""
EXPORT = """\
Write labels or predictions for an annotation tool, one object per connected part.

  python -m scaler export coco data/my_set --out for_annotation
  python -m scaler export cvat predictions --images photos --out for_annotation --only list.txt
"""
SOURCES = {
    "coco": "COCO instances or keypoints, a .json file",
    "labelme": "a folder of Labelme .json files, or one",
    "cvat": "annotations.xml of CVAT for images 1.1, or its folder",
    "yolo": "a YOLO segmentation set: folder with images/ and labels/, or its data.yaml",
    "label-studio": "Label Studio's JSON export",
    "masks": "a folder of index or colour masks",
}
TARGETS = {
    "coco": "annotations.json: run lengths, or polygons",
    "labelme": "a .json per image: polygons, or masks",
    "cvat": "annotations.xml of CVAT for images 1.1: masks, or polygons",
    "label-studio": "tasks.json with pre-annotations: brushes, or polygons",
    "masks": "PNG of 0 and 255",
}


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Register `import` and `export`, the latter with `export model` too."""
    from scaler.use.export import add_export_parser

    raw = argparse.RawDescriptionHelpFormatter
    importing = commands.add_parser(
        "import", help="annotations of other tools into a data set", description=IMPORT, formatter_class=raw
    )
    _add_import(importing.add_subparsers(dest="format", metavar="FORMAT", required=True))
    exporting = commands.add_parser(
        "export", help="labels for annotation tools; a model to give away", description=EXPORT, formatter_class=raw
    )
    formats = exporting.add_subparsers(dest="format", metavar="FORMAT", required=True)
    add_export_formats(formats)
    add_export_parser(formats)


def add_export_formats(formats: argparse._SubParsersAction[Any]) -> None:
    """Register the annotation formats among the commands of `export`."""
    for name, what in TARGETS.items():
        parser = formats.add_parser(name, help=what, description=what)
        add = parser.add_argument
        add("source", metavar="FOLDER", type=Path, help="a data set, or predictions")
        add("--out", metavar="DIR", type=Path, required=True, help="where the files go")
        add("--images", metavar="DIR", type=Path, help="where the images lie (needed for predictions)")
        add("--set", metavar="NAME", help="which set of the predictions")
        add("--only", metavar="LIST", type=Path, help="a text file with one image id per line")
        add("--threshold", metavar="P", type=_share, default=0.5, help="cut of soft predictions (default: 0.5)")
        add("--with-images", action="store_true", help="copy the images too")
        add("--overwrite", action="store_true", help="replace files that are there")
        if name != "masks":
            add("--label", metavar="NAME", default="object", help="name of the category (default: object)")
            shape = parser.add_mutually_exclusive_group()
            shape.add_argument("--polygons", action="store_const", const=True, help="outlines")
            shape.add_argument(
                "--pixels", dest="polygons", action="store_const", const=False, help="pixels, as they are"
            )
            add("--tolerance", metavar="PX", type=_length, default=0.0, help="let outlines be simpler by that much")
        parser.set_defaults(run=_export, format=name, label="object", polygons=None, tolerance=0.0)


def _add_import(formats: argparse._SubParsersAction[Any]) -> None:
    for name, what in SOURCES.items():
        parser = formats.add_parser(name, help=what, description=what)
        add = parser.add_argument
        add("source", metavar="SOURCE", type=Path, help=what)
        target = parser.add_mutually_exclusive_group(required=True)
        target.add_argument("--out", metavar="FOLDER", type=Path, help="the data set to make or to add to")
        target.add_argument("--into", metavar="FOLDER", type=Path, help="with --corrections: the data set to correct")
        add("--images", metavar="DIR", type=Path, help="where the images lie")
        add("--category", metavar="NAME", nargs="+", default=[], help="only these categories (default: all)")
        add("--background", metavar="NAME", nargs="+", default=[], help="points and lines of these mark background")
        add("--empty-is-background", action="store_true", help="images without object get an empty mask")
        add("--as-marks", action="store_true", help="areas are scribbles: marks, no masks")
        add(
            "--mark-width",
            metavar="PX",
            type=_positive,
            default=5,
            help="diameter of points, width of lines (default: 5)",
        )
        add("--stored-frame", action="store_true", help="the tool ignored the images' EXIF turns")
        add("--link", action="store_true", help="link images instead of copying them")
        add("--overwrite", action="store_true", help="replace files that are there with other content")
        add("--date", metavar="WHEN", help="of the annotations, for the record (default: the source's own)")
        add("--corrections", action="store_true", help="replace labels of the data set --into; the old ones are kept")
        add("--by", metavar="WHO", help="with --corrections: who made them")
        add("--masks-folder", metavar="NAME", default="masks", help="with --corrections: the set's folder of masks")
        add("--marks-folder", metavar="NAME", default="marks", help="with --corrections: the set's folder of marks")
        _add_special(name, parser)
        parser.set_defaults(run=_import, format=name)


def _add_special(name: str, parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    if name in ("coco", "yolo"):
        add("--boxes", action="store_true", help="boxes without outline count as objects")
    if name == "coco":
        add("--without-crowds", dest="crowds", action="store_false", help="leave crowd regions out")
    if name == "label-studio":
        what = "several annotations of one task (default: refuse)"
        add("--several", choices=("refuse", "last", "union"), default="refuse", help=what)
    if name == "masks":
        add("--values", metavar="V", type=int, nargs="+", default=[], help="stored values that are object")
        add(
            "--colours",
            metavar="RRGGBB",
            type=_colour,
            nargs="+",
            default=[],
            help="colours that are object, e.g. ff0000",
        )
        add("--mask-suffix", metavar="TEXT", default="", help="what the masks' names have behind the images'")


def _import(arguments: argparse.Namespace) -> None:
    from scaler.exchange.corrections import Place, import_corrections
    from scaler.exchange.importing import import_annotations
    from scaler.exchange.shapes import Options

    given = vars(arguments)
    special = ("boxes", "crowds", "several", "mask_suffix")
    options = Options(
        tuple(arguments.category),
        tuple(arguments.background),
        arguments.images,
        as_marks=arguments.as_marks,
        mark_width=arguments.mark_width,
        stored_frame=arguments.stored_frame,
        empty_is_background=arguments.empty_is_background,
        values=tuple(given.get("values", ())),
        colours=tuple(given.get("colours", ())),
        **{key: given[key] for key in special if key in given},
    )
    kind, source = arguments.format, arguments.source
    if arguments.corrections != (arguments.into is not None):
        raise ScalerError("--corrections and --into FOLDER go together; for a new data set give --out FOLDER.")
    if not arguments.corrections:
        for line in import_annotations(
            kind,
            source,
            arguments.out,
            options,
            link=arguments.link,
            overwrite=arguments.overwrite,
            date=arguments.date,
        ):
            print(line)
        return
    if not arguments.by:
        raise ScalerError("--by: who made the corrections? Give a name.")
    place = Place(arguments.into, arguments.masks_folder, arguments.marks_folder)
    for line in import_corrections(kind, source, place, options, by=arguments.by, date=arguments.date):
        print(line)


def _export(arguments: argparse.Namespace) -> None:
    from scaler.exchange.exporting import export_annotations
    from scaler.exchange.objects import find_items

    items = find_items(
        arguments.source,
        arguments.images,
        only=arguments.only,
        threshold=arguments.threshold,
        set_name=arguments.set,
    )
    for line in export_annotations(
        arguments.format,
        items,
        arguments.out,
        label=arguments.label,
        polygons=arguments.polygons,
        tolerance=arguments.tolerance,
        with_images=arguments.with_images,
        overwrite=arguments.overwrite,
    ):
        print(line)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, got {text}")
    return value


def _length(text: str) -> float:
    value = float(text)
    if not (value >= 0 and math.isfinite(value)):
        raise argparse.ArgumentTypeError(f"expected a number from 0, got {text}")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number above 0 and at most 1, got {text}")
    return value


def _colour(text: str) -> tuple[int, int, int]:
    try:
        red, green, blue = bytes.fromhex(text.removeprefix("#"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a colour such as ff0000, got {text}") from None
    return red, green, blue
