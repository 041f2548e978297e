"""Tables of a study: statistics by hand, marks, three formats that say the same."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest

from scaler.metrics.names import METRICS
from scaler.pages.comparison import compare, lines_of, write_tables
from scaler.pipeline.grid import Study

STUDY = Study(
    title="<Tiny>",
    against="full",
    seeds=[0, 1, 2],
    supervision={"1/8 & points": {}},
    recipes={"low_one": {}, "full": {"label": "full method"}, "sam": {"result": "sam"}, "all": {"bound": True}},
    metrics=["iou", "mae"],
)
SCORES = {"low_one": (0.1, 0.2, 0.3), "full": (0.4, 0.6, 0.8), "sam": (0.5, 0.6, 0.7), "all": (0.9, 0.9, 0.9)}


def rows() -> list[dict[str, str]]:
    return [
        {"recipe": recipe, "supervision": "1/8 & points", "seed": str(seed), "step": step, "model": model}
        | dict.fromkeys(METRICS, str(value if (step, model) == ("last", judged) else 0.0))
        | {"seconds": "10", "memory_mb": str(100 + seed), "gpu_memory_mb": "", "processor": "a processor", "code": "c"}
        for recipe, values in SCORES.items()
        for seed, value in enumerate(values)
        for step in ("warm_up", "last")
        for model in ("segmenter", "sam")
        for judged in [STUDY.recipes[recipe].result]
    ]


def test_mean_interval_and_paired_test() -> None:
    entry = compare({0: 0.1, 1: 0.2, 2: 0.3}, {0: 0.4, 1: 0.6, 2: 0.8})
    assert entry.mean == pytest.approx(0.2)
    assert entry.half_width == pytest.approx(4.302653 * 0.1 / math.sqrt(3), rel=1e-6)
    assert entry.difference == pytest.approx(-0.4)
    t = 0.4 / (0.1 / math.sqrt(3))  # two degrees of freedom: the distribution has a closed form
    assert entry.p == pytest.approx(1 - t / math.sqrt(2 + t * t))


def test_only_seeds_that_both_have_are_paired() -> None:
    entry = compare({0: 0.5, 1: 0.5}, {1: 0.4, 2: 0.0})
    assert entry.difference == pytest.approx(0.1)
    assert math.isnan(entry.p)


def test_one_seed_has_no_interval_and_equal_differences_have_no_test() -> None:
    assert math.isnan(compare({0: 0.5}, None).half_width)
    assert math.isnan(compare({0: 0.5, 1: 0.6}, {0: 0.4, 1: 0.5}).p)


def test_best_and_second_best_follow_the_metric_and_leave_bounds_out() -> None:
    marks = {line.name: {m: e.mark for m, e in line.entries.items()} for line in lines_of(STUDY, rows())}
    assert marks["all"] == {"iou": "", "mae": ""}
    assert marks["low_one"] == {"iou": "second", "mae": "best"}
    assert marks["full"]["iou"] == marks["sam"]["iou"] == "best"


def test_three_formats(tmp_path: Path) -> None:
    paths = write_tables(tmp_path, STUDY, rows(), 15)
    assert [path.name for path in paths] == ["table.html", "table.csv", "table.tex"]
    page, table, latex = (path.read_text(encoding="utf-8") for path in paths)
    assert "&lt;Tiny&gt;" in page
    assert "12 of 15 runs" in page
    assert "<b>0.600</b> &plusmn; 0.497" in page
    assert r"\textbf{0.600} $\pm$ 0.497" in latex
    assert r"low\_one" in latex
    assert r"1/8 \& points" in latex
    found = {(row["recipe"], row["metric"]): row for row in csv.DictReader(table.splitlines())}
    assert found["low_one", "iou"]["difference"] == "-0.4000"
    assert found["full", "iou"]["p"] == ""


def test_recipes_without_rows_have_no_line(tmp_path: Path) -> None:
    assert lines_of(STUDY, []) == []
    assert "not complete" in write_tables(tmp_path, STUDY, [], 15)[0].read_text(encoding="utf-8")


def test_figures_of_the_paper_stand_beside_those_of_the_same_role(tmp_path: Path) -> None:
    place = {"task": "PIS", "setting": "1/8", "dataset": "Kvasir"}
    recipes = {"full": {"paper": "SCALER"}, "low_one": {"paper": "WS-SAM"}, "sam": {"result": "sam"}}
    changed = {"paper": {"1/8 & points": place}, "recipes": recipes}
    paths = write_tables(tmp_path, Study.model_validate(STUDY.model_dump() | changed), rows(), 9)
    page, table, latex = (path.read_text(encoding="utf-8") for path in paths)
    found = {(row["recipe"], row["metric"]): row["paper"] for row in csv.DictReader(table.splitlines())}
    assert found["full", "mae"] == "0.050"
    assert set(found.values()) == {"0.050", ""}, "the paper has no IoU, and no WS-SAM with masks"
    assert page.count("<br><small>paper 0.050") == 1
    assert "(0.050)" in latex
    assert "1/8 &amp; points beside PIS, 1/8, Kvasir" in page


def test_memory_of_a_gpu_has_a_column_where_one_was_used(tmp_path: Path) -> None:
    assert "GPU memory" not in write_tables(tmp_path, STUDY, rows(), 15)[0].read_text(encoding="utf-8")
    used = [row | {"gpu_memory_mb": "512"} if row["seed"] == "1" else row for row in rows()]
    page = write_tables(tmp_path, STUDY, used, 15)[0].read_text(encoding="utf-8")
    assert "GPU memory, MB" in page
    assert page.count("<td>512</td>") == 4
