"""Settings for a folder that nobody has described."""

from __future__ import annotations

from pathlib import Path

from scaler.artifacts.visible import CLUTTER
from scaler.data.layouts import AUTO, detect
from scaler.data.split import SPLITS
from scaler.params import PrepareDataParams

NAMES = {
    "images": ("images", "Images", "image", "Image", "Imgs", "imgs", "img"),
    "masks": ("masks", "Masks", "mask", "Mask", "GT", "gt", "GT_Object", "labels", "annotations"),
    "marks": ("marks", "Marks", "Scribble", "scribble", "scribbles", "points"),
}


def guess(source: Path) -> PrepareDataParams:
    """Settings for a folder without `params.yaml`: its sub-folders by their usual names."""
    found = {key: next((n for n in names if (source / n).is_dir()), names[0]) for key, names in NAMES.items()}
    images = source / found["images"]
    has_splits = _is_split_by_name(images)
    general = PrepareDataParams(
        source=str(source),
        layout="general",
        table="table.csv",
        size=352,
        supervision="points" if (source / found["marks"]).is_dir() else "semi",
        labelled_fraction=1.0,
        labelled_list=None,
        train="train[/_-]*" if has_splits else "*",
        val="val[/_-]*",
        val_fraction=None,
        test="test[/_-]*",
        test_fraction=None,
        groups=None,
        paper_protocol=False,
        image_suffix="auto",
        mask_suffix="auto",
        marks_suffix="auto",
        mask_threshold=128,
        mask_size_tolerance=0,
        image_white=None,
        skip_broken=False,
        marks_convention="auto",
        points_per_class=1,
        point_radius=1,
        scribble_width=2,
        **found,
    )
    if images.is_dir() or not source.is_dir():
        return general
    layout = "csv" if (source / general.table).is_file() else detect(source, general)
    has_marks = layout == "cod" and any(source.glob("*/[Ss]cribble"))
    return (
        general
        if layout == "general"
        else general.model_copy(
            update={
                "layout": layout,
                "supervision": "scribbles" if has_marks else "semi",
                **dict.fromkeys(("train", "val", "test", "images", "masks", "marks"), AUTO),
            }
        )
    )


def _is_split_by_name(images: Path) -> bool:
    """Whether everything in the folder begins with a split's name: train/, val_1.png, test-1.png."""
    if not images.is_dir():
        return False
    names = [
        item.name + "/" * item.is_dir()
        for item in images.iterdir()
        if not (item.name.startswith(".") or item.name in CLUTTER)
    ]
    starts = tuple(split + mark for split in SPLITS for mark in "/_-")
    return any(name.startswith("train") for name in names) and all(name.startswith(starts) for name in names)
