"""Phase II and SAM's initialization: a batch cut into parts descends the same loss, with and without prompts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from scaler.artifacts.large import LargeImages
from scaler.artifacts.splits import DataSet
from scaler.data.geometry import View
from scaler.method.initialization import initialize_sam
from scaler.method.labelling import label_with_sam
from scaler.method.phase_two import train_sam
from scaler.models.adapted import AdaptedModel, Features
from scaler.models.foundation import build_foundation
from scaler.models.sam_adapter import high_pass
from scaler.params import Params
from scaler.randomness import generator
from scaler.training.batches import Batch, parts
from scaler.training.device import Compute
from scaler.training.loop import Step, Task
from scaler.training.prediction import predict_batches
from scaler.training.prompting import Cues, load_cues, teacher_cues, training_prompts
from scaler.training.run import TrainingRun
from tests.conftest import with_values
from tests.tiny_sam import sam_params

CPU = Compute(torch.device("cpu"), low_precision=False, lease=None)
COUNT, SIZE = 5, 32


def data_set(marks: bool = False) -> DataSet:
    """Noise with a square in each image; two of five have masks, or all have marks."""
    rng = np.random.default_rng(0)
    mask = np.zeros((COUNT, SIZE, SIZE), np.uint8)
    mask[:, 8:20, 10:24] = 1
    drawn = np.zeros_like(mask)
    if marks:
        drawn[:, 12:14, 14:16], drawn[:, 2:4, 2:4] = 1, 2
    labelled = np.array([not marks and i < 2 for i in range(COUNT)])
    return DataSet(
        ids=[f"image {i}" for i in range(COUNT)],
        image=rng.integers(0, 255, (COUNT, SIZE, SIZE, 3), dtype=np.uint8),
        mask=mask * labelled[:, None, None].astype(np.uint8),
        labelled=labelled,
        marks=drawn,
        native_size=np.full((COUNT, 2), SIZE, np.int32),
        native_masks=[],
    )


class Flat(nn.Module):
    """A segmenter that is undecided everywhere."""

    def forward(self, image: Tensor) -> list[Tensor]:
        return [image[:, :1] * 0]


def _spy(encode: Callable[..., Features], seen: list[Tensor]) -> Callable[..., Features]:
    def spied(self: AdaptedModel, image: Tensor) -> Features:
        seen.append(image.detach())
        return encode(self, image)

    return spied


def gradients(
    stage: str, params: Params, data: DataSet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> tuple[dict[str, Tensor], dict[str, float], int]:
    """Of one step on the whole set: gradients, the logged numbers, and the number of parts."""
    kept: list[Task] = []
    monkeypatch.setattr(TrainingRun, "train", lambda run, task: kept.append(task) or [])
    run = TrainingRun(params, data, data, CPU, stage, tmp_path, 1 if stage == "train_sam" else None)
    torch.manual_seed(0)
    if stage == "initialize_sam":
        model, _ = initialize_sam(run)
    else:
        pool = (np.random.default_rng(1).random((COUNT, SIZE, SIZE)) * 255).astype(np.uint8)
        cues = teacher_cues(params.sam, pool.astype(np.float32) / 255)
        model, _ = train_sam(run, build_foundation(params.sam), pool, cues)
    (task,) = kept
    total: dict[str, float] = {}
    count = 0
    for loss, numbers in task.step(Step(np.arange(task.count), generator(0, "test"), task.micro_batch)):
        loss.backward()  # type: ignore[no-untyped-call]
        count += 1
        for name, value in {"loss": float(loss.detach()), **numbers}.items():
            total[name] = total.get(name, 0.0) + value
    named = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return named, total, count


@pytest.mark.parametrize("prompts", ["none", "teacher_points", "teacher_box", "teacher_mask"])
@pytest.mark.parametrize("stage", ["initialize_sam", "train_sam"])
def test_parts_add_up_to_the_whole(
    stage: str, prompts: str, params: Params, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = data_set()
    whole = with_values(params, sam={"prompts": prompts, "prompt_share": 1.0})
    cut = with_values(params, sam={"prompts": prompts, "prompt_share": 1.0, "micro_batch": 1})
    expected, numbers, once = gradients(stage, whole, data, monkeypatch, tmp_path)
    came, sums, times = gradients(stage, cut, data, monkeypatch, tmp_path)
    assert (once, times) == (1, 5 if stage == "train_sam" else 2)
    assert came.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(came[name], value, rtol=1e-3, atol=1e-5 * float(value.abs().max() + 1))
    assert sums == pytest.approx(numbers, rel=1e-4)


def test_parts_cover_the_batch_and_their_shares_add_up() -> None:
    assert parts(5, 2) == [(slice(0, 2), 0.4), (slice(2, 4), 0.4), (slice(4, 5), 0.2)]
    assert parts(5, None) == [(slice(0, 5), 1.0)]


def test_marks_move_with_the_view_and_some_steps_go_without() -> None:
    data = data_set(marks=True)
    cues = Cues(sam_params(prompts="marks_points", prompt_share=0.5), data.marks)
    image, mask = torch.zeros(COUNT, 3, 2 * SIZE, 2 * SIZE), torch.zeros(COUNT, 1, SIZE, SIZE)
    batch = Batch([View("h", 0, 1.0)] * COUNT, image, mask, mask, mask[:, 0, 0, 0] > 0, np.zeros(COUNT, np.bool_))
    steps = [Step(np.arange(COUNT), generator(0, "prompts", k)) for k in range(20)]
    found = [training_prompts(cues, step, batch, CPU) for step in steps]
    given = [one for one in found if one is not None]
    assert 0 < len(given) < len(found)
    x = given[0].points_xy[given[0].point_labels == 1][:, 0]
    assert ((SIZE - x / 2).sub(15).abs() <= 1.5).all()  # in pixels of the larger image


@torch.no_grad()
def test_the_ensemble_prompts_each_view_in_its_own_frame() -> None:
    data = data_set(marks=True)
    cues = Cues(sam_params(prompts="marks_box"), data.marks)
    found = cues.of_views(slice(1, 4), CPU)([0, 2], View("none", 1, 2.0))
    own = cues.prompts(cues.moved(cues.tensor([1, 3], CPU), [View("none", 1, 1.0)] * 2))
    torch.testing.assert_close(found.box_xyxy, 2 * own.box_xyxy)


@torch.no_grad()
def test_sam_gets_the_large_images_and_answers_at_the_size_of_the_labels(
    params: Params, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    small = data_set()
    rng = np.random.default_rng(2)
    pixels = [rng.integers(0, 255, (96, 80, 3), dtype=np.uint8) for _ in range(COUNT)]
    data = replace(small, large=LargeImages(pixels, 96))
    model = build_foundation(params.sam).eval()
    seen: list[Tensor] = []
    monkeypatch.setattr(type(model), "encode", _spy(type(model).encode, seen))
    with torch.enable_grad():
        for stage in ("initialize_sam", "train_sam"):
            gradients(stage, params, data, monkeypatch, tmp_path)
    assert label_with_sam(params, data, model, CPU, (0, "0")).stacked()["probability"].shape[1:] == (SIZE, SIZE)
    models = {"segmenter": Flat(), "teacher": Flat(), "sam": model}
    batches = list(predict_batches(models, params.sam, data, CPU, 2))
    assert [batch["sam"].shape for batch in batches] == [(2, SIZE, SIZE), (2, SIZE, SIZE), (1, SIZE, SIZE)]
    # Every pass had the spectrum of noise at 96 pixels; enlarged from 32 it would end at a third of it.
    assert all(high_pass(image).mean() > 0.3 for image in seen)
    seen.clear()
    label_with_sam(params, small, model, CPU, (0, "0")).stacked()
    assert all(high_pass(image).mean() < 0.15 for image in seen)


def test_what_is_prompted_with_depends_on_the_option(params: Params) -> None:
    data = data_set(marks=True)
    assert load_cues(params, data, None) is None
    points = with_values(params, sam={"prompts": "marks_points"}, prepare_data={"supervision": "points"})
    cues = load_cues(points, data, None)
    assert cues is not None
    assert cues.maps is data.marks
    assert load_cues(with_values(params, sam={"prompts": "teacher_box"}), data, None) is None, "round 0 has no teacher"
    assert teacher_cues(points.sam, np.ones((1, 4, 4), np.float32)) is None
