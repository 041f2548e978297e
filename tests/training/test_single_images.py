"""Batches of one: one labelled image, fewer images than a batch, a batch size of one; what cannot work is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from scaler.artifacts.labels import to_uint8
from scaler.artifacts.splits import DataSet
from scaler.errors import ScalerError
from scaler.method.initialization import initialize_sam, initialize_segmenter
from scaler.method.phase_one import train_segmenter
from scaler.method.phase_two import train_sam
from scaler.models.segmenter import build_segmenter
from scaler.models.smp import ARCHITECTURES
from scaler.models.trial import check_single_image
from scaler.params import Params
from scaler.training.run import TrainingRun
from tests.conftest import with_values
from tests.training.test_sam_batches import CPU, data_set

STAGES = ("initialize_segmenter", "initialize_sam", "warm_up", "train_sam")
DEEPLAB = {"model": "smp", "options": {"architecture": "deeplabv3", "encoder": "resnet18"}, "depth_weights": [1.0]}


def few(count: int) -> DataSet:
    """The first images of a set, of which the very first has a mask."""
    data = data_set()
    rows = {name: getattr(data, name)[:count] for name in ("ids", "image", "mask", "marks", "native_size", "set")}
    return replace(data, **rows, labelled=np.arange(count) < 1)


def with_batches(params: Params, size: int, **blocks: object) -> Params:
    schedules = {stage: {"epochs": 2, "batch_size": size} for stage in STAGES}
    return with_values(params, **{"segmenter": {"options": {"width": 4}}, **schedules, **blocks})


@pytest.mark.parametrize(("count", "size"), [(1, 4), (3, 4), (3, 1), (5, 4)])
def test_every_stage_runs(params: Params, tmp_path: Path, count: int, size: int) -> None:
    data = few(count)
    run = TrainingRun(with_batches(params, size), data, data, CPU, "warm_up", tmp_path / "warm_up", 0)
    pair, log = initialize_segmenter(replace(run, stage="initialize_segmenter", round=None, steps=tmp_path / "a"))
    sam, other = initialize_sam(replace(run, stage="initialize_sam", round=None, steps=tmp_path / "b"))
    pool = to_uint8(np.random.default_rng(0).random(data.mask.shape, np.float32))
    _, phase_one = train_segmenter(run, pair, pool)
    _, phase_two = train_sam(replace(run, stage="train_sam", round=1, steps=tmp_path / "c"), sam, pool)
    for rows in (log, other, phase_one, phase_two):
        assert len(rows) == 2
        assert all(np.isfinite(row["loss"]) for row in rows)


@pytest.mark.parametrize(
    ("count", "size", "message"),
    [(1, 4, "initialize_segmenter has one image: label more"), (3, 1, "raise its batch_size")],
)
def test_a_normalisation_that_cannot_work_is_named(
    params: Params, tmp_path: Path, count: int, size: int, message: str
) -> None:
    data = few(count)
    labelled = replace(data, labelled=np.ones(count, np.bool_))
    run = TrainingRun(with_batches(params, size, segmenter=DEEPLAB), labelled, data, CPU, STAGES[0], tmp_path)
    with pytest.raises(ScalerError, match=f"smp deeplabv3 resnet18 cannot be trained on one image.*{message}"):
        initialize_segmenter(run)


def test_nor_one_that_may_meet_a_single_view(params: Params, tmp_path: Path) -> None:
    data = replace(few(5), labelled=np.ones(5, np.bool_))
    pool = to_uint8(np.full(data.mask.shape, 0.9, np.float32))
    blocks = {"segmenter": DEEPLAB, "phase_one": {"batch_statistics": "per_view"}}
    run = TrainingRun(with_batches(params, 4, **blocks), data, data, CPU, STAGES[0], tmp_path / "a")
    pair, _ = initialize_segmenter(run)
    with pytest.raises(ScalerError, match="batch_statistics: joint"):
        train_segmenter(replace(run, stage="warm_up", round=0, steps=tmp_path / "b"), pair, pool)


@pytest.mark.exhaustive
@pytest.mark.parametrize("architecture", [*sorted(set(ARCHITECTURES) - {"dpt"}), "compact", "ws_sam"])
def test_what_passes_the_trial_trains(params: Params, architecture: str) -> None:
    smp = {"model": "smp", "options": {"architecture": architecture, "encoder": "resnet18"}, "depth_weights": [1.0]}
    own = {
        "compact": {"model": "compact", "options": {"width": 4}},
        "ws_sam": {"model": "ws_sam", "options": {"channels": 16}, "depth_weights": [1.0] * 5},
    }
    block = with_values(params, segmenter=own.get(architecture, smp)).segmenter
    model = build_segmenter(block, 128)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    try:
        check_single_image(model, block, 128, "")
    except ScalerError:
        assert architecture in ("deeplabv3", "deeplabv3plus", "pan", "upernet")
        return
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert bool(model.train()(torch.rand(1, 3, 128, 128))[-1].isfinite().all())
