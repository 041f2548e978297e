"""The figures of the paper's tables 1-7, to stand beside those of a study."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, model_validator

TABLES = Path(__file__).resolve().parents[2] / "workflow" / "studies" / "paper_tables.csv"
NAMES = {"M": "mae", "F_beta": "f_adaptive", "E_phi": "e_mean", "S_alpha": "s_alpha"}  # the paper's metrics, and ours
Place = tuple[str, str, str]
Figures = dict[str, dict[str, float]]


class PaperSetting(BaseModel):
    """A column group of the paper's tables.

    Attributes:
        task: COD, PIS or TOD.
        setting: of the labels: scribble, point, 1/8 or 1/16.
        dataset: the test set.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    task: str
    setting: str
    dataset: str

    @model_validator(mode="after")
    def _in_the_tables(self) -> PaperSetting:
        if self.place not in published():
            raise ValueError(f"the paper has no figures of {', '.join(self.place)}; {TABLES} lists what it has")
        return self

    @property
    def place(self) -> Place:
        """Key of `published`."""
        return self.task, self.setting, self.dataset


@cache
def published() -> dict[Place, Figures]:
    """Task, setting and test set -> method -> our name of a metric -> the paper's figure."""
    found: dict[Place, Figures] = {}
    with TABLES.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            place = row["task"], row["setting"], row["dataset"]
            found.setdefault(place, {}).setdefault(row["method"], {})[NAMES[row["metric"]]] = float(row["value"])
    return found


def paper_methods() -> set[str]:
    """Names of all methods in the paper's tables."""
    return {method for figures in published().values() for method in figures}
