from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import scaler.training.loop as training
from scaler.artifacts.models import ModelInput
from scaler.errors import ScalerError
from scaler.params import ScheduleParams
from scaler.training.checkpoints import Past, past_of, write_segmenter
from scaler.training.loop import Step, Task, train
from scaler.training.sampling import epoch_order
from scaler.training.state import kept_state, load_kept_state
from tests.artifacts.world import seal

SCHEDULE = ScheduleParams(
    epochs=4,
    batch_size=4,
    learning_rate=0.01,
    decay_every=2,
    decay_factor=0.1,
    decay="stage",
    moments="stage",
    select="last",
)
IMAGES = torch.randn(10, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Stopped(Exception):
    """Stands for a kill."""


def model() -> nn.Module:
    torch.manual_seed(1)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3), nn.Conv2d(4, 1, 1)
    )
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def task(
    net: nn.Module, stop_at: int = -1, seen: list[list[int]] | None = None, scores: list[float] | None = None
) -> Task:
    count = 0

    def step(step: Step) -> Iterator[tuple[Tensor, dict[str, float]]]:
        nonlocal count
        if count == stop_at:
            raise Stopped
        count += 1
        if seen is not None:
            seen.append(step.index.tolist())
        noise = torch.from_numpy(step.rng.normal(size=(len(step.index), 3, 8, 8)).astype(np.float32))
        loss = net(IMAGES[step.index] + 0.1 * noise).square().mean()
        yield loss, {"n_seen": float(len(step.index)), "sum_first": float(step.index.sum()), "other": 2.0}

    return Task(
        key=(0, "test", 1),
        count=len(IMAGES),
        models={"net": net},
        trained=list(net.parameters()),
        step=step,
        after_step=lambda: None,
        validate=lambda: scores.pop(0) if scores else 0.0,
    )


def state(net: nn.Module) -> dict[str, Any]:
    return {name: value.numpy().copy() for name, value in kept_state(net).items()}


