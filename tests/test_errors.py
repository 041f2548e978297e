"""Faults are records; they become sentences only for a person."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from scaler.errors import Fault, Faults, ScalerError

SOURCE = Path("data/set")


def test_a_fault_is_worded_from_its_fields() -> None:
    """Files, reason and remedy; many files are counted; a control character is escaped."""
    fault = Fault("mask_empty", tuple(SOURCE / f"{n}.png" for n in range(5)), "no object\x1b", "add one")
    expected = "0.png, 1.png, 2.png and 2 more: no object\\x1b; add one."
    assert fault.line(source=SOURCE) == expected
    assert str(Fault("other", (), "wrong")) == "wrong."


def test_all_faults_are_reported_together_and_grouped() -> None:
    """Faults that agree but for their files are one line; warnings do not raise."""
    faults = Faults(SOURCE)
    faults.add(Fault("odd", (SOURCE / "x",), "odd", severity="warning"))
    faults.raise_if_errors()
    faults.add(*(Fault("empty", (SOURCE / f"{n}",), "empty", "remove it") for n in range(30)))
    with faults.collect(ids=["a"]):
        raise ScalerError(Fault("broken", (SOURCE / "a",), "broken"))
    with pytest.raises(ScalerError) as caught:
        faults.raise_if_errors()
    assert str(caught.value).splitlines() == [
        "data/set: cannot be used yet:",
        "- 0, 1, 2 and 27 more: empty; remove it. [empty]",
        "- a: broken. [broken]",
    ]
    assert caught.value.faults[-1].ids == ("a",)


def test_an_error_keeps_plain_messages_and_survives_a_worker_process() -> None:
    """A message is shown as written; faults and source are pickled."""
    assert str(ScalerError("say what to draw: --fraction")) == "say what to draw: --fraction"
    error = ScalerError(Fault("k", ("f",), "r"), source="s")
    again = pickle.loads(pickle.dumps(error))
    assert (again.faults, again.source, str(again)) == (error.faults, "s", str(error))
