"""`python -m scaler import`: annotations of other tools into a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from scaler.cli.values import colour
from scaler.errors import ScalerError

Format = Literal["coco", "labelme", "cvat", "yolo", "label-studio", "masks"]
ONLY_FOR = {
    "--boxes": ("coco", "yolo"),
    "--without-crowds": ("coco",),
    "--several": ("label-studio",),
    "--values": ("masks",),
    "--colours": ("masks",),
    "--mask-suffix": ("masks",),
}


def import_labels(
    kind: Annotated[Format, typer.Argument(metavar="FORMAT", help="One of those above.")],
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="The file or folder of annotations.")],
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="The data set to make or to add to.")] = None,
    into: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="With --corrections: the data set to correct.")
    ] = None,
    images: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the images are.")] = None,
    category: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this category; repeat the option for several.", show_default="all"),
    ] = None,
    background: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Category of background: its marks, and holes in objects; may be repeated."),
    ] = None,
    empty_is_background: Annotated[
        bool, typer.Option("--empty-is-background", help="Images that were annotated as empty get an empty mask.")
    ] = False,
    skip_broken: Annotated[
        bool, typer.Option("--skip-broken", help="Leave broken entries out, and their images unlabelled.")
    ] = False,
    as_marks: Annotated[bool, typer.Option("--as-marks", help="Areas are scribbles: marks instead of masks.")] = False,
    mark_width: Annotated[int, typer.Option(metavar="PX", min=1, help="Diameter of points and width of lines.")] = 5,
    stored_frame: Annotated[
        bool, typer.Option("--stored-frame", help="The tool ignored the EXIF orientation of the images.")
    ] = False,
    link: Annotated[bool, typer.Option("--link", help="Link images instead of copying them.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that have other content.")] = False,
    date: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Date of the annotations.", show_default="that of the source"),
    ] = None,
    corrections: Annotated[
        bool, typer.Option("--corrections", help="Replace labels of the data set --into; the old ones are kept.")
    ] = False,
    by: Annotated[str | None, typer.Option(metavar="WHO", help="With --corrections: who made them.")] = None,
    masks_folder: Annotated[
        str, typer.Option(metavar="NAME", help="With --corrections: the folder of masks.")
    ] = "masks",
    marks_folder: Annotated[
        str, typer.Option(metavar="NAME", help="With --corrections: the folder of marks.")
    ] = "marks",
    boxes: Annotated[bool, typer.Option("--boxes", help="coco, yolo: boxes without outline are objects.")] = False,
    without_crowds: Annotated[bool, typer.Option("--without-crowds", help="coco: leave crowd regions out.")] = False,
    several: Annotated[
        Literal["refuse", "last", "union"], typer.Option(help="label-studio: several annotations of one task.")
    ] = "refuse",
    values: Annotated[
        list[int] | None, typer.Option(metavar="V", help="masks: a stored value that is object; may be repeated.")
    ] = None,
    colours: Annotated[
        list[str] | None,
        typer.Option(metavar="RRGGBB", help="masks: a colour that is object; may be repeated."),
    ] = None,
    mask_suffix: Annotated[
        str, typer.Option(metavar="TEXT", help="masks: what follows the image's name in the mask's name.")
    ] = "",
) -> None:
    """Import annotations of other tools into a data set.

    Areas become masks (the union of all objects); points and lines become marks. Either all of it is written to
    images/, masks/ and marks/, or nothing.

    \b
      coco          COCO instances or keypoints: a .json file
      labelme       Labelme and X-AnyLabeling: a folder of .json files, or one file
      cvat          CVAT for images 1.1: annotations.xml, its folder, or the zip
      yolo          YOLO segmentation: a folder with images/ and labels/ (or one per split), or data.yaml
      label-studio  the JSON export of Label Studio
      masks         a folder of index or colour masks

    \b
      python -m scaler import coco instances.json --images photos --out data/my_set --category polyp
      python -m scaler import labelme photos --out data/my_set
      python -m scaler import cvat annotations.xml --into data/my_set --corrections --by "A. Name"
    """
    from scaler.exchange.corrections import LabelFolders, import_corrections
    from scaler.exchange.importing import import_annotations
    from scaler.exchange.shapes import ImportOptions

    given = {
        "--boxes": boxes,
        "--without-crowds": without_crowds,
        "--several": several != "refuse",
        "--values": values,
        "--colours": colours,
        "--mask-suffix": mask_suffix,
    }
    for name, value in given.items():
        if value and kind not in ONLY_FOR[name]:
            raise ScalerError(f"{name}: an option for {' and '.join(ONLY_FOR[name])}, not for {kind}.")
    options = ImportOptions(
        tuple(category or ()),
        tuple(background or ()),
        images,
        as_marks=as_marks,
        mark_width=mark_width,
        stored_frame=stored_frame,
        empty_is_background=empty_is_background,
        skip_broken=skip_broken,
        boxes=boxes,
        crowds=not without_crowds,
        several=several,
        values=tuple(values or ()),
        colours=tuple(map(colour, colours or ())),
        mask_suffix=mask_suffix,
    )
    if corrections != (into is not None):
        raise ScalerError("--corrections and --into FOLDER go together; for a new data set give --out FOLDER.")
    if corrections and not by:
        raise ScalerError("--by: who made the corrections? Give a name.")
    if into is not None:
        folders = LabelFolders(into, masks_folder, marks_folder)
        lines = import_corrections(kind, source, folders, options, by=by or "", date=date)
    elif out is not None:
        lines = import_annotations(kind, source, out, options, link=link, overwrite=overwrite, date=date)
    else:
        raise typer.BadParameter("expected --out FOLDER, or --into FOLDER with --corrections")
    for line in lines:
        print(line)
