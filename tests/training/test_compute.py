"""The whole method, small, on the CPU and on a CUDA device: every stage's function, with that device's precision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import scaler.training.loop as training
from scaler.artifacts.labels import to_uint8
from scaler.artifacts.splits import DataSet
from scaler.laboratory.dataset import generate
from scaler.method.initialization import initialize_sam, initialize_segmenter
from scaler.method.labelling import label_with_sam, label_with_segmenter
from scaler.method.phase_one import train_segmenter
from scaler.method.phase_two import train_sam
from scaler.params import Params
from scaler.training.device import Compute, find_compute
from scaler.training.run import TrainingRun
from tests.conftest import ROOT, with_values
from tests.data.prepared import prepare

SMALL = {"epochs": 2, "batch_size": 4}
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


@pytest.fixture
def small(params: Params) -> Params:
    """Two epochs of everything, one shard, three views."""
    schedules = ("initialize_segmenter", "initialize_sam", "warm_up", "train_segmenter", "train_sam")
    shard = params.model_copy(update={"shards": ["0"]})
    return with_values(
        shard, segmenter={"options": {"width": 4}}, label_with_sam={"views": 3}, **dict.fromkeys(schedules, SMALL)
    )


@pytest.fixture
def data(params: Params) -> DataSet:
    """The first 12 training scenes of the laboratory, the first four of them with a mask."""
    train = prepare(ROOT / "data" / "laboratory", params.prepare_data, 0, generate=generate).train
    return DataSet(
        ids=train.ids[:12],
        image=train.image[:12],
        mask=train.mask[:12],
        labelled=np.arange(12) < 4,
        marks=train.marks[:12],
        native_size=train.native_size[:12],
        native_masks=[],
    )


def device(name: str) -> Compute:
    return find_compute() if name == "cuda" else Compute(torch.device("cpu"), False, None)


def of_stage(run: TrainingRun, stage: str, number: int | None = None) -> TrainingRun:
    """Another stage on the same images."""
    return replace(run, stage=stage, round=number, steps=run.steps.with_name(stage))


@pytest.mark.parametrize("name", DEVICES)
def test_every_stage_runs(small: Params, data: DataSet, name: str, tmp_path: Path) -> None:
    compute = device(name)
    warm_up = TrainingRun(small, data, data, compute, "warm_up", tmp_path / "warm_up", 0)
    pair, _ = initialize_segmenter(of_stage(warm_up, "initialize_segmenter"))
    sam, log = initialize_sam(of_stage(warm_up, "initialize_sam"))
    assert len(log) == 2
    pool = to_uint8(label_with_sam(small, data, sam, compute, (0, "0")).stacked()["probability"])
    assert pool.shape == data.mask.shape
    pair, log = train_segmenter(warm_up, pair, pool)
    assert log[0]["n_difficult"] + log[0]["n_normal"] + log[0]["n_simple"] == 8
    agreed = label_with_segmenter(small, data, pair, compute, "0").stacked()["probability"]
    sam, log = train_sam(of_stage(warm_up, "train_sam", 1), sam, to_uint8(agreed))
    assert all(np.isfinite(list(row.values())).all() for row in log)
    for model in (*pair, sam):
        assert {value.device.type for value in model.state_dict().values()} == {name}
        assert {value.dtype for value in model.parameters()} == {torch.float32}, "autocast leaves the weights alone"


@pytest.mark.gpu
def test_a_cuda_device_gives_the_labels_of_the_cpu(small: Params, data: DataSet, tmp_path: Path) -> None:
    cpu, cuda = device("cpu"), find_compute()
    sam, _ = initialize_sam(TrainingRun(small, data, data, cpu, "initialize_sam", tmp_path))
    expected = label_with_sam(small, data, sam, cpu, (0, "0")).stacked()["probability"]
    came = label_with_sam(small, data, cuda.place(sam), cuda, (0, "0")).stacked()["probability"]
    assert float(np.abs(came - expected).mean()) < 0.01  # bf16 has 8 bits of mantissa


@pytest.mark.gpu
def test_training_on_a_cuda_device_goes_on_from_its_last_step(
    small: Params, data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    run = TrainingRun(small, data, data, find_compute(), "initialize_sam", tmp_path)
    _, first = initialize_sam(run)
    _, second = initialize_sam(replace(run, params=with_values(small, initialize_sam={"epochs": 3})))
    assert second[: len(first)] == first, "the epochs already done are kept"
    assert len(second) == 3


def test_bf16_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaler.training.device._cpu_multiplies_bf16", lambda: True)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    assert find_compute().low_precision
    monkeypatch.setenv("SCALER_PLAIN", "bf16")
    assert not find_compute().low_precision


def test_a_tensor_never_shares_read_only_memory() -> None:
    array = np.zeros((1, 2, 2, 3), np.uint8)
    array.flags.writeable = False
    tensor = Compute(torch.device("cpu"), False, None).tensor(array)
    tensor += 1
    assert not array.any()
