"""Whatever stands in the place of a value, an import ends in a summary or in a message, never in a traceback."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from scaler.errors import ScalerError
from scaler.exchange.brush import encode_brush
from tests.exchange.conftest import Importer, grid, picture, write
from tests.exchange.samples import coco, label_studio, labelme

ODD = (None, True, -1, 2.5, float("nan"), 10**400, "", "x", "\ud800", [], [3], {}, {"a": 1})
SHAPES = [("polygon", 3), ("rectangle", 2), ("rotation", 4), ("circle", 2), ("mask", 2), ("point", 1), ("line", 2)]
POINTS = [[1, 1], [4, 1], [4, 3], [1, 3]]
SOURCES: dict[str, Any] = {
    "coco": coco(
        {"segmentation": [[1, 1, 4, 1, 4, 3]]},
        {"segmentation": {"size": [4, 6], "counts": [5, 19]}, "iscrowd": 1},
        {"segmentation": {"size": [4, 6], "counts": "01400000"}},
        {"bbox": [1, 1, 2, 2], "keypoints": [1, 1, 2], "category_id": 7},
    ),
    "labelme": labelme(*({"label": "x", "shape_type": kind, "points": POINTS[:n], "mask": ""} for kind, n in SHAPES)),
    "label-studio": label_studio(
        {"type": "polygonlabels", "value": {"points": POINTS, "polygonlabels": ["x"]}},
        {"type": "brushlabels", "value": {"format": "rle", "rle": encode_brush(grid("#..... " * 4))[:6]}},
        {"type": "ellipselabels", "value": {"x": 5, "y": 5, "radiusX": 5, "radiusY": 5, "rotation": 0}},
        {"type": "labels", "value": {"x": 5, "y": 5, "width": 5, "height": 5, "labels": ["x"]}},
    ),
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a JSON value, long lists by their first entry."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        if not isinstance(key, int) or key < 1 or isinstance(part, dict):
            yield from places(part, (*path, key))


def changed(root: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    root = copy.deepcopy(root)
    owner = root
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = value
    return root


@pytest.mark.exhaustive
@pytest.mark.parametrize("odd", ODD, ids=lambda value: json.dumps(value)[:12])
@pytest.mark.parametrize("kind", SOURCES)
def test_no_traceback(kind: str, odd: Any, tmp_path: Path, bring: Importer) -> None:
    picture(tmp_path / "in/a.png", 6, 4)
    for path in places(SOURCES[kind]):
        source = write(tmp_path / "in/x.json", json.dumps(changed(SOURCES[kind], path, odd)))
        with suppress(ScalerError):
            bring(kind, source, skip_broken=True, overwrite=True, several="last")
