"""The blocks of `params.yaml`. None has defaults: `params.yaml` is the one place where values live."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

Unit = Annotated[float, Field(ge=0.0, le=1.0)]
NonNegative = Annotated[float, Field(ge=0.0)]
Positive = Annotated[int, Field(ge=1)]
Turns = Annotated[list[Literal[0, 1, 2, 3]], Field(min_length=1)]
Flips = Annotated[list[Literal["none", "h", "v"]], Field(min_length=1)]


def _quotable(value: str) -> str:
    bad = sorted(set(value) & set('"$`\\{}\n'))
    if bad:
        raise ValueError(
            f"got {value!r}: a path here becomes part of a command and must not contain {' '.join(map(repr, bad))}; "
            "rename the file or folder, or put a link with a plain name beside it"
        )
    return value


CommandPath = Annotated[str, AfterValidator(_quotable)]


class Block(BaseModel):
    """A block of `params.yaml`: no unknown key, no conversion between types, immutable."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PrepareDataParams(Block):
    """Where the images are, their size, and which of them have which labels."""

    source: CommandPath
    layout: Literal["general", "cod", "pranet", "gdd", "drive", "sod", "pairs", "csv"]
    table: str
    size: Annotated[int, Field(ge=32, multiple_of=32)]
    foundation_size: Annotated[int, Field(ge=32)] | None
    tiles: Annotated[int, Field(ge=32)] | None
    supervision: Literal["semi", "points", "scribbles", "full"]
    labelled_fraction: Annotated[float, Field(gt=0.0, le=1.0)]
    labelled_list: str | None
    train: str
    val: str | None
    val_fraction: Annotated[float, Field(gt=0.0, lt=1.0)] | None
    test: str | None
    test_fraction: Annotated[float, Field(gt=0.0, lt=1.0)] | None
    groups: str | None
    paper_protocol: bool
    images: str
    masks: str
    marks: str
    image_suffix: str
    mask_suffix: str
    marks_suffix: str
    mask_threshold: Annotated[int, Field(ge=1, le=255)]
    mask_size_tolerance: Annotated[int, Field(ge=0, le=64)]
    image_white: Annotated[int, Field(ge=255, le=65535)] | None
    skip_broken: bool
    marks_convention: Literal["auto", "fg1_bg2", "fg1_bg0_unknown255"]
    points_per_class: Positive
    point_radius: Annotated[int, Field(ge=0)]
    scribble_width: Positive

    @model_validator(mode="after")
    def _one_rule_per_split(self) -> PrepareDataParams:
        if (self.val is None) == (self.val_fraction is None):
            raise ValueError(
                f"either val (a pattern or a list) or val_fraction (a share of the training images), the other null; "
                f"got val: {self.val!r} and val_fraction: {self.val_fraction!r}"
            )
        if (self.test is None) == (self.test_fraction is None):
            raise ValueError(
                f"either test (a pattern or a list) or test_fraction (a share of the training images), the other null; "
                f"got test: {self.test!r} and test_fraction: {self.test_fraction!r}"
            )
        return self

    @model_validator(mode="after")
    def _foundation_sees_more(self) -> PrepareDataParams:
        if self.foundation_size is not None and self.foundation_size <= self.size:
            raise ValueError(
                f"foundation_size: expected more than size ({self.size}), got {self.foundation_size}; "
                "null feeds SAM the images of that size"
            )
        return self

    @model_validator(mode="after")
    def _groups_are_named(self) -> PrepareDataParams:
        if self.groups is None or (self.layout == "csv" and "(" not in self.groups):
            return self  # a column of the table
        try:
            found = re.compile(self.groups).groups
        except re.error as error:
            raise ValueError(f"groups: {self.groups!r} is no regular expression ({error})") from None
        if found < 1:
            raise ValueError(
                f"groups: {self.groups!r} needs a part in parentheses, which is the group's name in the image id, "
                "such as ^(patient[0-9]+)_"
            )
        return self


class SegmenterParams(Block):
    """The task network, what it starts from, and the weights of its output depths (coarse to fine; the last is the
    prediction).
    """

    model: str
    options: dict[str, int | float | str | bool]
    weights: str | None
    sha256: str | None
    depth_weights: Annotated[list[NonNegative], Field(min_length=1)]

    @field_validator("depth_weights")
    @classmethod
    def _last_counts(cls, value: list[float]) -> list[float]:
        if value[-1] <= 0:
            raise ValueError("the last weight belongs to the prediction itself and must be above 0")
        return value

    @model_validator(mode="after")
    def _checksum_with_weights(self) -> SegmenterParams:
        if self.weights is not None and self.sha256 is None:
            raise ValueError(
                f"weights: {self.weights} needs its checksum as sha256, by which a change of the file is noticed; "
                f"`python -m scaler weights verify {self.weights}` prints it"
            )
        return self


class MeanTeacherParams(Block):
    """Eq 15."""

    decay: Unit


