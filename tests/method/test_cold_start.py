"""scaler.method.cold_start: images from which neither model can learn."""

from __future__ import annotations

import numpy as np
import pytest

from scaler.errors import ScalerError
from scaler.method.cold_start import blind, cold_starts, refuse_cold_start
from scaler.params import ColdStartParams

OPTIONS = ColdStartParams(undecided_entropy=0.9, stop_share=0.5)
SEES, NOTHING, UNDECIDED = ([0.1, 0.9], [0.1, 0.2], [0.45, 0.55])


def maps(*rows: list[float]) -> np.ndarray:
    """One image of 1 x 2 pixels per row."""
    return np.array(rows, dtype=np.float32)[:, None, :]


def test_empty_and_undecided_labels_are_blind() -> None:
    assert blind(maps(SEES, NOTHING, UNDECIDED), 0.9).tolist() == [False, True, True]


def test_a_pixel_at_one_half_is_foreground_but_an_undecided_image_all_the_same() -> None:
    assert blind(maps([0.0, 0.5], [0.5, 0.5]), 0.9).tolist() == [False, True]


def test_both_models_must_be_blind() -> None:
    teacher, sam = maps(SEES, NOTHING, NOTHING, UNDECIDED), maps(NOTHING, SEES, UNDECIDED, NOTHING)
    assert cold_starts(teacher, sam, OPTIONS).tolist() == [False, False, True, True]


def test_too_many_are_refused_with_advice() -> None:
    with pytest.raises(ScalerError, match=r"2 of 3 unlabelled .*a, c\).*more labelled images.*stop_share"):
        refuse_cold_start(["a", "b", "c"], np.array([True, False, True]), OPTIONS)


@pytest.mark.parametrize("cold", [[True, False], [False, False]])
def test_up_to_the_share_the_run_goes_on(cold: list[bool]) -> None:
    refuse_cold_start(["a", "b"], np.array(cold), OPTIONS)


def test_no_unlabelled_image_is_no_cold_start() -> None:
    refuse_cold_start([], np.zeros(0, dtype=bool), OPTIONS)