@pytest.mark.parametrize("stop_at", [1, 3, 5])
def test_an_interrupted_run_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: int
) -> None:
    monkeypatch.setattr(training, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    straight = model()
    log = train(task(straight), SCHEDULE, tmp_path / "a", "straight")
    broken = model()
    with pytest.raises(Stopped):
        train(task(broken, stop_at), SCHEDULE, tmp_path / "b", "broken")
    resumed = model()
    seen: list[list[int]] = []
    log_again = train(task(resumed, seen=seen), SCHEDULE, tmp_path / "b", "resumed")
    assert len(seen) == 8 - stop_at, "it continues from where it was, not from the start"
    assert log_again == log
    for name, value in state(straight).items():
        np.testing.assert_array_equal(state(resumed)[name], value, err_msg=name)


def test_a_damaged_step_checkpoint_starts_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    (tmp_path / "step.h5").write_bytes(b"no HDF5")
    net, other = model(), model()
    assert train(task(net), SCHEDULE, tmp_path, "x") == train(task(other), SCHEDULE, tmp_path / "y", "y")


def test_the_best_epoch_on_validation_data_is_kept(tmp_path: Path) -> None:
    schedule = SCHEDULE.model_copy(update={"select": "best_val"})
    net, shorter = model(), model()
    log = train(task(net, scores=[0.1, 0.7, 0.3, 0.7]), schedule, tmp_path / "a", "a")
    assert [round(row["val_iou"], 3) for row in log] == [0.1, 0.7, 0.3, 0.7]
    train(task(shorter), SCHEDULE.model_copy(update={"epochs": 2}), tmp_path / "b", "b")
    for name, value in state(shorter).items():
        np.testing.assert_array_equal(state(net)[name], value, err_msg=name)


def test_log_means_and_counts(tmp_path: Path) -> None:
    seen: list[list[int]] = []
    log = train(task(model(), seen=seen), SCHEDULE.model_copy(update={"epochs": 1}), tmp_path, "x")
    assert log[0]["n_seen"] == 8  # two batches of four; the incomplete third is left out
    assert log[0]["first"] == pytest.approx(sum(map(sum, seen)) / 8)
    assert log[0]["other"] == 2.0
    assert log[0]["epoch"] == 1


def test_the_learning_rate_falls_as_told(tmp_path: Path) -> None:
    """With lr 0 after the first decay nothing moves any more; so the schedule is what stops it."""
    schedule = SCHEDULE.model_copy(update={"decay_every": 1, "decay_factor": 1e-30, "epochs": 1})
    one, four = model(), model()
    train(task(one), schedule, tmp_path / "a", "a")
    train(task(four), schedule.model_copy(update={"epochs": 4}), tmp_path / "b", "b")
    np.testing.assert_array_equal(state(four)["0.weight"], state(one)["0.weight"])


def test_every_epoch_sees_all_images_in_an_order_of_its_own() -> None:
    orders = [tuple(epoch_order((0, "x"), epoch, 50)) for epoch in range(3)]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len(set(orders)) == 3
    assert tuple(epoch_order((1, "x"), 0, 50)) != orders[0]


def test_a_loss_that_is_no_number_stops_with_advice(tmp_path: Path) -> None:
    net = model()
    with torch.no_grad():
        net[4].weight.fill_(float("nan"))  # type: ignore[index, union-attr]
    with pytest.raises(ScalerError, match="learning_rate"):
        train(task(net), SCHEDULE, tmp_path, "x")


def test_loading_is_strict() -> None:
    net = model()
    good = state(net)
    load_kept_state(copy.deepcopy(net), good)
    for bad in (
        {k: v for k, v in good.items() if k != "0.weight"},
        good | {"extra": np.zeros(1)},
        good | {"0.bias": np.zeros(5, np.float32)},
    ):
        with pytest.raises(ScalerError, match=r"0\.weight|extra|0\.bias"):
            load_kept_state(net, bad)


@pytest.mark.parametrize("moments", ["run", "stage"])
def test_carried_moments_make_two_stages_one(tmp_path: Path, moments: str) -> None:
    """With a loss that is the same in every step, stages differ by their moments alone."""

    def fixed(net: nn.Module, kept: dict[str, Any]) -> Task:
        def step(step: Step) -> Iterator[tuple[Tensor, dict[str, float]]]:
            yield net(IMAGES).square().mean(), {}

        return Task((0, "test", 1), 10, {"net": net}, list(net.parameters()), step, lambda: 0.0, moments=kept)

    def schedule(epochs: int, moments: str) -> ScheduleParams:
        return SCHEDULE.model_copy(update={"epochs": epochs, "decay_every": 99, "moments": moments})

    once, twice = (nn.Conv2d(3, 1, 3) for _ in range(2))
    twice.load_state_dict(once.state_dict())
    train(fixed(once, {}), schedule(4, "stage"), tmp_path / "once", "once")
    kept: dict[str, Any] = {}
    for stage in ("first", "second"):
        train(fixed(twice, kept), schedule(2, moments), tmp_path / stage, stage)
    same = all(np.array_equal(a, b) for a, b in zip(state(once).values(), state(twice).values(), strict=True))
    assert same is (moments == "run")
    assert bool(kept) is (moments == "run")


def test_moments_are_kept_beside_the_model(tmp_path: Path) -> None:
    net, shown = nn.Linear(2, 1), ModelInput(32)
    moments = {"0.exp_avg": np.ones((1, 2), np.float32), "0.step": np.float32(3)}
    for name, past in (("with", Past(5, moments)), ("without", Past(5))):
        with seal(tmp_path / f"{name}.h5", "segmenter") as file:
            write_segmenter(file, net, net, [{"epoch": 1.0}], shown, past)
    back = past_of(tmp_path / "with.h5", "segmenter", moments=True)
    assert back.epochs == 5
    np.testing.assert_equal(dict(back.moments), moments)
    assert past_of(tmp_path / "with.h5", "segmenter", moments=False).moments == {}
    assert past_of(tmp_path / "without.h5", "segmenter", moments=True).moments == {}