class SamParams(Block):
    """The foundation model: which architecture, the frozen weights that it starts from, and how it is adapted."""

    model: Literal[
        "nano", "lite", "vit_b", "vit_l", "vit_h", "mobile_sam",
        "sam2.1_tiny", "sam2.1_small", "sam2.1_base_plus", "sam2.1_large", "sam3", "sam3_tracker",
    ]  # fmt: skip
    weights: CommandPath
    sha256: str | None
    size: Annotated[int, Field(ge=32)] | None
    adaptation: Literal["adapter", "lora", "decoder"]
    lora_rank: Positive
    prompts: Literal["none", "marks_points", "marks_box", "teacher_points", "teacher_box", "teacher_mask"]
    text: Annotated[str, Field(min_length=1)] | None
    prompt_points: Positive
    prompt_share: Unit
    micro_batch: Positive | Literal["auto"] | None
    recompute: bool

    @model_validator(mode="after")
    def _words_for_sam3(self) -> SamParams:
        if (self.model == "sam3") != (self.text is not None):
            raise ValueError(
                f"text: sam3 is asked for something by words, such as text: polyp, and no other model is; got model: "
                f"{self.model} and text: {self.text!r}"
            )
        if self.model == "sam3" and self.prompts != "none":
            raise ValueError(
                f"prompts: sam3 takes its words and nothing else; got {self.prompts}. Write none, or take "
                "sam3_tracker, the same file's model for points, boxes and masks"
            )
        return self


class AugmentationParams(Block):
    """A_w (geometry) and A_s (photometric operations on top of the same geometry)."""

    flips: Flips
    quarter_turns: Turns
    strong_operations: Annotated[int, Field(ge=0, le=5)]
    strong_magnitude: Unit


class WeightingParams(Block):
    """Eq 4-6, 9 and the thresholds of eq 12."""

    image_weight: Literal["linear", "exponential", "quadratic", "none", "agreement"]
    pixel_weight: Literal["squared", "absolute", "entropy", "none"]
    entropy_region: Literal["all", "foreground"]
    difficult_entropy: Unit | None
    simple_entropy: Unit | None
    trusted_low: Unit
    trusted_high: Unit

    @model_validator(mode="after")
    def _ordered(self) -> WeightingParams:
        thresholds = (self.simple_entropy, self.difficult_entropy)
        if None not in thresholds and thresholds[0] >= thresholds[1]:  # type: ignore[operator]
            raise ValueError("simple_entropy must be below difficult_entropy")
        if self.trusted_low >= self.trusted_high:
            raise ValueError("trusted_low must be below trusted_high")
        return self


class ColdStartParams(Block):
    """When both models have nothing to say."""

    undecided_entropy: Unit
    stop_share: Unit


class PhaseOneParams(Block):
    """Eq 1 and 7-14: how the segmenter learns from its teacher and from SAM."""

    sources: Literal["both", "teacher", "sam", "none"]
    teacher_label: Literal["soft", "binary"]
    combine: Literal["sum", "fuse"]
    pixel_weight_on_iou: bool
    pixel_normalisation: Literal["weights", "pixels"]
    branch_entropy: Literal["per_source", "teacher", "sam", "mean"]
    difficult_trust: Literal["threshold", "agreement"]
    simple_terms: Literal["both", "strong"]
    simple_weight: NonNegative
    partial_weight: NonNegative
    image_term: Literal["none", "coherence", "smoothness", "tree"]
    image_term_weight: NonNegative
    scale_consistency: NonNegative
    confident_entropy: NonNegative
    labelled_weight: NonNegative
    unlabelled_weight: NonNegative
    labelled_per_batch: Positive | None
    balance: Literal["images", "kinds"]
    batch_statistics: Literal["joint", "per_view"]


class ScheduleParams(Block):
    """How long and how fast one training stage learns (Adam, betas 0.9 and 0.999)."""

    epochs: Annotated[int, Field(ge=0)]
    batch_size: Positive
    learning_rate: Annotated[float, Field(gt=0.0)]
    decay_every: Positive
    decay_factor: Annotated[float, Field(gt=0.0, le=1.0)]
    decay: Literal["stage", "run", "cosine"]
    moments: Literal["stage", "run"]
    select: Literal["last", "best_val"]


class TrainSamParams(ScheduleParams):
    """Phase II, eq 16-19."""

    distance: Literal["mse", "l1", "ce_iou"]
    stop_gradient: bool
    invariance_views: Literal["strong", "weak"]
    invariance_weight: NonNegative
    resistance: Literal["noise", "refinement"]
    resistance_weight: NonNegative
    pixel_weight_on_iou: bool
    pixel_normalisation: Literal["weights", "pixels"]
    image_weight: bool
    partial_weight: NonNegative
    labelled_weight: NonNegative
    labelled_per_batch: Positive | None
    balance: Literal["images", "kinds"]


class LabelWithSamParams(Block):
    """Eq 2-3: the K views of the ensemble."""

    views: Positive
    flips: Flips
    quarter_turns: Turns
    scales: Annotated[list[Annotated[float, Field(ge=0.25, le=4.0)]], Field(min_length=1)]
    draw: Literal["distinct", "independent"]
    zoom: bool
    average: Literal["probability", "logits"]
    batch_size: Positive


class LabelWithSegmenterParams(Block):
    """The consensus label P_G."""

    consensus: Literal["mean", "teacher", "product"]
    batch_size: Positive


class EvaluateParams(Block):
    """Evaluation of segmenter, teacher and SAM."""

    stretch: Literal["none", "per_image"]
    batch_size: Positive


class ReportParams(Block):
    """The report page."""

    images: Positive


class InspectionParams(Block):
    """The inspection page."""

    tile: Annotated[int, Field(ge=32)]
