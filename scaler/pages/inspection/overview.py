"""The key `run`: what holds for a run as a whole, its curves over the stops, and where everything lies."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from scaler.artifacts.evaluation import SplitScores
from scaler.artifacts.header import read_header
from scaler.method.weighting import pixel_weight
from scaler.metrics.names import METRICS, MODELS
from scaler.pages.inspection.run import Run
from scaler.pages.inspection.stops import Stop
from scaler.pages.inspection.story import story
from scaler.pages.inspection.table import Column, Table, rounded

CHUNK = 24  # images whose pictures are loaded together
BRANCHES = ("normal", "difficult", "simple")  # by their number in the artifacts
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
UNORDERED = ("branch", "cold")  # ends of columns that have no quantiles


def overview(run: Run, tile: int, images: Table, per_stop: dict[str, Table]) -> dict[str, Any]:
    """The value of the key `run`.

    Returns:
        name, path, fingerprint; size of the maps, tile, chunk; count; stops (name, title, which labels of training
        images there are); splits -> [first row, last row + 1]; params; pixel_weight: u of eq 6 for p = k / 255, in the
        run's form; branches; metrics and models by name; files, see `_files`; curves -> split -> model -> metric -> one
        value per stop; distributions -> stop -> split -> column -> seven quantiles (`QUANTILES`) over the images that
        have a value; shares -> stop -> of the training images that learn from pseudo-labels (those without a mask, or
        all where every one has one) the share of each branch by source, and of cold starts; story, see `story.story`;
        missing: what was not found, a sentence each.
    """
    scores = [run.scores(stop) for stop in run.stops]
    form = run.params.get("weighting", {}).get("pixel_weight", "squared")
    learning = _learning(run, images)
    return {
        "name": run.path.as_posix(),
        "path": run.path.as_posix(),
        "fingerprint": _fingerprint(run),
        "size": run.size,
        "tile": tile,
        "chunk": CHUNK,
        "count": len(run.ids),
        "stops": [_stop(stop) for stop in run.stops],
        "splits": {split: list(span) for split, span in run.spans.items()},
        "params": run.params,
        "pixel_weight": [rounded(float(u)) for u in pixel_weight(torch.arange(256) / 255, form)],
        "branches": list(BRANCHES),
        "metrics": {
            name: {"label": m.label, "lower": m.lower_is_better, "meaning": m.meaning} for name, m in METRICS.items()
        },
        "models": MODELS,
        "files": _files(run),
        "curves": {split: _curves(scores, split) for split in ("val", "test")},
        "distributions": {
            stop: {split: _distributions(table, range(*span)) for split, span in run.spans.items()}
            for stop, table in per_stop.items()
        },
        "shares": {stop.name: _shares(per_stop[stop.name], learning) for stop in run.stops},
        "story": story(run.stops, scores, images, per_stop),
        "missing": [sentence for stop in run.stops for sentence in stop.missing()],
    }


def _stop(stop: Stop) -> dict[str, Any]:
    teacher, sam = stop.has("segmenter_labels"), stop.has("sam_labels")
    return {"name": stop.name, "title": stop.title, "labels": teacher or sam, "teacher": teacher, "sam": sam}


def _learning(run: Run, images: Table) -> list[int]:
    rows = range(*run.spans["train"])
    return [row for row in rows if not images["labelled"][row]] or list(rows)


def _files(run: Run) -> dict[str, Any]:
    """data -> split -> file; truth; stops -> stop -> evaluation, and kind -> shards as [file, first, last + 1]."""
    data = {name: path.as_posix() for name, path in run.data_files().items()}
    truth = data.pop("truth")
    stops = {
        stop.name: {"evaluation": stop.files.evaluation.as_posix()}
        | {
            kind: [[shard.path.as_posix(), shard.first, shard.last] for shard in shards]
            for kind, shards in stop.shards.items()
        }
        for stop in run.stops
    }
    return {"data": data, "truth": truth, "stops": stops}


def _fingerprint(run: Run) -> str:
    """Of the data and the initialization, so that what a reader marked under it is there after further rounds."""
    files: list[Path] = [*run.data_files().values(), run.stops[0].files.evaluation]
    headers = [read_header(path) for path in files]
    together = " ".join(header.fingerprint for header in headers if header is not None)
    return hashlib.sha256(together.encode()).hexdigest()[:16]


def _curves(scores: Sequence[dict[str, SplitScores]], split: str) -> dict[str, dict[str, Column]]:
    return {
        model: {name: [rounded(own[split].summary.get(model, {}).get(name), 7) for own in scores] for name in METRICS}
        for model in MODELS
    }


def _distributions(table: Table, rows: Sequence[int]) -> dict[str, list[float | None]]:
    """Column -> quantiles over the rows that have a value; columns without one are left out."""
    found = {}
    for name, values in table.items():
        numbers = [values[row] for row in rows if values[row] is not None]
        if numbers and not name.endswith(UNORDERED):
            found[name] = [rounded(float(q)) for q in np.quantile(numbers, QUANTILES)]
    return found


def _shares(table: Table, rows: Sequence[int]) -> dict[str, Any]:
    """Share of each branch by source, in the order of `BRANCHES`, zeros without labels; of cold starts, or None."""
    shares: dict[str, Any] = {"count": len(rows)}
    for source in ("teacher", "sam"):
        own = [table[f"{source}_branch"][row] for row in rows]
        shares[source] = [_share(own, number) for number in range(len(BRANCHES))]
    cold = [table["cold"][row] for row in rows]
    return shares | {"cold": None if None in cold else _share(cold, True)}


def _share(values: Column, wanted: object) -> float | None:
    return rounded(sum(value == wanted for value in values) / len(values))
