"""The consensus of the two segmenters: the label of Phase II."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Form = Literal["mean", "teacher", "product"]


def consensus(teacher: Tensor, student: Tensor, form: Form = "mean") -> Tensor:
    """P_G, the label that the foundation model learns from.

    Args:
        teacher: P_T, float in [0, 1], any shape.
        student: P, the same shape and frame.
        form: "mean": (P_T + P) / 2. "teacher": P_T alone. "product": the normalised product of two experts,
            P_T P / (P_T P + (1 - P_T)(1 - P)), which sharpens where both lean the same way; 0.5 where one says 0
            and the other 1.

    Returns:
        The same shape, in [0, 1].

    Raises:
        ValueError: shapes differ, or unknown form.
    """
    if teacher.shape != student.shape:
        raise ValueError(f"consensus: shapes differ: teacher {tuple(teacher.shape)}, student {tuple(student.shape)}")
    if form == "mean":
        return (teacher + student) / 2
    if form == "teacher":
        return teacher
    if form == "product":
        for_object = teacher * student
        total = for_object + (1 - teacher) * (1 - student)
        contradiction = total == 0
        return torch.where(contradiction, 0.5, for_object / total.masked_fill(contradiction, 1.0))
    raise ValueError(f"consensus: expected 'mean', 'teacher' or 'product', got {form!r}")
