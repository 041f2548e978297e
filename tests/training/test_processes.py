"""Several processes give what one gives; any number of them goes on where another number stopped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import scaler.training.loop as loop
from scaler.errors import ScalerError
from scaler.method.initialization import initialize_segmenter
from scaler.training import processes
from scaler.training.lease import take_device_each
from scaler.training.run import TrainingRun
from scaler.training.statistics import _JointStatistics
from tests.conftest import ROOT
from tests.training.together import CPU, STATISTICS, Result, data_set, small, work

STAGES = ("initialize_segmenter", "initialize_sam", "warm_up", "train_sam")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two processes."""
    folder = tmp_path_factory.mktemp("two")
    command = [sys.executable, *TORCHRUN, "2", "-m", "tests.training.together", str(folder), "1"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-6000:]
    assert done.stderr.count("warm-up: 100%") <= 2 * len(STATISTICS), "the second process shows no progress"
    return folder


def assert_same(one: Result, other: Result) -> None:
    """Numbers agree to rounding; weights too, but for a few: Adam moves by the sign of a gradient of nearly zero."""
    assert one.keys() == other.keys()
    for name, value in one.items():
        if not name.startswith(STAGES):
            np.testing.assert_allclose(other[name], value, rtol=2e-4, atol=5e-4, err_msg=name)
    for stage in STAGES:
        pairs = [(value, other[name]) for name, value in one.items() if name.startswith(stage)]
        apart = np.concatenate([np.abs(a - b).ravel() for a, b in pairs])
        assert (apart > 1e-4).mean() < 0.02, stage


@pytest.mark.parametrize("statistics", STATISTICS)
def test_two_processes_give_what_one_gives(statistics: str, two: Path, tmp_path: Path) -> None:
    one = work(tmp_path, statistics)
    assert one["log/warm_up/0/n_simple"] == 1, "one process has no simple image"
    with np.load(two / f"result_{statistics}.npz") as other:
        assert_same(one, dict(other))


def test_one_process_goes_on_where_two_stopped(two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    whole = work(tmp_path, epochs=2)
    resumed = work(two, epochs=2)
    with np.load(two / "result_joint.npz") as first:
        assert resumed["log/warm_up/0/loss"] == first["log/warm_up/0/loss"], "the first epoch is that of two processes"
    assert resumed["log/warm_up/1/loss"] != whole["log/warm_up/1/loss"]
    assert_same(whole, resumed)


@pytest.mark.parametrize("total", [0, 1, 7, 8])
def test_parts_cover_everything_once(total: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    parts = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        parts.append(list(range(total))[processes.own(total)])
    assert [item for part in parts for item in part] == list(range(total))
    assert max(map(len, parts)) == processes.most(total)


def test_one_process_needs_nobody() -> None:
    weight = nn.Parameter(torch.ones(2))
    processes.sum_gradients([weight])
    assert weight.grad is None
    assert processes.summed({"a": 1.0}) == {"a": 1.0}
    assert processes.agreed(lambda: 3) == 3
    with processes.joined():
        assert not torch.distributed.is_initialized()


@pytest.mark.parametrize("layer", [nn.BatchNorm2d(3), nn.BatchNorm2d(3, affine=False), nn.BatchNorm1d(3)])
def test_joint_statistics_of_one_process_are_torchs_own(layer: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.distributed.all_reduce", lambda tensor: None)
    shape = (4, 3) if isinstance(layer, nn.BatchNorm1d) else (4, 3, 5, 5)
    x = (5 + torch.randn(shape, generator=torch.Generator().manual_seed(0))).requires_grad_()
    results = []
    for joint in (False, True):
        layer.reset_running_stats()
        with _JointStatistics() if joint else torch.enable_grad():
            y = layer.train()(x)
        (gradient,) = torch.autograd.grad(y.pow(3).sum(), x)
        results.append((y, gradient, layer.running_mean.clone(), layer.running_var.clone()))
        with _JointStatistics() if joint else torch.enable_grad():
            results[-1] += (layer.eval()(x),)
    for ours, expected in zip(results[1], results[0], strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


@pytest.fixture
def first_of_four(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "4"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("first_of_four")
def test_more_processes_than_devices_are_refused() -> None:
    with pytest.raises(ScalerError, match="one for each of 4 processes, but this machine shows 2"):
        take_device_each(2)


@pytest.mark.usefixtures("first_of_four")
def test_more_processes_than_images_in_a_batch_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScalerError, match="each of 4 processes, but a batch has 3"):
        initialize_segmenter(TrainingRun(small("joint"), data_set(), data_set(), CPU, "initialize_segmenter", tmp_path))
