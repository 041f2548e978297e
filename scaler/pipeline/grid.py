"""A study: a grid of recipes, kinds of labels and seeds, as `workflow/studies/NAME.yaml` describes it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from scaler.errors import ScalerError
from scaler.metrics.names import METRICS
from scaler.params import INIT, PARAMS_FILE, WARM_UP, Params, load_params
from scaler.params.explain import explain
from scaler.params.rounds import LAST
from scaler.pipeline.identity import identity
from scaler.pipeline.presets import lay_over, preset_names, preset_parts
from scaler.pipeline.published import PaperSetting, paper_methods, published

FOLDER = Path(__file__).resolve().parents[2] / "workflow" / "studies"

Values = dict[str, Any]
Name = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RecipeEntry(_Part):
    """One row of the tables.

    Attributes:
        preset: the preset that is laid over the study's values; None: they stay.
        values: further values, laid over the preset.
        label: how the tables call it; None: by its key.
        result: the model that the recipe is judged by.
        bound: an upper bound, which takes no part in the marks for best and second best.
        paper: the method of the paper's tables whose role it has.
    """

    preset: str | None = None
    values: Values = {}
    label: str | None = None
    result: Literal["segmenter", "teacher", "sam"] = "segmenter"
    bound: bool = False
    paper: str | None = None

    @field_validator("preset")
    @classmethod
    def _preset_exists(cls, value: str | None) -> str | None:
        if value is not None and value not in preset_names():
            raise ValueError(f"there is no preset {value!r}; `python -m scaler preset` lists them")
        return value

    @field_validator("paper")
    @classmethod
    def _method_exists(cls, value: str | None) -> str | None:
        if value is not None and value not in paper_methods():
            raise ValueError(f"got {value!r}, expected a method of the paper: {', '.join(sorted(paper_methods()))}")
        return value


class Study(_Part):
    """The whole file.

    Attributes:
        title: heading of the tables.
        against: the recipe that all others are tested against.
        seeds: of the runs; a seed also draws which images have labels.
        stops: where a run is judged: "init", "warm_up", "last" (the last round, which the tables show).
        preset: laid over `params.yaml` for all cells.
        values: laid over that.
        supervision: name -> values, one group of columns each; a recipe's values are laid over them.
        recipes: name -> recipe, in the order of the tables.
        metrics: those that the tables show; the rows hold all.
        paper: kind of labels -> the part of the paper's tables with labels of the same kind.
    """

    title: str
    against: str
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    stops: list[Literal["init", "warm_up", "last"]] = ["last"]
    preset: str | None = None
    values: Values = {}
    supervision: Annotated[dict[Name, Values], Field(min_length=1)]
    recipes: Annotated[dict[Name, RecipeEntry], Field(min_length=1)]
    metrics: Annotated[list[str], Field(min_length=1)] = ["iou", "dice", "s_alpha", "mae"]
    paper: dict[Name, PaperSetting] = {}

    @model_validator(mode="after")
    def _names_exist(self) -> Study:
        if self.against not in self.recipes:
            raise ValueError(f"against: got {self.against!r}, expected one of the recipes {', '.join(self.recipes)}")
        if unknown := [name for name in self.metrics if name not in METRICS]:
            raise ValueError(f"metrics: got {', '.join(unknown)}, expected some of {', '.join(METRICS)}")
        if LAST not in self.stops:
            raise ValueError(f"stops: {LAST} must be among them, as the tables show it")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds: {self.seeds} has duplicates")
        if unknown := [name for name in self.paper if name not in self.supervision]:
            raise ValueError(f"paper: {', '.join(unknown)} is not under supervision")
        return self

    def published(self, supervision: str, recipe: str, metric: str) -> float:
        """The paper's figure for this recipe; NaN where it has none."""
        place, method = self.paper.get(supervision), self.recipes[recipe].paper
        if place is None or method is None:
            return math.nan
        return published()[place.place].get(method, {}).get(metric, math.nan)


@dataclass(frozen=True)
class Cell:
    """One run of a study.

    Attributes:
        recipe, supervision, seed: its place in the grid.
        values: the content of its `params.yaml`, with the paths as the user's own has them.
        params: the same, checked.
    """

    recipe: str
    supervision: str
    seed: int
    values: Values
    params: Params

    @property
    def key(self) -> tuple[str, str, int]:
        """What names its rows."""
        return self.recipe, self.supervision, self.seed

    @property
    def name(self) -> str:
        """As messages call it."""
        return f"{self.recipe}, {self.supervision}, seed {self.seed}"

    @property
    def folder(self) -> str:
        """A file name for it."""
        plain = re.sub(r"[^A-Za-z0-9_.-]", "-", "_".join(map(str, self.key)))
        return f"{plain}_{self.digest}"

    @property
    def digest(self) -> str:
        """Hash over all values that can change a score."""
        return identity(self.params.model_dump(mode="json"))

    def stop(self, name: str) -> str:
        """`last` is the last round, or the warm-up where there is none."""
        if name in (INIT, WARM_UP):
            return name
        return list(self.params.stops)[-1]


def study_names() -> list[str]:
    """The studies in `workflow/studies`."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_study(name: str) -> Study:
    """Read and check a study.

    Raises:
        ScalerError: no such study, or a fault in it, each with its key.
    """
    path = FOLDER / f"{name}.yaml"
    if name not in study_names():
        raise ScalerError(f"study: got '{name}', expected one of {', '.join(study_names())} (files in {FOLDER}).")
    try:
        raw = YAML(typ="safe", pure=True).load(path)
    except YAMLError as error:
        raise ScalerError(f"{path}: not readable as YAML: {error}") from None
    if not isinstance(raw, dict):
        raise ScalerError(f"{path}: expected a mapping, got {type(raw).__name__}.")
    try:
        return Study.model_validate(raw)
    except ValidationError as error:
        raise ScalerError(explain(error, Study, path)) from None


def cells(study: Study, base: Path = PARAMS_FILE) -> list[Cell]:
    """All runs of a study, seed by seed, so that a study that is cut off has whole rows of the grid.

    Raises:
        ScalerError: `base` or the values of a cell are no valid `params.yaml`; the cell is named.
    """
    load_params(base)
    return [
        _cell(study, base, recipe, supervision, seed)
        for seed in study.seeds
        for supervision in study.supervision
        for recipe in study.recipes
    ]


def _cell(study: Study, base: Path, recipe: str, supervision: str, seed: int) -> Cell:
    values = YAML(typ="safe", pure=True).load(base)
    entry = study.recipes[recipe]
    layers = [
        *(preset_parts(study.preset) if study.preset else []),
        study.values,
        study.supervision[supervision],
        *(preset_parts(entry.preset) if entry.preset else []),
        entry.values,
        {"seed": seed},
    ]
    for layer in layers:
        lay_over(values, layer)
    stops = {INIT: {"sam": INIT}, WARM_UP: {"sam": INIT}, **values["rounds"]}
    values |= {"stops": stops, "sam_stops": {INIT: {"sam": INIT}, **values["rounds"]}}
    try:
        return Cell(recipe, supervision, seed, values, Params.model_validate(values))
    except ValidationError as error:
        place = Path(f"{recipe} with {supervision} (study)")
        raise ScalerError(explain(error, Params, place)) from None
