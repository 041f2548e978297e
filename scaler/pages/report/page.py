"""The report: one HTML page that needs nothing but itself."""

from __future__ import annotations

import json
from typing import Any

from scaler.artifacts.run import TrainingLog
from scaler.metrics.names import METRICS, MODELS
from scaler.pages.assets import asset, render
from scaler.pages.report.caveats import find_warnings
from scaler.pages.report.gallery import Card, galleries
from scaler.pages.report.tables import cold_starts
from scaler.pages.report.training import BRANCHES, branch_totals, training_charts
from scaler.pages.story import movers, signed, story, trend
from scaler.pages.table import KINDS, Column, Measured, rounded

SPLITS = {"test": "Test", "val": "Validation"}
KEY_METRICS = ("iou", "s_alpha", "mae")
CHARTED = ("iou", "s_alpha", "mae", "e_mean", "f_adaptive", "f_weighted")
SET_METRICS = ("s_alpha", "f_adaptive", "e_mean", "mae", "iou")
LABEL_SOURCES = {"teacher": "Teacher", "sam": "SAM", "consensus": "Consensus"}
COLD_SHOWN = 12  # names of cold starts that a stop's line shows


def build_report(measured: Measured, logs: list[TrainingLog], images: int) -> str:
    """The whole page.

    Args:
        measured: the run, with at least two stops.
        logs: of its training stages.
        images: pictures in each group.

    Returns:
        ASCII HTML without any external resource; the same run gives the same text.
    """
    shown = galleries(measured, images)
    splits = [split for split in SPLITS if all(split in scores for scores in measured.scores)]
    return render(
        "report.html",
        style="".join(_photo_rule(card) for gallery in shown for card in gallery.cards),
        script=asset("report.js"),
        story=story(measured),
        warnings=find_warnings(measured, logs),
        models=MODELS,
        metrics=METRICS,
        key_metrics=KEY_METRICS,
        key_table=metric_table(measured, "test", KEY_METRICS),
        key_chart=_metric_chart(measured, "test", "iou"),
        full_tables=[(SPLITS[split], metric_table(measured, split, tuple(METRICS))) for split in splits],
        metric_charts=[
            (split, SPLITS[split], [_metric_chart(measured, split, name) for name in CHARTED]) for split in splits
        ],
        before_after=[_before_after(measured, model) for model in ("segmenter", "sam")],
        movers=[("The segmenter lost most on", movers(measured, -1)), ("It gained most on", movers(measured, 1))],
        first_title=measured.titles[0].lower(),
        last_title=measured.titles[-1].lower(),
        galleries=shown,
        unlabelled=not all(measured.run.column("train", "labelled")),
        sets=set_tables(measured),
        set_metrics=SET_METRICS,
        paper_protocol=bool(measured.params.get("prepare_data", {}).get("paper_protocol")),
        cold=[(title, [measured.run.ids[row] for row in rows]) for title, rows in cold_starts(measured).items()],
        cold_shown=COLD_SHOWN,
        judged=len(measured.judged()),
        quality=label_quality(measured),
        quality_charts=_quality_charts(measured),
        branches=BRANCHES,
        branch_totals=branch_totals(logs),
        training_charts=training_charts(logs),
        params=measured.params,
        artifacts=measured.run.headers,
        read_lines=_read_lines(measured),
    )


