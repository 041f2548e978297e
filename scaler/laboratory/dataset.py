"""The laboratory's data set, made from its recipe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from scaler.errors import ScalerError
from scaler.laboratory.scenes import U8, Look, scene
from scaler.params import Block, explain
from scaler.randomness import generator

FILE = "recipe.yaml"


def _ascending(value: list[float]) -> list[float]:
    if value[0] > value[1]:
        raise ValueError(f"got {value}, allowed: [lowest, highest] with lowest <= highest")
    return value


Share = Annotated[float, Field(ge=0.0, le=1.0)]
Range = Annotated[list[Share], Field(min_length=2, max_length=2), AfterValidator(_ascending)]
Count = Annotated[int, Field(ge=1)]


class Recipe(Block):
    """`recipe.yaml`; the file itself says what each number means."""

    seed: Annotated[int, Field(ge=0)]
    size: Annotated[int, Field(ge=32, le=1024)]
    train: Count
    val: Count
    test: Count
    texture: Range
    colour: Range
    empty: Share
    largest_count: Count
    largest_decoys: Annotated[int, Field(ge=0)]
    frequency: Range
    spread: Annotated[list[Annotated[float, Field(gt=0.0, le=3.2)]], Field(min_length=2, max_length=2)]
    radius: Range
    finer: bool

    def look(self) -> Look:
        """How much the objects stand out."""
        return Look(
            texture=(self.texture[0], self.texture[1]),
            colour=(self.colour[0], self.colour[1]),
            empty=self.empty,
            largest_count=self.largest_count,
            largest_decoys=self.largest_decoys,
            frequency=(self.frequency[0], self.frequency[1]),
            finer=self.finer,
            spread=(self.spread[0], self.spread[1]),
            radius=(self.radius[0], self.radius[1]),
        )


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        ScalerError: not readable, or a key is unknown, missing, of the wrong type or out of range.
    """
    try:
        return Recipe.model_validate(YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise ScalerError(
            f"{path}: not readable as a recipe: {error}. `git checkout` restores the project's own."
        ) from None
    except ValidationError as error:
        raise ScalerError(explain(error, Recipe, path)) from None


def laboratory_samples(recipe: Recipe, split: str) -> Iterator[tuple[str, U8, U8]]:
    """The scenes of one split ("train", "val" or "test"), each from a generator of its own.

    Yields:
        Image id such as "train/0007", image (S, S, 3) uint8 RGB, mask (S, S) uint8 {0, 1}.
    """
    for number in range(getattr(recipe, split)):
        image, mask = scene(generator(recipe.seed, "laboratory", split, number), recipe.size, recipe.look())
        yield f"{split}/{number:04d}", image, mask


def generate(recipe: Path) -> Iterator[tuple[str, U8, U8]]:
    """The scenes of all splits of a recipe file, as `laboratory_samples` yields them.

    Raises:
        ScalerError: see `load_recipe`.
    """
    loaded = load_recipe(recipe)
    for split in ("train", "val", "test"):
        yield from laboratory_samples(loaded, split)
