"""The learning rate of a step."""

from __future__ import annotations

import math

from scaler.params import ScheduleParams


def learning_rate(schedule: ScheduleParams, epochs: float, epochs_before: int = 0) -> float:
    """The learning rate after some epochs of a stage.

    Args:
        schedule: of the stage. `decay: stage`: times `decay_factor` every `decay_every` epochs of the stage. "run": the
            same, but epochs count over all stages that the model went through. "cosine": half a cosine from the
            stage's `learning_rate` to 0.
        epochs: that the stage has done, with the part of the current one.
        epochs_before: that the model was trained for before the stage.
    """
    if schedule.decay == "cosine":
        return schedule.learning_rate * (1 + math.cos(math.pi * epochs / max(schedule.epochs, 1))) / 2
    counted = int(epochs) + (epochs_before if schedule.decay == "run" else 0)
    return schedule.learning_rate * schedule.decay_factor ** (counted // schedule.decay_every)