def metric_table(measured: Measured, split: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """One row per stop: its title and, per model, per metric, value, change since the initialization, and its trend."""
    first = measured.scores[0][split].summary
    rows: list[dict[str, Any]] = []
    for title, scores in zip(measured.titles, measured.scores, strict=True):
        summary = scores[split].summary
        cells = {
            model: {name: _entry(name, summary[model][name], first[model][name]) for name in names}
            for model in MODELS
            if model in summary
        }
        rows.append({"title": title, "first": not rows, "cells": cells})
    return rows


def set_tables(measured: Measured) -> list[dict[str, Any]]:
    """By model, a row per test set: how many images, and each metric at the end with its change; [] for one set.

    The field's tables have a row for each set, never a mean over all images.
    """
    first, last = (measured.scores[i]["test"] for i in (0, -1))
    return [
        {
            "model": model,
            "title": title,
            "rows": [
                {
                    "name": name or "(no name)",
                    "count": last.set.count(name),
                    "cells": [_entry(key, own[model][key], first.sets[name][model][key]) for key in SET_METRICS],
                }
                for name, own in last.sets.items()
            ],
        }
        for model, title in MODELS.items()
        if last.sets
    ]


def label_quality(measured: Measured) -> list[dict[str, Any]]:
    """One row per stop that has labels.

    Means: IoU with the truth by source, IoU of teacher with SAM, weights, agreement of SAM's views; and how many images
    are empty in both. Means are None where no image has a value.
    """
    learning, judged = measured.learning(), measured.judged()
    rows = []
    for stop in measured.labelled_stops():
        table = measured.at[stop.name]
        rows.append(
            {
                "title": stop.title,
                "iou": {source: measured.mean(stop, f"{source}_truth", judged) for source in LABEL_SOURCES},
                "agreement": measured.mean(stop, "iou", learning),
                "weight": {source: measured.mean(stop, f"{source}_weight", learning) for source in KINDS},
                "views": measured.mean(stop, "sam_agreement", learning),
                "empty": sum(all(table[f"{source}_components"][row] == 0 for source in KINDS) for row in learning),
            }
        )
    return rows


def _entry(metric: str, value: float, start: float) -> dict[str, str]:
    return {"value": f"{value:.3f}", "change": signed(value - start), "trend": trend(metric, value - start)}


def _series(label: str, kind: str, values: Column) -> dict[str, Any]:
    return {"label": label, "kind": kind, "values": [rounded(value, 5) for value in values]}


def _stops_chart(title: str, note: str, titles: list[str], series: list[dict[str, Any]]) -> dict[str, Any]:
    return {"kind": "stops", "title": title, "note": note, "titles": titles, "series": series}


def _metric_chart(measured: Measured, split: str, metric: str) -> dict[str, Any]:
    series = [
        _series(title, model, [scores[split].summary[model][metric] for scores in measured.scores])
        for model, title in MODELS.items()
    ]
    note = f"{SPLITS[split].lower()}{', lower is better' if METRICS[metric].lower_is_better else ''}"
    return _stops_chart(METRICS[metric].label, note, measured.titles, series)


def _before_after(measured: Measured, model: str) -> dict[str, Any]:
    first, last = (measured.scores[i]["test"] for i in (0, -1))
    before, after = ([rounded(v, 4) for v in scores.per_image[model]["iou"].tolist()] for scores in (first, last))
    title = MODELS[model]
    return {"kind": "dots", "title": title, "note": "", "model": model, "ids": last.ids, "before": before,
            "after": after}  # fmt: skip


def _quality_charts(measured: Measured) -> list[dict[str, Any]]:
    quality = label_quality(measured)
    if not quality:
        return []
    titles = [row["title"] for row in quality]
    fit = [_series(title, name, [row["iou"][name] for row in quality]) for name, title in LABEL_SOURCES.items()]
    agreement = [_series("Teacher with SAM", "both", [row["agreement"] for row in quality])]
    weights = [_series(LABEL_SOURCES[name], name, [row["weight"][name] for row in quality]) for name in KINDS]
    if any(row["views"] is not None for row in quality):
        weights.append(_series("SAM's views agree", "both", [row["views"] for row in quality]))
    return [
        _stops_chart("IoU of the labels with the truth", "", titles, fit),
        _stops_chart("IoU of teacher with SAM", "", titles, agreement),
        _stops_chart("Mean image weight of the labels", "w, eq 4", titles, weights),
    ]


def _read_lines(measured: Measured) -> list[str]:
    last = measured.stops[-1]
    lines = [
        f'h5py.File({json.dumps(last.evaluation.as_posix())})["test/segmenter/iou"][()]  # one value per test image'
    ]
    shards = measured.run.shards(last, "segmenter_labels")
    if shards:
        shard = json.dumps(shards[0].path.as_posix())
        lines.append(f'h5py.File({shard})["teacher"][0]  # (S, S) uint8, round(255 p)')
        lines.append(f'h5py.File({shard})["weight"][()]  # w of eq 4, one value per image')
        lines.append(f'h5py.File({shard})["id"].asstr()[()]  # the names, in the same order')
    return lines


def _photo_rule(card: Card) -> str:
    return f".photo-{card.key}{{background-image:url({card.photograph})}}\n"
