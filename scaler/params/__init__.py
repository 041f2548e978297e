"""`params.yaml`: every number of a run, checked when it is loaded, so that a typo fails within a second; torch-free.

`load_params` reads the file into `Params`, which has one block for each stage and for each noun of the paper that
several stages share. `wiring` and `stop_maps` give the rounds and stops of either order of the two phases. `explain`
words the faults of any file that pydantic has checked.
"""

from scaler.params.blocks import (
    AugmentationParams,
    Block,
    ColdStartParams,
    LabelWithSamParams,
    PhaseOneParams,
    PrepareDataParams,
    SamParams,
    ScheduleParams,
    SegmenterParams,
    TrainSamParams,
    WeightingParams,
)
from scaler.params.explain import explain
from scaler.params.file import PARAMS_FILE, Params, load_params
from scaler.params.rounds import INIT, WARM_UP, Order, StopParams, round_name, round_number, stop_maps, wiring

NEUTRAL = True  # values: those that a stage reads are part of its artifact's fingerprint themselves

__all__ = [
    "INIT",
    "PARAMS_FILE",
    "WARM_UP",
    "AugmentationParams",
    "Block",
    "ColdStartParams",
    "LabelWithSamParams",
    "Order",
    "Params",
    "PhaseOneParams",
    "PrepareDataParams",
    "SamParams",
    "ScheduleParams",
    "SegmenterParams",
    "StopParams",
    "TrainSamParams",
    "WeightingParams",
    "explain",
    "load_params",
    "round_name",
    "round_number",
    "stop_maps",
    "wiring",
]
