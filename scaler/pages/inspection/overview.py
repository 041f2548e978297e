"""The key `run`: what holds for a run as a whole, its curves over the stops, and where everything is."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from scaler.artifacts.evaluation import SplitScores
from scaler.artifacts.labels import BRANCHES
from scaler.artifacts.names import LABEL_KINDS, SPLITS
from scaler.artifacts.paths import Stop, data_file, truth_file
from scaler.artifacts.run import Run
from scaler.method.weighting import pixel_weight
from scaler.metrics.names import METRICS, MODELS
from scaler.pages.story import story
from scaler.pages.table import Column, Measured, Table, rounded

CHUNK = 24  # images whose pictures are loaded together
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
UNORDERED = ("branch", "cold")  # ends of columns that have no quantiles


def overview(measured: Measured, tile: int) -> dict[str, Any]:
    """The value of the key `run`.

    Returns:
        name, path, fingerprint; size of the maps, tile, chunk; count; stops (name, title, which labels of training
        images there are); splits -> [first row, last row + 1]; params; pixel_weight: u of eq 6 for p = k / 255, in the
        run's form; branches; metrics and models by name; files, see `_files`; curves -> split -> model -> metric -> one
        value per stop; distributions -> stop -> split -> column -> seven quantiles (`QUANTILES`) over the images that
        have a value; shares -> stop -> of the training images that learn from pseudo-labels (those without a mask, or
        all where every one has one) the share of each branch by source, and of cold starts; story, see `story.story`;
        missing: labels that have not been made, a sentence each.
    """
    run = measured.run
    form = run.params.get("weighting", {}).get("pixel_weight", "squared")
    learning = measured.learning()
    return {
        "name": run.path.as_posix(),
        "path": run.path.as_posix(),
        "fingerprint": _fingerprint(run),
        "size": run.size,
        "tile": tile,
        "chunk": CHUNK,
        "count": len(run.ids),
        "stops": [_stop(run, stop) for stop in run.stops],
        "splits": {split: [run.rows(split).start, run.rows(split).stop] for split in SPLITS},
        "params": run.params,
        "pixel_weight": [rounded(float(u)) for u in pixel_weight(torch.arange(256) / 255, form)],
        "branches": list(BRANCHES),
        "metrics": {
            name: {"label": m.label, "lower": m.lower_is_better, "meaning": m.meaning} for name, m in METRICS.items()
        },
        "models": MODELS,
        "files": _files(run),
        "curves": {split: _curves(measured.scores, split) for split in ("val", "test")},
        "distributions": {
            stop: {split: _distributions(table, run.rows(split)) for split in SPLITS}
            for stop, table in measured.at.items()
        },
        "shares": {stop.name: _shares(measured.at[stop.name], learning) for stop in run.stops},
        "story": story(measured),
        "missing": missing(run),
    }


def missing(run: Run) -> list[str]:
    """Which labels of the training images have not been made, a sentence each."""
    whose = {"segmenter_labels": "the segmenter's", "sam_labels": "SAM's"}
    return [
        f"{stop.title}: {whose[kind]} labels of the training images have not been made; "
        "`snakemake --cores all` or `dvc repro` makes them."
        for stop, kind in run.missing_labels()
    ]


def _stop(run: Run, stop: Stop) -> dict[str, Any]:
    teacher, sam = (bool(run.shards(stop, kind)) for kind in LABEL_KINDS)
    return {"name": stop.name, "title": stop.title, "labels": teacher or sam, "teacher": teacher, "sam": sam}


def _files(run: Run) -> dict[str, Any]:
    """data -> split -> file; truth; stops -> stop -> evaluation, and kind -> shards as [file, first, last + 1]."""
    stops = {
        stop.name: {"evaluation": stop.evaluation.as_posix()}
        | {
            kind: [[shard.path.as_posix(), shard.first, shard.last] for shard in run.shards(stop, kind)]
            for kind in LABEL_KINDS
        }
        for stop in run.stops
    }
    data = {split: data_file(run.path, split).as_posix() for split in SPLITS}
    return {"data": data, "truth": truth_file(run.path).as_posix(), "stops": stops}


def _fingerprint(run: Run) -> str:
    """Of the data and the initialization, so that what a reader marked under it is there after further rounds."""
    files = [*(data_file(run.path, split) for split in SPLITS), truth_file(run.path), run.stops[0].evaluation]
    together = " ".join(run.headers[path].fingerprint for path in files)
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
