"""Scores as text: a table for the terminal, CSV, JSON, LaTeX."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from scaler.metrics.names import METRICS, PER_IMAGE
from scaler.metrics.scores import to_csv, to_json
from scaler.use.scoring import SetScores

LATEX = {
    "mae": r"MAE $\downarrow$",
    "s_alpha": r"$S_\alpha$ $\uparrow$",
    "e_adaptive": r"$E_\phi^{a}$ $\uparrow$",
    "e_mean": r"$E_\phi^{m}$ $\uparrow$",
    "e_max": r"$E_\phi^{x}$ $\uparrow$",
    "f_adaptive": r"$F_\beta^{a}$ $\uparrow$",
    "f_mean": r"$F_\beta^{m}$ $\uparrow$",
    "f_max": r"$F_\beta^{x}$ $\uparrow$",
    "f_weighted": r"$F_\beta^{w}$ $\uparrow$",
    "iou": r"IoU $\uparrow$",
    "dice": r"Dice $\uparrow$",
}
"""Columns in the order of the field's tables; a, m, x, w: adaptive, mean, maximum, weighted."""

Sets = Mapping[str, SetScores]


def terminal_table(sets: Sets) -> str:
    """One row per set, three decimals."""
    rows = {name: {"images": str(len(s.ids))} | _three(s) for name, s in sets.items()}
    labels = {name: metric.label for name, metric in METRICS.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename(columns=labels).to_string()


def summary_csv(sets: Sets) -> str:
    """set, images, every metric; one line per set."""
    return to_csv(pd.DataFrame([{"set": name, "images": len(s.ids)} | s.summary for name, s in sets.items()]))


def per_image_csv(sets: Sets) -> str:
    """set, id, every metric that a single image has; one line per image."""
    frames = [pd.DataFrame({"set": name, "id": s.ids} | s.per_image) for name, s in sets.items()]
    return to_csv(pd.concat(frames, ignore_index=True)[["set", "id", *PER_IMAGE]])


def scores_json(sets: Sets) -> str:
    """{set: {"images": n, "metrics": {name: value}, "per_image": {id: {name: value}}}}, six decimals."""
    return to_json(
        {
            name: {
                "images": len(s.ids),
                "metrics": s.summary,
                "per_image": {i: {m: s.per_image[m][row] for m in PER_IMAGE} for row, i in enumerate(s.ids)},
            }
            for name, s in sets.items()
        }
    )


def latex_table(sets: Sets, *, stretch: bool) -> str:
    """A booktabs table, one row per set, three decimals; its first line, a comment, says how it was made."""
    reading = "after min-max of each prediction" if stretch else "on the predictions as they are"
    rows = {name: {LATEX[metric]: s.summary[metric] for metric in LATEX} for name, s in sets.items()}
    style = pd.DataFrame.from_dict(rows, orient="index").style.format(precision=3).format_index(escape="latex")
    table = style.to_latex(hrules=True, column_format=f"l{'c' * len(LATEX)}")
    return f"% {reading}; a adaptive, m mean, x maximum, w weighted; needs \\usepackage{{booktabs}}\n{table}"


def _three(scores: SetScores) -> dict[str, str]:
    return {metric: f"{scores.summary[metric]:.3f}" for metric in METRICS}
