"""What the pages say in words: honest headlines, warnings with their reason."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from scaler.pages.report.caveats import find_warnings
from scaler.pages.report.training import branch_totals
from scaler.pages.story import gain, headline, movers, story, went_well, went_wrong
from scaler.pages.table import Measured
from tests.pages.conftest import Reported


def with_shift(measured: Measured, number: int, model: str, shift: float) -> Measured:
    """The same run with one model's test IoU moved at one stop, image by image."""
    scores = measured.scores[number]["test"]
    column = np.clip(scores.per_image[model]["iou"] + shift, 0, 1)
    moved = dataclasses.replace(
        scores,
        per_image=scores.per_image | {model: scores.per_image[model] | {"iou": column}},
        summary=scores.summary | {model: scores.summary[model] | {"iou": float(column.mean())}},
    )
    every = list(measured.scores)
    every[number] = every[number] | {"test": moved}
    return dataclasses.replace(measured, scores=every)


def with_column(measured: Measured, column: str, value: object) -> Measured:
    """The same run with a column of the last stop set to one value."""
    name = measured.stops[-1].name
    table = measured.at[name] | {column: [value] * len(measured.run.ids)}
    return dataclasses.replace(measured, at=measured.at | {name: table})


def test_the_headline_is_honest(reported: Reported) -> None:
    measured = reported.measured
    assert headline(measured) == "Both models got better."
    assert "rose from" in went_well(measured)
    worse = with_shift(measured, -1, "sam", -0.6)
    assert headline(worse) == "The segmenter got better, but SAM got worse."
    assert "SAM fell from" in went_well(worse)
    assert any(text.startswith("SAM lost more than 0.05 IoU") for text in went_wrong(worse))
    assert any("Worse than at the initialization" in text and "IoU of SAM" in text for text in went_wrong(worse))
    same = dataclasses.replace(measured, scores=[measured.scores[0]] * len(measured.stops))
    assert headline(same) == "Neither model clearly changed."
    assert movers(same, 1) == movers(same, -1) == []


def test_a_gain_within_its_interval_is_not_called_one(reported: Reported) -> None:
    g = gain(reported.measured, "segmenter")
    first, last = (reported.measured.scores[i]["test"].per_image["segmenter"]["iou"] for i in (0, -1))
    assert g.half_width == pytest.approx(1.96 * np.std(last - first, ddof=1) / math.sqrt(len(first)))
    assert g.verdict == 1
    assert dataclasses.replace(g, half_width=g.delta + 0.01).verdict == 0
    assert dataclasses.replace(g, last=g.first - 0.2, half_width=0.1).verdict == -1


def test_the_best_stop_on_validation_is_named_when_it_is_not_the_last(reported: Reported) -> None:
    measured = reported.measured
    scores = [measured.scores[i] for i in (0, 3, 2, 1)]
    backwards = dataclasses.replace(measured, scores=scores)
    assert any("“Warm-up”" in text and "validation" in text for text in went_wrong(backwards))
    assert not any("validation" in text for text in went_wrong(measured))


def test_how_the_labels_changed(reported: Reported) -> None:
    sentences = story(reported.measured)["labels"]
    assert "12 training images without a mask" in sentences[0]
    first, last = (reported.measured.stops[i] for i in (0, -1))
    judged = reported.measured.judged()
    means = [reported.measured.mean(stop, "teacher_truth", judged) for stop in (first, last)]
    assert f"from {means[0]:.3f} to {means[1]:.3f} mean IoU with the truth" in sentences[1]


def test_warnings_appear_for_their_reason(reported: Reported) -> None:
    measured, logs = reported.measured, reported.logs
    assert branch_totals(logs)["difficult"] > 0
    assert not any("never taken" in text for text in find_warnings(measured, logs))
    none = [
        dataclasses.replace(log, columns=log.columns | {"n_difficult": 0 * log.columns["n_difficult"]})
        if "n_difficult" in log.columns
        else log
        for log in logs
    ]
    assert any("never taken" in text and "E ≥ 0.8" in text for text in find_warnings(measured, none))
    assert any("no pseudo-label was used" in text for text in find_warnings(measured, []))
    blind = with_column(with_column(measured, "teacher_components", 0), "sam_components", 0)
    assert any("see nothing in 12 images" in text for text in find_warnings(blind, logs))
    decayed = with_column(measured, "consensus_truth", 0.0)
    assert any(text.startswith("The consensus labels fit the truth less well") for text in find_warnings(decayed, logs))
    sure = with_column(with_column(measured, "teacher_weight", 0.9), "teacher_truth", 0.1)
    assert any("high weight (w ≥ 0.8) and is wrong" in text for text in find_warnings(sure, logs))
    params = {"train_sam": {"epochs": 0}, "evaluate": {"stretch": "per_image"}}
    texts = find_warnings(dataclasses.replace(measured, params=params), logs)
    assert sum("one way" in text or "stretched" in text for text in texts) == 2


def test_truth_that_is_not_known_is_not_judged(reported: Reported) -> None:
    images = reported.measured.images | {"known": [False] * len(reported.measured.run.ids)}
    unknown = dataclasses.replace(reported.measured, images=images)
    assert any("is not known" in text for text in find_warnings(unknown, reported.logs))
    assert not any("with the truth" in text for text in story(unknown)["labels"])
