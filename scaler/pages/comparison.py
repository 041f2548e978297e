"""The tables of a study: mean and 95 % interval over seeds, paired tests, the best marked; HTML, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scaler.artifacts.writing import write_file
from scaler.metrics.names import METRICS
from scaler.pages.assets import render
from scaler.params.rounds import LAST

if TYPE_CHECKING:  # pages know runs by their artifacts; the grid only says how its rows are named
    from scaler.pipeline.grid import RecipeEntry, Study

MINUS = "\N{MINUS SIGN}"
HEAD = (
    "supervision",
    "recipe",
    "model",
    "metric",
    "mean",
    "half_width_95",
    "seeds",
    "difference",
    "p",
    "mark",
    "paper",
)
Row = dict[str, str]


@dataclass(frozen=True)
class Entry:
    """One recipe in one metric.

    Attributes:
        mean: over the seeds; NaN without any.
        half_width: of the 95 % interval of the mean by Student's t; NaN for fewer than two seeds.
        count: seeds.
        difference: mean over the seeds that both have of recipe minus reference; NaN for the reference itself.
        p: of the paired t-test against the reference, two-sided; NaN where it has no meaning.
        mark: "best", "second" or "".
        paper: the paper's figure; NaN where it has none.
    """

    mean: float
    half_width: float
    count: int
    difference: float = math.nan
    p: float = math.nan
    mark: str = ""
    paper: float = math.nan


@dataclass(frozen=True)
class Line:
    """One recipe with one kind of labels.

    Attributes:
        supervision: the kind of labels.
        name: the recipe's key.
        recipe: how it is named and judged.
        entries: metric -> entry.
        seconds: mean over the cells.
        memory_mb: highest of the cells, on the host.
        gpu_memory_mb: the same of the GPU; NaN without one.
    """

    supervision: str
    name: str
    recipe: RecipeEntry
    entries: dict[str, Entry]
    seconds: float
    memory_mb: float
    gpu_memory_mb: float

    @property
    def label(self) -> str:
        """The first column."""
        return self.recipe.label or self.name


def compare(values: dict[int, float], reference: dict[int, float] | None) -> Entry:
    """Mean, interval and paired test of one recipe's scores.

    Args:
        values: seed -> score.
        reference: the same of the recipe to test against; None for that recipe itself.
    """
    from scipy import stats

    scores = np.array(list(values.values()))
    count = len(scores)
    mean = float(scores.mean()) if count else math.nan
    half_width = math.nan
    if count > 1:
        half_width = float(stats.t.ppf(0.975, count - 1) * scores.std(ddof=1) / math.sqrt(count))
    common = sorted(set(values) & set(reference or {}))
    if reference is None or not common:
        return Entry(mean, half_width, count)
    differences = np.array([values[seed] - reference[seed] for seed in common])
    p = math.nan
    if len(common) > 1 and np.ptp(differences) > 1e-12:  # equal differences have no spread to test against
        p = float(stats.ttest_1samp(differences, 0.0).pvalue)
    return Entry(mean, half_width, count, float(differences.mean()), p)


def lines_of(study: Study, rows: Sequence[Row]) -> list[Line]:
    """What the tables show: recipes that have rows, at the last stop, each judged by its own model."""
    lines = []
    for supervision in study.supervision:
        group = []
        for name, recipe in study.recipes.items():
            own = _judged(rows, supervision, name, recipe)
            if not own:
                continue
            reference = _judged(rows, supervision, study.against, study.recipes[study.against])
            entries = {
                metric: replace(
                    compare(_scores(own, metric), None if name == study.against else _scores(reference, metric)),
                    paper=study.published(supervision, name, metric),
                )
                for metric in study.metrics
            }
            seconds = float(np.mean([float(row["seconds"]) for row in own]))
            peaks = [_peak(own, column) for column in ("memory_mb", "gpu_memory_mb")]
            group.append(Line(supervision, name, recipe, entries, seconds, *peaks))
        lines += _marked(group, study.metrics)
    return lines


def _peak(rows: Sequence[Row], column: str) -> float:
    return max((float(row[column]) for row in rows if row[column]), default=math.nan)


def _judged(rows: Sequence[Row], supervision: str, name: str, recipe: RecipeEntry) -> list[Row]:
    wanted = (supervision, name, LAST, recipe.result)
    return [row for row in rows if (row["supervision"], row["recipe"], row["step"], row["model"]) == wanted]


def _scores(rows: Sequence[Row], metric: str) -> dict[int, float]:
    return {int(row["seed"]): float(row[metric]) for row in rows}


def _marked(group: list[Line], metrics: Sequence[str]) -> list[Line]:
    """The same lines with the best and the second best mean of each metric marked; equal means share a mark."""
    for metric in metrics:
        sign = 1 if METRICS[metric].lower_is_better else -1
        ranked = sorted({sign * line.entries[metric].mean for line in group if not line.recipe.bound})
        marks = dict(zip(ranked[:2], ("best", "second"), strict=False))
        for line in group:
            entry = line.entries[metric]
            if not line.recipe.bound:
                line.entries[metric] = replace(entry, mark=marks.get(sign * entry.mean, ""))
    return group


def write_tables(folder: Path, study: Study, rows: Sequence[Row], cells: int) -> list[Path]:
    """Write table.html, table.csv and table.tex.

    Args:
        folder: where to.
        study: the study.
        rows: its valid rows.
        cells: how many cells the whole study has.

    Returns:
        The files.
    """
    lines = lines_of(study, rows)
    texts = {"html": _html(study, lines, rows, cells), "csv": _csv(lines), "tex": _latex(study, lines)}
    paths = [folder / f"table.{ending}" for ending in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        write_file(path, text.encode())
    return paths


def _csv(lines: Sequence[Line]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    for line in lines:
        for metric, e in line.entries.items():
            numbers = [_number(value, "") for value in (e.mean, e.half_width)]
            tail = [_number(e.difference, ""), _number(e.p, ""), e.mark, _number(e.paper, "", 3)]
            writer.writerow([line.supervision, line.name, line.recipe.result, metric, *numbers, e.count, *tail])
    return text.getvalue()


def _number(value: float, missing: str, digits: int = 4) -> str:
    return missing if math.isnan(value) else f"{value:.{digits}f}"


LATEX = {"best": r"\textbf{%s}", "second": r"\underline{%s}", "": "%s"}
SPECIAL = str.maketrans({sign: "\\" + sign for sign in "&%$#_{}"} | {"\\": r"\textbackslash{}"})


def _latex(study: Study, lines: Sequence[Line]) -> str:
    """A `tabular` that needs no package."""
    heads = [METRICS[m].label.translate(SPECIAL) for m in study.metrics]
    text = [rf"\begin{{tabular}}{{l{'c' * len(heads)}}}", r"\hline", " & ".join(["", *heads]) + r" \\"]
    for supervision in dict.fromkeys(line.supervision for line in lines):
        text += [r"\hline", rf"\multicolumn{{{len(heads) + 1}}}{{l}}{{{supervision.translate(SPECIAL)}}} \\"]
        for line in lines:
            if line.supervision == supervision:
                columns = [_latex_entry(line.entries[m]) for m in study.metrics]
                text.append(" & ".join([line.label.translate(SPECIAL), *columns]) + r" \\")
    return "\n".join([*text, r"\hline", r"\end{tabular}", ""])


def _latex_entry(entry: Entry) -> str:
    width = "" if math.isnan(entry.half_width) else rf" $\pm$ {entry.half_width:.3f}"
    paper = "" if math.isnan(entry.paper) else f" ({entry.paper:.3f})"
    return LATEX[entry.mark] % f"{entry.mean:.3f}" + width + paper


def _html(study: Study, lines: Sequence[Line], rows: Sequence[Row], cells: int) -> str:
    groups = [
        {
            "title": supervision,
            "rows": [_html_row(study, line) for line in lines if line.supervision == supervision],
        }
        for supervision in study.supervision
    ]
    return render(
        "study.html",
        title=study.title,
        against=study.recipes[study.against].label or study.against,
        heads=[METRICS[m].label + (" (lower is better)" if METRICS[m].lower_is_better else "") for m in study.metrics],
        groups=groups,
        present=len({(row["recipe"], row["supervision"], row["seed"]) for row in rows}),
        cells=cells,
        processors=sorted({row["processor"] for row in rows}),
        versions=len({row["code"] for row in rows}),
        gpu=any(not math.isnan(line.gpu_memory_mb) for line in lines),
        paper={group: f"{place.task}, {place.setting}, {place.dataset}" for group, place in study.paper.items()},
    )


def _html_row(study: Study, line: Line) -> dict[str, object]:
    first = line.entries[study.metrics[0]]
    return {
        "label": line.label,
        "model": line.recipe.result,
        "seeds": first.count,
        "entries": [
            {
                "mean": _number(e.mean, "", 3),
                "width": _number(e.half_width, "", 3),
                "mark": e.mark,
                "difference": _number(e.difference, "", 3).replace("-", MINUS),
                "p": _number(e.p, "", 3),
                "paper": _number(e.paper, "", 3),
            }
            for e in line.entries.values()
        ],
        "seconds": f"{line.seconds:.0f}",
        "memory": f"{line.memory_mb:.0f}",
        "gpu_memory": _number(line.gpu_memory_mb, "", 0),
    }
