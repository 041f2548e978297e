"""Memory that runs out, by injected failures: a micro-batch is halved and kept; what cannot be cut is a fault."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import scaler.training.loop as training
from scaler.artifacts.steps import load_step
from scaler.errors import ScalerError
from scaler.method.initialization import initialize_sam, initialize_segmenter
from scaler.method.phase_two import train_sam
from scaler.models.foundation import build_foundation
from scaler.params import Params
from scaler.training.memory import halved, is_out_of_memory
from scaler.training.prediction import Inference, predict
from scaler.training.run import TrainingRun
from stages.initialize_segmenter import PARAMS
from tests.conftest import with_values
from tests.training.test_sam_batches import COUNT, CPU, SIZE, data_set

SIDE = 40  # pixels that the foundation model sees
CPU_MESSAGE = "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"


class Small(nn.Module):
    """A foundation model on a card that holds so many images at a time when it trains."""

    def __init__(self, model: nn.Module, images: int) -> None:
        super().__init__()
        self.model, self.images, self.tried = model, images, list[int]()

    def forward(self, image: Tensor, prompts: object = None) -> Tensor:
        if self.training:
            self.tried.append(len(image))
            if len(image) > self.images:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return self.model(image, prompts)


def small_params(params: Params, **sam: object) -> Params:
    schedule = {"epochs": 2, "batch_size": COUNT}
    return with_values(
        params, sam={"size": SIDE} | sam, train_sam=schedule | {"labelled_per_batch": None}, initialize_sam=schedule
    )


def phase_two(params: Params, steps: Path, images: int = 1000) -> tuple[Small, list[dict[str, float]]]:
    """Phase II; both views of an image go through the model together."""
    torch.manual_seed(0)
    model = Small(build_foundation(params.sam), images)
    pool = (np.random.default_rng(1).random((COUNT, SIZE, SIZE)) * 255).astype(np.uint8)
    data = data_set()
    _, log = train_sam(TrainingRun(params, data, data, CPU, "train_sam", steps, 1), model, pool)
    return model, log


@torch.no_grad()
def difference(one: nn.Module, other: nn.Module, params: Params) -> float:
    """How far apart the trained parameters of two models are, as a share of the way that training moved them."""
    apart = moved = 0.0
    torch.manual_seed(0)  # as in `phase_two`: the adapter starts with random values
    start = Small(build_foundation(params.sam), 0)
    for a, b, before in zip(one.parameters(), other.parameters(), start.parameters(), strict=True):
        if a.requires_grad:
            apart += float((a - b).square().sum())
            moved += float((b - before).square().sum())
    return (apart / moved) ** 0.5


def test_the_micro_batch_is_halved_and_the_result_stays(params: Params, tmp_path: Path) -> None:
    whole, expected = phase_two(small_params(params), tmp_path / "whole")
    cut, log = phase_two(small_params(params, micro_batch="auto"), tmp_path / "cut", images=4)
    assert whole.tried == [2 * COUNT] * 2
    assert cut.tried == [10, 6, 4, 4, 2, 4, 4, 2], "5 images, 3, then 2, 2, 1; the second epoch starts with 2"
    assert difference(cut, whole, small_params(params)) < 0.02
    one_epoch, _ = phase_two(with_values(small_params(params), train_sam={"epochs": 1}), tmp_path / "one")
    assert difference(one_epoch, whole, small_params(params)) > 0.2, "or the measure sees nothing"
    assert [row.keys() for row in log] == [row.keys() for row in expected]
    for row, other in zip(log, expected, strict=True):
        assert row == pytest.approx(other, rel=1e-3)


def test_the_choice_is_in_the_step_checkpoint(params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    cut = small_params(params, micro_batch="auto")
    one_epoch = with_values(cut, train_sam={"epochs": 1})
    phase_two(one_epoch, tmp_path, images=4)
    state = load_step(tmp_path)
    assert state is not None
    assert (state.numbers["done"], state.numbers["micro_batch"]) == (1, 2)
    model, _ = phase_two(cut, tmp_path, images=4)
    assert model.tried == [4, 4, 2], "it goes on with 2 images at a time, without another failure"


@pytest.mark.parametrize(
    ("micro_batch", "words"),
    [
        (None, ("5 of 5 images at a time", "sam.micro_batch: auto", "sam.recompute: true")),
        (2, ("2 of 5 images at a time", "sam.micro_batch: auto")),
        ("auto", ("1 of 5 images at a time", "sam.recompute: true")),
    ],
)
def test_a_model_that_does_not_fit_says_what_to_set(
    micro_batch: object, words: tuple[str, ...], params: Params, tmp_path: Path
) -> None:
    with pytest.raises(ScalerError) as caught:
        phase_two(small_params(params, micro_batch=micro_batch), tmp_path, images=0)
    (fault,) = caught.value.faults
    assert fault.kind == "out_of_memory"
    for word in ("train_sam of nano", "CUDA out of memory", *words):
        assert word in str(fault)


def test_a_segmenter_that_does_not_fit_says_what_to_set(
    params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(CPU_MESSAGE)

    monkeypatch.setattr("scaler.method.initialization.user_label_loss", fail)
    declared = {name: getattr(params, name) for name in PARAMS}
    blocks = Params.model_construct(_fields_set=set(PARAMS), **declared)  # as `scaler.pipeline.job` hands them over
    run = TrainingRun(blocks, data_set(), data_set(), CPU, "initialize_segmenter", tmp_path)
    with pytest.raises(ScalerError, match=r"32 x 32 pixels .*lower batch_size of initialize_segmenter"):
        initialize_segmenter(run)


def test_other_errors_stay_what_they_are(params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr("scaler.method.initialization.user_label_loss", fail)
    auto = small_params(params, micro_batch="auto")
    with pytest.raises(RuntimeError, match="shapes differ"):
        initialize_sam(TrainingRun(auto, data_set(), data_set(), CPU, "initialize_sam", tmp_path))


def test_labelling_that_does_not_fit_says_what_to_set(params: Params) -> None:
    def fail(*_: object) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    inference = Inference(build_foundation(params.sam), fail, CPU, 3)
    with pytest.raises(ScalerError, match=r"3 images of 32 x 32 pixels .*batch_size"):
        predict(inference, data_set().image)


def test_what_counts_as_out_of_memory() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"))
    assert is_out_of_memory(RuntimeError(CPU_MESSAGE))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("shapes differ"))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_halving_ends_at_one() -> None:
    assert [halved(size, 5) for size in (None, 9, 5, 3, 2, 1)] == [3, 3, 3, 2, 1, None]
