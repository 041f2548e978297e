"""Annotation files as the tools write them, typed by hand."""

from __future__ import annotations

from typing import Any

CATEGORIES = [
    {"id": 1, "name": "polyp", "supercategory": ""},
    {"id": 7, "name": "person", "supercategory": "", "keypoints": ["nose", "floor"], "skeleton": [[1, 2]]},
]


def coco(*annotations: dict[str, Any], width: int = 6, height: int = 4, name: str = "a.png") -> dict[str, Any]:
    """As COCO's own files: one image, ids filled in."""
    image = {"id": 42, "file_name": name, "width": width, "height": height, "license": 1, "date_captured": ""}
    filled = [{"id": 100 + i, "image_id": 42, "category_id": 1, "iscrowd": 0} | a for i, a in enumerate(annotations)]
    return {
        "info": {"description": "by hand"},
        "licenses": [],
        "images": [image],
        "annotations": filled,
        "categories": CATEGORIES,
    }


def labelme(*shapes: dict[str, Any], width: int = 6, height: int = 4, **values: Any) -> dict[str, Any]:
    """As Labelme 5 saves it."""
    common = {"group_id": None, "description": "", "flags": {}, "mask": None}
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": [{**common, **shape} for shape in shapes],
        "imagePath": "a.png",
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    } | values


def cvat(shapes: str, width: int = 6, height: int = 4, name: str = "a.png") -> str:
    """As CVAT for images 1.1 exports a task."""
    return f"""<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <id>5</id>
      <name>polyps</name>
      <mode>annotation</mode>
      <labels>
        <label><name>polyp</name><color>#fa3253</color><type>any</type><attributes></attributes></label>
        <label><name>wall</name><color>#33ddff</color><type>any</type><attributes></attributes></label>
      </labels>
    </task>
    <dumped>2024-02-01 10:11:12.000000+00:00</dumped>
  </meta>
  <image id="0" name="{name}" width="{width}" height="{height}">
{shapes}
  </image>
</annotations>
"""


# A round brush, as CVAT itself exported it (github.com/cvat-ai/cvat, issue 4723).
CVAT_BRUSH = (
    '<mask label="polyp" occluded="0" source="manual" rle="17, 10, 27, 15, 23, 18, 20, 21, 18, 23, 16, 24, 15, 26, 13, '
    "27, 13, 27, 12, 29, 10, 30, 9, 32, 7, 34, 5, 36, 3, 38, 2, 38, 2, 39, 1, 39, 1, 120, 1, 39, 1, 39, 1, 39, 2, 38, "
    "2, 38, 3, 37, 3, 37, 3, 37, 4, 36, 4, 35, 6, 34, 7, 33, 7, 32, 9, 30, 10, 29, 13, 26, 15, 23, 18, 20, 22, 15, "
    '12" left="79" top="304" width="40" height="40" z_order="0"> </mask>'
)


def label_studio(*regions: dict[str, Any], width: int = 6, height: int = 4, **task: Any) -> list[dict[str, Any]]:
    """As Label Studio exports JSON: one task."""
    common = {
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "from_name": "label",
        "to_name": "image",
        "origin": "manual",
    }
    result = [{"id": f"r{i}", **common, **region} for i, region in enumerate(regions)]
    annotation = {
        "id": 9,
        "completed_by": 1,
        "was_cancelled": False,
        "updated_at": "2024-02-01T10:11:12.000000Z",
        "result": result,
    }
    return [
        {
            "id": 3,
            "annotations": [annotation],
            "file_upload": "0a1b2c3d-a.png",
            "drafts": [],
            "predictions": [],
            "data": {"image": "/data/upload/1/0a1b2c3d-a.png"},
            "project": 1,
        }
        | task
    ]
