"""What the report says in words: honest headlines, warnings with their reason, pictures in the promised order."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from scaler.pages.report.caveats import branch_totals, find_warnings
from scaler.pages.report.gallery import galleries, overlap
from scaler.pages.report.inputs import ReportInputs
from scaler.pages.report.page import build_report
from scaler.pages.report.quality import label_quality
from scaler.pages.report.story import gain, headline, movers, went_well, went_wrong
from tests.pages.report.elements import Elements


def with_summary(inputs: ReportInputs, stop: int, model: str, shift: float) -> ReportInputs:
    """The same run with one model's test IoU moved at one stop, image by image."""
    scores = inputs.rounds[stop].scores["test"]
    column = np.clip(scores.per_image[model]["iou"] + shift, 0, 1)
    moved = dataclasses.replace(
        scores,
        per_image=scores.per_image | {model: scores.per_image[model] | {"iou": column}},
        summary=scores.summary | {model: scores.summary[model] | {"iou": float(column.mean())}},
    )
    view = dataclasses.replace(inputs.rounds[stop], scores=inputs.rounds[stop].scores | {"test": moved})
    rounds = [view if i == stop % len(inputs.rounds) else old for i, old in enumerate(inputs.rounds)]
    return dataclasses.replace(inputs, rounds=rounds)


def test_the_headline_is_honest(inputs: ReportInputs) -> None:
    assert headline(inputs) == "Both models got better."
    assert "rose from" in went_well(inputs)
    worse = with_summary(inputs, -1, "sam", -0.6)
    assert headline(worse) == "The segmenter got better, but SAM got worse."
    assert "SAM fell from" in went_well(worse)
    assert any(text.startswith("SAM lost more than 0.05 IoU") for text in went_wrong(worse))
    assert any("Worse than at the initialization" in text and "IoU of SAM" in text for text in went_wrong(worse))
    assert "but SAM got worse" in Elements(build_report(worse)).text
    same = dataclasses.replace(inputs, rounds=[inputs.rounds[0], inputs.rounds[0]])
    assert headline(same) == "Neither model clearly changed."
    assert movers(same, 1) == movers(same, -1) == []


def test_a_gain_within_its_interval_is_not_called_one(inputs: ReportInputs) -> None:
    g = gain(inputs, "segmenter")
    first, last = (inputs.rounds[i].scores["test"].per_image["segmenter"]["iou"] for i in (0, -1))
    assert g.half_width == pytest.approx(1.96 * np.std(last - first, ddof=1) / math.sqrt(len(first)))
    assert g.verdict == 1
    assert dataclasses.replace(g, half_width=g.delta + 0.01).verdict == 0
    assert dataclasses.replace(g, last=g.first - 0.2, half_width=0.1).verdict == -1


def test_the_best_stop_on_validation_is_named_when_it_is_not_the_last(inputs: ReportInputs) -> None:
    backwards = dataclasses.replace(inputs, rounds=[*inputs.rounds, inputs.rounds[1]])
    assert any("“Round 2”" in text and "validation" in text for text in went_wrong(backwards))
    assert not any("validation" in text for text in went_wrong(inputs))


def test_warnings_appear_for_their_reason(inputs: ReportInputs) -> None:
    assert branch_totals(inputs)["difficult"] > 0
    assert not any("never fired" in text for text in find_warnings(inputs))
    logs = []
    for log in inputs.training:
        columns = dict(log.columns)
        if "n_difficult" in columns:
            columns["n_difficult"] = np.zeros_like(columns["n_difficult"])
        logs.append(dataclasses.replace(log, columns=columns))
    assert any("never fired" in t and "E ≥ 0.8" in t for t in find_warnings(dataclasses.replace(inputs, training=logs)))
    last = inputs.rounds[-1]
    assert last.segmenter_labels is not None
    assert last.sam_labels is not None
    nothing = np.zeros_like(last.sam_labels.maps["probability"])
    blind = dataclasses.replace(
        last,
        sam_labels=dataclasses.replace(last.sam_labels, maps={"probability": nothing}),
        segmenter_labels=dataclasses.replace(
            last.segmenter_labels, maps={"probability": nothing, "teacher": nothing, "student": nothing}
        ),
    )
    texts = find_warnings(dataclasses.replace(inputs, rounds=[*inputs.rounds[:-1], blind]))
    unlabelled = int((~inputs.train.labelled).sum())
    assert any(f"see nothing in {unlabelled} images" in text for text in texts)
    assert any("fit the truth less well" in text for text in texts)
    one_way = dataclasses.replace(inputs, params={"train_sam": {"epochs": 0}, "evaluate": {"stretch": "per_image"}})
    assert sum("one-way" in t or "stretched" in t for t in find_warnings(one_way)) == 2


def test_truth_that_is_not_known_is_not_judged(inputs: ReportInputs) -> None:
    nobody = np.zeros(len(inputs.train.ids), dtype=bool)
    unknown = dataclasses.replace(inputs, train=dataclasses.replace(inputs.train, known=nobody))
    assert all(math.isnan(value) for row in label_quality(unknown) for value in row.iou.values())
    train = galleries(unknown)[1]
    assert [group.key for group in train.groups] == ["train-changed", "train-disagreed"]
    assert all(card.truth == "" and card.cells[0].first_iou == "" for card in train.cards)
    assert any("not known" in text for text in find_warnings(unknown))
    build_report(unknown)


def test_pictures_come_in_the_order_they_promise(inputs: ReportInputs) -> None:
    test, train = galleries(inputs)
    scores = inputs.rounds[-1].scores["test"].per_image["segmenter"]["iou"]
    worst = test.groups[0]
    assert len(worst.members) == inputs.images
    assert scores[worst.members[0]] == scores.min()
    assert list(scores[worst.members]) == sorted(scores)[: inputs.images]
    labels = [view.segmenter_labels for view in inputs.rounds if view.segmenter_labels]
    kept = overlap(labels[0].maps["teacher"], labels[-1].maps["teacher"])
    kept[inputs.train.labelled] = 2.0  # an image with a mask learns from no pseudo-label and is not shown
    assert train.groups[1].members == [int(i) for i in np.argsort(kept, kind="stable")[: inputs.images]]
    card = next(c for c in test.cards if c.name == inputs.test.ids[worst.members[0]])
    assert card.ranks["test-worst"] == 0
    assert [cell.title for cell in card.cells] == ["Init.", "Warm-up", "Round 1", "Round 2"]


def test_maps_that_overlap_nowhere_are_told_apart_by_their_probabilities() -> None:
    nothing, faint, loud = (np.full((1, 4, 4), value, np.uint8) for value in (0, 90, 255))
    assert overlap(nothing, loud)[0] < overlap(faint, loud)[0] < 0.001
    assert overlap(nothing, nothing)[0] == 1
    assert overlap(nothing, faint)[0] < 1  # both see nothing, but not equally surely


def test_lines_read_what_is_shown(inputs: ReportInputs) -> None:
    train = galleries(inputs)[1]
    for card in train.cards:
        i = inputs.train.ids.index(card.name)
        labels = inputs.rounds[-1].segmenter_labels
        assert labels is not None
        path, position = labels.paths[labels.shard[i]], labels.position[i]
        assert f'h5py.File("{path}")["teacher"][{position}]' in card.cells[-1].lines
        assert f'h5py.File("results/data/train.h5")["image"][{i}]' in card.lines
