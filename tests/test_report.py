from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import json
import math
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from scaler.artifacts.header import Header
from scaler.artifacts.layout import (
    SCHEMA,
    DataSet,
    write_columns,
    write_data,
    write_ids,
    write_images,
    write_log,
    write_truth,
)
from scaler.artifacts.sealing import sealed_hdf5
from scaler.errors import ScalerError
from scaler.metric_names import CURVES, METRICS, MODELS
from scaler.params import Params, RoundParams, load_params
from scaler.report import gather as gathering
from scaler.report.caveats import branch_totals, find_warnings
from scaler.report.charts import Segment, Series, axis, shares_chart, stops_chart
from scaler.report.gallery import galleries, overlap
from scaler.report.inputs import ReportInputs
from scaler.report.page import build_report, metric_table
from scaler.report.pictures import BLUE, ORANGE, disagreement, outline, outlines, photograph, probability
from scaler.report.quality import label_quality
from scaler.report.story import gain, headline, movers, signed, went_well, went_wrong
from scaler.report.tables import f_measure_csv, iou_csv, metrics_json, rounds_csv, training_csv
from scaler.scores import write_scores
from tests.report_world import make_inputs

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE images; --",
    "a&b</style></title><svg onload=alert(1)>",
    "{{ 7 * 7 }} {% raw %}",
    "../../etc/passwd\u202egnp",
]


@pytest.fixture(scope="module")
def inputs() -> ReportInputs:
    return make_inputs()


@pytest.fixture(scope="module")
def page(inputs: ReportInputs) -> str:
    return build_report(inputs)


