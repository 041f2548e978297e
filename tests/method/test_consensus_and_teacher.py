"""The consensus label and the mean teacher."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from scaler.method.consensus import consensus
from scaler.training.ema import mean_teacher


def test_consensus_by_hand() -> None:
    teacher, student = torch.tensor([0.0, 0.5, 0.75, 1.0]), torch.tensor([0.5, 0.25, 0.75, 0.0])
    assert consensus(teacher, student).tolist() == [0.25, 0.375, 0.75, 0.5]
    assert torch.equal(consensus(teacher, student, "teacher"), teacher)
    # 0; (1/8) / (1/8 + 3/8) = 1/4; (9/16) / (9/16 + 1/16) = 9/10; a contradiction: 1/2
    assert consensus(teacher, student, "product").tolist() == pytest.approx([0.0, 0.25, 0.9, 0.5])


def test_consensus_refuses_what_does_not_fit() -> None:
    p = torch.zeros(2, 1, 3, 3)
    with pytest.raises(ValueError, match="shapes"):
        consensus(p, p[:1])
    with pytest.raises(ValueError, match="expected"):
        consensus(p, p, "student")  # type: ignore[arg-type]


def network(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Conv2d(2, 1, 1))


def test_teacher_follows_by_eq_15() -> None:
    teacher, student = network(0), network(1)
    before = copy.deepcopy(teacher)
    followed = {name: value.detach().clone() for name, value in student.named_parameters()}
    places = [parameter.data_ptr() for parameter in teacher.parameters()]
    mean_teacher(teacher, student, 0.75)()
    for (name, now), old in zip(teacher.named_parameters(), before.parameters(), strict=True):
        assert torch.allclose(now, 0.75 * old + 0.25 * followed[name], atol=1e-7)
    assert places == [parameter.data_ptr() for parameter in teacher.parameters()]
    assert all(torch.equal(value, followed[name]) for name, value in student.named_parameters())


def test_teacher_after_many_steps() -> None:
    # A student that stays at 1: the teacher, from 0, is at 1 - 0.9^20.
    teacher, student = nn.Linear(1, 1, dtype=torch.float64), nn.Linear(1, 1, dtype=torch.float64)
    for model, value in ((teacher, 0.0), (student, 1.0)):
        for parameter in model.parameters():
            nn.init.constant_(parameter, value)
    for _ in range(20):
        mean_teacher(teacher, student, 0.9)()
    assert teacher.weight.item() == pytest.approx(1 - 0.9**20)


def test_buffers_are_copied() -> None:
    teacher, student = network(0), network(1)
    for _ in range(3):
        student(torch.randn(4, 1, 6, 6))
    mean_teacher(teacher, student, 0.99)()
    norm, source = teacher[1], student[1]
    assert isinstance(norm, nn.BatchNorm2d)
    assert isinstance(source, nn.BatchNorm2d)
    assert norm.num_batches_tracked is not None
    assert norm.num_batches_tracked.item() == 3
    for (_, now), (_, wanted) in zip(norm.named_buffers(), source.named_buffers(), strict=True):
        assert torch.equal(now, wanted)
        assert now.data_ptr() != wanted.data_ptr()


def test_no_gradient_flows_into_the_teacher() -> None:
    teacher, student = network(0).requires_grad_(False), network(1)
    student(torch.randn(4, 1, 6, 6)).sum().backward()
    mean_teacher(teacher, student, 0.5)()
    assert all(p.grad is None and not p.requires_grad for p in teacher.parameters())
    assert all(p.grad is not None for p in student.parameters())


def test_extreme_decays() -> None:
    teacher, student = network(0), network(1)
    before = copy.deepcopy(teacher)
    mean_teacher(teacher, student, 1.0)()
    assert all(torch.equal(p, q) for p, q in zip(teacher.parameters(), before.parameters(), strict=True))
    mean_teacher(teacher, student, 0.0)()
    assert all(torch.equal(p, q) for p, q in zip(teacher.parameters(), student.parameters(), strict=True))
    with pytest.raises(ValueError, match="decay"):
        mean_teacher(teacher, student, 1.5)()


def test_another_architecture_is_refused() -> None:
    with pytest.raises(ValueError, match="differ"):
        mean_teacher(network(0), nn.Sequential(nn.Conv2d(1, 2, 3)), 0.9)()
