"""Counts: splits, sizes, how values were read, shares of the object. Plain values with stable keys."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np

from scaler.data.checks.sample import SampleLook
from scaler.errors import printable
from scaler.params import PrepareDataParams

QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
SHARE_EDGES = (0.0, 0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)


def facts(looks: list[SampleLook], params: PrepareDataParams, guessed: bool, quick: bool) -> dict[str, Any]:
    """Of all samples: layout, splits, sizes, mask_readings, mask_values, marks_readings, foreground_share, ..."""
    masks = [look.mask for look in looks if look.mask is not None]
    marks = [look.marks for look in looks if look.marks is not None]
    return {
        "layout": {key: printable(getattr(params, key)) for key in ("images", "masks", "marks")}
        | {"guessed": guessed, "supervision": params.supervision},
        "duplicates_searched": not quick,
        "splits": _splits(looks),
        "image_sizes": _sizes(looks),
        "image_storage": _counted(_storage(look) for look in looks if look.image is not None),
        "mask_readings": _counted(mask.reading for mask in masks),
        "mask_values": _values([look.values for look in masks]),
        "grey_share": round(float(np.mean([mask.between for mask in masks])), 6) if masks else 0.0,
        "empty_masks": sum(look.share == 0.0 for look in masks),
        "full_masks": sum(look.share == 1.0 for look in masks),
        "foreground_share": _shares([look.share for look in masks]),
        "marks_readings": _counted(look.reading for look in marks),
        "marked_pixels": {
            "foreground": sum(look.foreground for look in marks),
            "background": sum(look.background for look in marks),
            "foreground_on_mask_background": sum(look.foreground_on_background for look in marks),
            "background_on_mask_foreground": sum(look.background_on_foreground for look in marks),
        },
    }


def _splits(looks: list[SampleLook]) -> dict[str, dict[str, int]]:
    counted: dict[str, dict[str, int]] = {}
    for look in looks:
        row = counted.setdefault(look.sample.split, {"images": 0, "masks": 0, "marks": 0})
        row["images"] += 1
        row["masks"] += look.sample.mask is not None
        row["marks"] += look.sample.marks is not None
    return counted


def _sizes(looks: list[SampleLook]) -> dict[str, Any]:
    sizes = [look.image.size for look in looks if look.image is not None]
    if not sizes:
        return {"different": 0, "most_common": [], "smallest": None, "largest": None}
    common = Counter(sizes).most_common(6)
    by_area = sorted(sizes, key=math.prod)
    return {
        "different": len(set(sizes)),
        "most_common": [{"width": w, "height": h, "images": n} for (w, h), n in common],
        "smallest": list(by_area[0]),
        "largest": list(by_area[-1]),
    }


def _storage(look: SampleLook) -> str:
    stored = look.image.stored if look.image is not None else None
    return "unknown" if stored is None else f"{stored.format} {stored.mode}"


def _values(histograms: list[Any]) -> list[dict[str, int]]:
    """One row per stored value (8 bits, or a palette's index): pixels read as background and as object."""
    total = sum(histograms, start=np.zeros((2, 256), np.int64))
    used = np.flatnonzero(total.sum(axis=0))
    return [{"value": int(v), "background": int(total[0, v]), "foreground": int(total[1, v])} for v in used]


def _shares(shares: list[float]) -> dict[str, Any]:
    if not shares:
        return {"quantiles": [], "edges": list(SHARE_EDGES), "counts": []}
    counts, _ = np.histogram(shares, bins=np.asarray(SHARE_EDGES))
    return {
        "quantiles": [round(float(q), 6) for q in np.quantile(shares, QUANTILES)],
        "edges": list(SHARE_EDGES),
        "counts": counts.tolist(),
    }


def _counted(words: Any) -> dict[str, int]:
    return dict(Counter(words).most_common())