class Elements(HTMLParser):
    """Every element with its attributes, and the text outside script and style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside = tag if tag in ("script", "style") else ""

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.text += data


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


def test_the_page_needs_nothing_but_itself(page: str) -> None:
    assert page.isascii()
    assert len(page) < 4_000_000
    assert not re.search(r"https?://|url\((?!data:image/png;base64,)|@import|//cdn", page)
    for tag, attributes in Elements(page).elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form")
        assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("data:image/png;base64,", "#"))


def test_the_policy_allows_exactly_this_style_and_script(page: str) -> None:
    policy = next(a["content"] for t, a in Elements(page).elements if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.split(maxsplit=1) for rule in str(policy).split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    for tag in ("style", "script"):
        bodies = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert len(bodies) == 1
        digest = base64.b64encode(hashlib.sha256(bodies[0].encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"


def test_hostile_names_stay_text() -> None:
    inputs = make_inputs(rounds=1, count=len(HOSTILE), images=len(HOSTILE), test_ids=HOSTILE)
    page = build_report(inputs)
    parsed, harmless = Elements(page), Elements(build_report(make_inputs(1, len(HOSTILE), images=len(HOSTILE))))
    assert [tag for tag, _ in parsed.elements] == [tag for tag, _ in harmless.elements]
    for name in HOSTILE:
        assert name in parsed.text
    assert "49" not in re.findall(r"<h4>(.*?)</h4>", page)


def test_numbers_on_the_page_are_those_of_the_run(inputs: ReportInputs, page: str) -> None:
    text = Elements(page).text
    for split in ("test", "val"):
        for view in inputs.rounds:
            for model in MODELS:
                for name in METRICS:
                    assert f"{view.scores[split].summary[model][name]:.3f}" in text
    for row in label_quality(inputs):
        for value in (*row.iou.values(), row.agreement, *row.weight.values()):
            assert f"{value:.3f}" in text
    for view in inputs.rounds:
        assert view.title in text
    row = metric_table(inputs, "test", ("iou", "mae"))[-1]["cells"]["segmenter"]
    first, last = (inputs.rounds[i].scores["test"].summary["segmenter"] for i in (0, -1))
    assert row["iou"]["change"] == signed(last["iou"] - first["iou"])
    assert row["iou"]["trend"] == row["mae"]["trend"] == "better"  # a lower error is better


def test_the_same_run_gives_the_same_bytes(inputs: ReportInputs, page: str) -> None:
    again = make_inputs()
    assert build_report(again) == page
    assert not re.search(r"20\d\d-\d\d-\d\d", Elements(page).text)
    for writer in (metrics_json, rounds_csv, training_csv, iou_csv, f_measure_csv):
        assert writer(inputs) == writer(again)


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


def decode(uri: str) -> np.ndarray:
    raw = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(io.BytesIO(raw)).convert("RGBA"))


def test_pictures_show_what_they_are_given() -> None:
    ramp = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1))
    assert np.abs(decode(probability(ramp))[..., 0].astype(int) - ramp).max() <= 9
    first, sam = (np.zeros((8, 8), np.uint8) for _ in range(2))
    first[:, :5] = 200
    sam[:, 3:] = 200
    shown = decode(disagreement(first, sam))
    assert tuple(shown[0, 0, :3]) == BLUE
    assert tuple(shown[0, 7, :3]) == ORANGE
    assert shown[0, 3, 0] > 200
    over = decode(outlines(first, sam, None))
    assert tuple(over[4, 4]) == (*BLUE, 255)
    assert tuple(over[4, 3]) == (*ORANGE, 255)
    assert over[4, 0, 3] < 255  # inside, the photograph shows through
    image = np.random.default_rng(0).integers(0, 256, (300, 200, 3), dtype=np.uint8)
    assert decode(photograph(image)).shape == (128, 85, 4)


def test_an_outline_is_the_rim_of_the_object() -> None:
    inside = np.zeros((7, 7), bool)
    inside[2:5, 2:5] = True
    rim = outline(inside)
    assert rim.sum() == 8
    assert not rim[3, 3]


def test_charts_survive_gaps_and_odd_ranges() -> None:
    assert axis([0.123, 0.871])[0] <= 0.123
    assert axis([0.5, 0.5])[0] < 0.5 < axis([0.5, 0.5])[1]
    assert axis([])[:2] == (0.0, 1.0)
    nan = float("nan")
    svg = stops_chart(
        "A < B", ["x", "y", "z"], [Series("s", "sam", [0.1, nan, 0.3]), Series("t", "teacher", [nan] * 3)]
    )
    assert "nan" not in svg.lower()
    assert "A &lt; B" in svg
    bars = shares_chart("b", [Segment("Warm-up", 2)], [Series("n", "normal", [3, 0]), Series("d", "difficult", [1, 0])])
    assert bars.count("<rect") == 2  # the second epoch saw no image
    assert "epoch 1: n 3, d 1" in bars
    many = shares_chart("b", [Segment("Warm-up", 1000)], [Series("n", "normal", [1.0] * 1000)])
    assert many.count("<rect") <= 160


def test_tables_are_what_the_engines_read(inputs: ReportInputs) -> None:
    values = json.loads(metrics_json(inputs))
    assert list(values) == ["final", "initialization", "gain"]
    final, start = (values[k]["test"]["segmenter"]["iou"] for k in ("final", "initialization"))
    assert values["gain"]["test"]["segmenter"]["iou"] == pytest.approx(final - start, abs=2e-6)
    rounds = pd.read_csv(io.StringIO(rounds_csv(inputs)))
    assert rounds.columns.tolist() == ["step", "round", "split", "model", *METRICS]
    assert len(rounds) == len(inputs.rounds) * 2 * len(MODELS)
    training = pd.read_csv(io.StringIO(training_csv(inputs)))
    assert training.columns.tolist()[:4] == ["stage", "round", "epoch", "loss"]
    assert len(training) == sum(len(log.columns["epoch"]) for log in inputs.training)
    warm = training[training["stage"] == "warm_up"]
    unlabelled = int((~inputs.train.labelled).sum())
    assert (warm[["n_difficult", "n_normal", "n_simple"]].sum(axis=1) == unlabelled).all()
    assert training["w_teacher"].isna().any()  # a stage without weights leaves them empty


def test_the_tables_to_plot_have_one_column_a_line(inputs: ReportInputs) -> None:
    table = pd.read_csv(io.StringIO(iou_csv(inputs)))
    assert table.columns.tolist() == ["step", "round", "segmenter", "teacher", "sam"]
    last = inputs.rounds[-1].scores["test"]
    assert table["sam"].iloc[-1] == pytest.approx(last.summary["sam"]["iou"], abs=1e-6)
    curves = pd.read_csv(io.StringIO(f_measure_csv(inputs)))
    assert len(curves) == 256
    expected = last.curves["teacher"][CURVES.index("f_measure")]
    assert curves["teacher final"].to_numpy() == pytest.approx(expected, abs=1e-6)


def test_one_image_and_no_epoch_still_make_a_report() -> None:
    inputs = make_inputs(rounds=1, count=2, images=12)
    bare = dataclasses.replace(inputs, training=[], params={}, artifacts=[])
    page = build_report(bare)
    assert "no pseudo-label was used" in page
    assert training_csv(bare).startswith("stage,round,epoch,loss")


def seal(path: Path, kind: str) -> object:
    header = Header(
        kind, SCHEMA[kind], "a_stage", "out", {}, [], {"seed": 0, "report": {"images": 4}}, "c" * 64, {}, "f" * 64
    )
    return sealed_hdf5(path, header)


def write_run(root: Path, inputs: ReportInputs) -> None:
    """The artifacts that `gather` reads."""
    for name, images in (("train", inputs.train), ("val", inputs.test), ("test", inputs.test)):
        n, size = len(images.ids), images.image.shape[1]
        marks, native = np.zeros((n, size, size), np.uint8), np.full((n, 2), size, np.int32)
        masks = images.mask * images.labelled[:, None, None]
        with seal(root / "data" / f"{name}.h5", "data") as file:
            write_data(file, DataSet(images.ids, images.image, masks, images.labelled, marks, native, []))
    with seal(root / "data" / "train_truth.h5", "truth") as file:
        write_truth(file, inputs.train.ids, inputs.train.mask, inputs.train.known)
    for log in inputs.training:
        folder = "init" if log.stage == "initialize_segmenter" else f"rounds/{log.round.replace('init', '0')}"
        kind = "sam" if log.stage.endswith("sam") else "segmenter"
        names = list(log.columns)
        rows = [dict(zip(names, map(float, row), strict=True)) for row in zip(*log.columns.values(), strict=True)]
        with seal(root / folder / f"{kind}.h5", kind) as file:
            write_log(file, rows)
    for view in inputs.rounds:
        with seal(root / view.name.replace("round_", "rounds/") / "evaluation.h5", "evaluation") as file:
            write_scores(file, view.scores)
        for kind, labels in (("sam_labels", view.sam_labels), ("segmenter_labels", view.segmenter_labels)):
            for shard in range(2) if labels else ():
                chosen = labels.shard == shard
                with seal(root / view.name.replace("round_", "rounds/") / kind / f"shard_{shard}.h5", kind) as file:
                    write_ids(file, [name for name, own in zip(labels.ids, chosen, strict=True) if own])
                    for name, stack in labels.maps.items():
                        write_images(file, name, stack[chosen])
                    write_columns(file, {name: column[chosen] for name, column in labels.columns.items()})
    shutil.copytree(root / "rounds" / "0" / "segmenter_labels", root / "init" / "segmenter_labels")


def as_stored(inputs: ReportInputs) -> ReportInputs:
    """The same run with every image's metrics in single precision."""
    views = []
    for view in inputs.rounds:
        scores = {}
        for split, old in view.scores.items():
            single = {
                model: {name: column.astype(np.float32).astype(np.float64) for name, column in columns.items()}
                for model, columns in old.per_image.items()
            }
            scores[split] = dataclasses.replace(old, per_image=single)
        views.append(dataclasses.replace(view, scores=scores))
    return dataclasses.replace(inputs, rounds=views)


