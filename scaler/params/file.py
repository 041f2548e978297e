"""The whole of `params.yaml`, read and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from scaler.errors import ScalerError
from scaler.params.blocks import (
    AugmentationParams,
    Block,
    ColdStartParams,
    EvaluateParams,
    InspectionParams,
    LabelWithSamParams,
    LabelWithSegmenterParams,
    MeanTeacherParams,
    PhaseOneParams,
    PrepareDataParams,
    ReportParams,
    SamParams,
    ScheduleParams,
    SegmenterParams,
    TrainSamParams,
    WeightingParams,
)
from scaler.params.explain import explain
from scaler.params.rounds import StopParams, order_of

PARAMS_FILE = Path("params.yaml")


class Params(Block):
    """The whole of `params.yaml`."""

    seed: Annotated[int, Field(ge=0)]
    rounds: dict[str, StopParams]
    stops: dict[str, StopParams]
    sam_stops: dict[str, StopParams]
    shards: Annotated[list[str], Field(min_length=1)]
    prepare_data: PrepareDataParams
    segmenter: SegmenterParams
    mean_teacher: MeanTeacherParams
    sam: SamParams
    augmentation: AugmentationParams
    weighting: WeightingParams
    initialize_segmenter: ScheduleParams
    initialize_sam: ScheduleParams
    label_with_sam: LabelWithSamParams
    cold_start: ColdStartParams
    phase_one: PhaseOneParams
    warm_up: ScheduleParams
    label_with_segmenter: LabelWithSegmenterParams
    train_segmenter: ScheduleParams
    train_sam: TrainSamParams
    evaluate: EvaluateParams
    report: ReportParams
    inspection: InspectionParams

    @model_validator(mode="after")
    def _wired(self) -> Params:
        order_of(self.rounds, self.stops, self.sam_stops)
        return self

    @model_validator(mode="after")
    def _prompts_exist(self) -> Params:
        if self.sam.prompts.startswith("marks") and self.prepare_data.supervision not in ("points", "scribbles"):
            raise ValueError(
                f"sam.prompts: {self.sam.prompts} needs images with marks, but prepare_data.supervision is "
                f"{self.prepare_data.supervision}; set it to points or scribbles, or take prompts: none or teacher_..."
            )
        if self.label_with_sam.zoom and self.sam.prompts != "none" and set(self.label_with_sam.scales) != {1.0}:
            raise ValueError(
                "label_with_sam.zoom: true moves parts of an image into SAM's input, and prompts cannot follow; set "
                "sam.prompts: none, or zoom: false, or scales: [1.0]"
            )
        return self

    @model_validator(mode="after")
    def _labelled_fit_into_batches(self) -> Params:
        stages = {"phase_one": (self.warm_up, self.train_segmenter), "train_sam": (self.train_sam,)}
        for name, count in (
            ("phase_one", self.phase_one.labelled_per_batch),
            ("train_sam", self.train_sam.labelled_per_batch),
        ):
            if count is None:
                continue
            smallest = min(stage.batch_size for stage in stages[name])
            if count > smallest:
                raise ValueError(f"{name}.labelled_per_batch: {count} do not fit into a batch of {smallest}; lower it")
            if self.prepare_data.supervision != "semi":
                raise ValueError(
                    f"{name}.labelled_per_batch: {count} needs images with masks beside others, which only "
                    f"prepare_data.supervision: semi has, not {self.prepare_data.supervision}; set it to null"
                )
        return self

    @field_validator("shards")
    @classmethod
    def _shard_names(cls, value: list[str]) -> list[str]:
        expected = [str(k) for k in range(len(value))]
        if value != expected:
            raise ValueError(f"shards must be numbered in order from 0, as strings: {expected}; got {value}")
        return value

    def subset(self, blocks: tuple[str, ...]) -> dict[str, Any]:
        """Plain values of some blocks, in a form that compares and hashes (JSON types only)."""
        values = self.model_dump(mode="json")
        return {name: values[name] for name in sorted(blocks)}


def load_params(path: Path = PARAMS_FILE) -> Params:
    """Read and check a `params.yaml`.

    Raises:
        ScalerError: the file is missing, is no YAML, or a value is unknown, of the wrong type or out of range;
            every fault is named with its key, its value and what is allowed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ScalerError(
            f"{path}: not found. Run from the project's root folder, or restore it with `git checkout {path}`."
        ) from None
    try:
        raw = YAML(typ="safe", pure=True).load(text)  # YAML 1.2 as DVC reads it: 1e-4 is a number, `no` a word
    except YAMLError as error:
        raise ScalerError(f"{path}: not readable as YAML: {error}") from None
    if not isinstance(raw, dict):
        raise ScalerError(f"{path}: expected a mapping of blocks at the top level, got {type(raw).__name__}.")
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        raise ScalerError(explain(error, Params, path)) from None
