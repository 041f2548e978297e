"""Every kind of bad input ends in exactly one clear finding."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaler.data.checks import pictures
from scaler.errors import ScalerError, printable
from tests.data.checks.faults_names import NAMES, Fault
from tests.data.checks.faults_pictures import PICTURES
from tests.data.checks.world import found_in, look, params, sound

FAULTS = NAMES + PICTURES


def test_there_are_many_kinds() -> None:
    assert len({build.__name__ for *_, build in FAULTS}) == len(FAULTS) >= 40


@pytest.mark.parametrize("with_params", [False, True])
def test_a_sound_folder_gives_no_finding(tmp_path: Path, with_params: bool) -> None:
    sound(tmp_path)
    assert found_in(look(tmp_path, params(tmp_path) if with_params else None)) == []


@pytest.mark.parametrize("fault", FAULTS, ids=[build.__name__ for *_, build in FAULTS])
def test_one_fault_gives_one_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    monkeypatch.setattr(pictures, "HUGE", 1_000_000)
    severity, kind, file, build = fault
    examination = look(sound(tmp_path), build(tmp_path))
    assert [item[:2] for item in found_in(examination)] == [(severity, kind)]
    assert file in [printable(name) for name in found_in(examination)[0][2]] or file == "."
    found = examination.faults.items[0]
    assert min(len(found.reason), len(found.remedy)) > 8
    if severity == "error":
        with pytest.raises(ScalerError) as error:
            examination.faults.raise_if_errors()
        assert file in str(error.value)
    else:
        examination.faults.raise_if_errors()