def test_a_run_is_read_back_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inputs: ReportInputs) -> None:
    params = load_params_of(rounds=2)
    params = params.model_copy(update={"report": params.report.model_copy(update={"images": 4})})
    monkeypatch.chdir(tmp_path)
    write_run(Path("results"), inputs)
    found = gathering.gather(Path("results"), params)
    assert [view.title for view in found.rounds] == [view.title for view in inputs.rounds]
    assert [(log.stage, log.round) for log in found.training] == [(log.stage, log.round) for log in inputs.training]
    assert found.artifacts[0].fingerprint == "f" * 64
    assert found.params["seed"] == 0
    same = dataclasses.replace(found, params=inputs.params, artifacts=inputs.artifacts)
    assert build_report(same) == build_report(as_stored(inputs))
    assert rounds_csv(same) == rounds_csv(inputs)
    assert training_csv(same) == training_csv(inputs)


def test_large_pictures_are_read_as_small_as_they_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = make_inputs(rounds=1, count=3, size=160)
    monkeypatch.chdir(tmp_path)
    write_run(Path("results"), inputs)
    params = load_params_of(rounds=1)
    found = gathering.gather(Path("results"), params)
    assert found.test.image.shape == (3, 128, 128, 3)
    assert found.rounds[0].scores["test"].prediction["sam"].shape == (3, 128, 128)
    assert found.train.mask.shape == (3, 160, 160)  # what is counted keeps its size
    for ours, theirs in zip(galleries(found), galleries(inputs), strict=True):
        assert [(c.photograph, c.truth, c.cells) for c in ours.cards] == [
            (c.photograph, c.truth, c.cells) for c in theirs.cards
        ]


def load_params_of(rounds: int) -> Params:
    """The committed parameters with so many rounds."""
    params = load_params(Path(__file__).parents[1] / "params.yaml")
    chain = {str(r): RoundParams(prev=str(r - 1)) for r in range(1, rounds + 1)}
    return params.model_copy(update={"rounds": chain, "shards": ["0", "1"]})


def test_labels_of_other_images_are_refused(tmp_path: Path, inputs: ReportInputs) -> None:
    write_run(tmp_path, inputs)
    path = tmp_path / "rounds" / "1" / "sam_labels" / "shard_0.h5"
    path.unlink()
    stranger = inputs.rounds[-1].sam_labels
    assert stranger is not None
    with seal(path, "sam_labels") as file:
        write_ids(file, ["somebody", "else"])
        write_images(file, "probability", stranger.maps["probability"][:2])
        write_columns(file, {name: column[:2] for name, column in stranger.columns.items()})
    with pytest.raises(ScalerError, match="not those of"):
        gathering.gather(tmp_path, load_params_of(rounds=2))


def test_an_evaluation_without_predictions_has_no_test_pictures(inputs: ReportInputs) -> None:
    views = []
    for view in inputs.rounds:
        bare = dataclasses.replace(view.scores["test"], prediction={})
        views.append(dataclasses.replace(view, scores=view.scores | {"test": bare}))
    assert [gallery.key for gallery in galleries(dataclasses.replace(inputs, rounds=views))] == ["train"]


def test_evaluations_are_read_by_split(tmp_path: Path, inputs: ReportInputs) -> None:
    with h5py.File(tmp_path / "evaluation.h5", "w") as file:
        write_scores(file, inputs.rounds[0].scores)
    with h5py.File(tmp_path / "evaluation.h5") as file:
        assert list(gathering.read_evaluation(file)) == ["val", "test"]
