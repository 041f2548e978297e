"""The report: one HTML page that needs nothing but itself."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from scaler.metrics.names import METRICS, MODELS
from scaler.pages.report.caveats import PHASE_ONE, branch_totals, find_warnings
from scaler.pages.report.charts import Segment, Series, before_after_chart, epochs_chart, shares_chart, stops_chart
from scaler.pages.report.cold import cold_images
from scaler.pages.report.gallery import Card, galleries
from scaler.pages.report.inputs import ReportInputs, TrainingLog
from scaler.pages.report.quality import LabelQuality, label_quality
from scaler.pages.report.sets import set_headings, set_tables
from scaler.pages.report.story import headline, improvement, movers, signed, went_well, went_wrong
from scaler.pages.report.tables import BRANCHES
from scaler.params import round_number

SPLITS = {"test": "Test", "val": "Validation"}
KEY_METRICS = ("iou", "s_alpha", "mae")
CHARTED = ("iou", "s_alpha", "mae", "e_mean", "f_adaptive", "f_weighted")
STAGE_TITLES = {"initialize_segmenter": "Init.", "initialize_sam": "Init.", "warm_up": "Warm-up"}
LABEL_SOURCES = {"teacher": "Teacher", "sam": "SAM", "consensus": "Consensus"}
NAN = float("nan")
COLD_SHOWN = 12  # names of cold starts that a round's line shows


def build_report(inputs: ReportInputs) -> str:
    """The whole page.

    Args:
        inputs: see `scaler.pages.report.inputs`; `scaler.pages.report.gather.gather` reads them from a run.

    Returns:
        ASCII HTML without any external resource; the same inputs give the same text.
    """
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["plain"] = json.dumps
    shown = galleries(inputs)
    style = _asset("report.css") + "".join(_photo_rule(card) for gallery in shown for card in gallery.cards)
    script = _asset("report.js")
    page = environment.get_template("report.html").render(
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        headline=headline(inputs),
        went_well=went_well(inputs),
        went_wrong=went_wrong(inputs),
        warnings=find_warnings(inputs),
        models=MODELS,
        metrics=METRICS,
        key_metrics=KEY_METRICS,
        key_table=metric_table(inputs, "test", KEY_METRICS),
        key_chart=_metric_chart(inputs, "test", "iou"),
        full_tables=[(SPLITS[split], metric_table(inputs, split, tuple(METRICS))) for split in _splits(inputs)],
        metric_charts=[
            (split, SPLITS[split], [_metric_chart(inputs, split, name) for name in CHARTED])
            for split in _splits(inputs)
        ],
        before_after=_before_after(inputs),
        movers=[("The segmenter lost most on", movers(inputs, -1)), ("It gained most on", movers(inputs, 1))],
        first_title=inputs.rounds[0].title.lower(),
        last_title=inputs.rounds[-1].title.lower(),
        galleries=shown,
        unlabelled=not inputs.train.labelled.all(),
        sets=set_tables(inputs),
        set_headings=set_headings(),
        paper_protocol=bool(inputs.params.get("prepare_data", {}).get("paper_protocol")),
        cold=cold_images(inputs),
        cold_shown=COLD_SHOWN,
        quality=label_quality(inputs),
        quality_charts=_quality_charts(label_quality(inputs)),
        sources=LABEL_SOURCES,
        branches=BRANCHES,
        branch_totals=branch_totals(inputs),
        training_charts=_training_charts(inputs),
        params=inputs.params,
        artifacts=inputs.artifacts,
        read_lines=_read_lines(inputs),
    )
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")  # safe whatever encoding a browser guesses


def metric_table(inputs: ReportInputs, split: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """One row per stop: its title and, per model, per metric, value, change since the initialization, and its trend."""
    rows = []
    first = inputs.rounds[0].scores[split].summary
    for view in inputs.rounds:
        summary = view.scores[split].summary
        cells = {
            model: {name: _entry(name, summary[model][name], first[model][name]) for name in names}
            for model in MODELS
            if model in summary
        }
        rows.append({"title": view.title, "first": view is inputs.rounds[0], "cells": cells})
    return rows


def _entry(metric: str, value: float, start: float) -> dict[str, str]:
    better = improvement(metric, value - start)
    trend = "same" if abs(better) < 0.0005 else "better" if better > 0 else "worse"
    return {"value": f"{value:.3f}", "change": signed(value - start), "trend": trend}


def _splits(inputs: ReportInputs) -> list[str]:
    return [split for split in SPLITS if all(split in view.scores for view in inputs.rounds)]


def _metric_chart(inputs: ReportInputs, split: str, metric: str) -> Markup:
    series = [
        Series(title, model, [view.scores[split].summary[model][metric] for view in inputs.rounds])
        for model, title in MODELS.items()
    ]
    note = f"{SPLITS[split].lower()}{', lower is better' if METRICS[metric].lower_is_better else ''}"
    return stops_chart(METRICS[metric].label, [view.title for view in inputs.rounds], series, note)


def _before_after(inputs: ReportInputs) -> list[Markup]:
    first, last = (inputs.rounds[i].scores["test"] for i in (0, -1))
    return [
        before_after_chart(MODELS[model], model, last.ids, first.per_image[model]["iou"], last.per_image[model]["iou"])
        for model in ("segmenter", "sam")
    ]


def _quality_charts(quality: list[LabelQuality]) -> list[Markup]:
    if not quality:
        return []
    titles = [item.title for item in quality]
    fit = [Series(title, name, [item.iou[name] for item in quality]) for name, title in LABEL_SOURCES.items()]
    agreement = [Series("Agreement", "normal", [item.agreement for item in quality])]
    weights = [Series(LABEL_SOURCES[m], m, [item.weight[m] for item in quality]) for m in ("teacher", "sam")]
    return [
        stops_chart("IoU of the labels with the truth", titles, fit),
        stops_chart("IoU of teacher with SAM", titles, agreement),
        stops_chart("Mean image weight of the labels", titles, weights, "w, eq 4"),
    ]


def _training_charts(inputs: ReportInputs) -> list[Markup]:
    phase_one = [log for log in inputs.training if log.stage in PHASE_ONE and _epochs(log)]
    phase_two = [log for log in inputs.training if log.stage == "train_sam" and _epochs(log)]
    charts = []
    if phase_one:
        segments = _segments(phase_one)
        branches = [Series(name, name, _joined(phase_one, f"n_{name}")) for name in BRANCHES]
        charts.append(shares_chart("Branches taken", segments, branches, "share of unlabelled images per epoch, eq 12"))
        for title, quantity, note in (
            ("Mean image weight", "w", "eq 4"),
            ("Mean pixel weight", "u", "eq 6"),
            ("Mean entropy", "entropy", "eq 5"),
        ):
            series = [Series(LABEL_SOURCES[m], m, _joined(phase_one, f"{quantity}_{m}")) for m in ("teacher", "sam")]
            charts.append(epochs_chart(title, segments, series, f"per epoch of Phase I, {note}"))
        loss = [Series("Loss", "segmenter", _joined(phase_one, "loss"))]
        charts.append(epochs_chart("Loss of the segmenter", segments, loss, "Phase I"))
    if phase_two:
        loss = [Series("Loss", "sam", _joined(phase_two, "loss"))]
        charts.append(epochs_chart("Loss of SAM’s adapter", _segments(phase_two), loss, "Phase II"))
    return charts


def _segments(logs: list[TrainingLog]) -> list[Segment]:
    return [Segment(STAGE_TITLES.get(log.stage, f"Round {round_number(log.round)}"), _epochs(log)) for log in logs]


def _joined(logs: list[TrainingLog], name: str) -> list[float]:
    values: list[float] = []
    for log in logs:
        values += log.columns[name].tolist() if name in log.columns else [NAN] * _epochs(log)
    return values


def _epochs(log: TrainingLog) -> int:
    return len(log.columns.get("epoch", ()))


def _read_lines(inputs: ReportInputs) -> list[str]:
    last = inputs.rounds[-1]
    lines = [f'h5py.File({json.dumps(last.evaluation)})["test/segmenter/iou"][()]  # one value per test image']
    if last.segmenter_labels is not None:
        shard = json.dumps(last.segmenter_labels.paths[0])
        lines.append(f'h5py.File({shard})["teacher"][0]  # (S, S) uint8, round(255 p)')
        lines.append(f'h5py.File({shard})["weight"][()]  # w of eq 4, one value per image')
        lines.append(f'h5py.File({shard})["id"].asstr()[()]  # the names, in the same order')
    return lines


def _photo_rule(card: Card) -> str:
    return f".photo-{card.key}{{background-image:url({card.photograph})}}\n"


def _asset(name: str) -> str:
    return resources.files("scaler.pages.report").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("ascii")).digest()).decode("ascii")
