"""Every kind of bad input ends in exactly one clear finding."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaler.data.checks.findings import printable
from scaler.errors import ScalerError
from tests.data.checks.faults_names import NAMES, Fault
from tests.data.checks.faults_pictures import PICTURES
from tests.data.checks.world import look, params, sound, told

FAULTS = NAMES + PICTURES


def test_there_are_many_kinds() -> None:
    assert len({build.__name__ for *_, build in FAULTS}) == len(FAULTS) >= 40


@pytest.mark.parametrize("with_params", [False, True])
def test_a_sound_folder_gives_no_finding(tmp_path: Path, with_params: bool) -> None:
    sound(tmp_path)
    assert told(look(tmp_path, params(tmp_path) if with_params else None)) == []


@pytest.mark.parametrize("fault", FAULTS, ids=[build.__name__ for *_, build in FAULTS])
def test_one_fault_gives_one_finding(tmp_path: Path, fault: Fault) -> None:
    severity, kind, file, build = fault
    findings = look(sound(tmp_path), build(tmp_path))
    assert [item[:2] for item in told(findings)] == [(severity, kind)]
    found = findings.items[0]
    assert file in found.files or file in [printable(name) for name in found.files]
    assert min(len(found.reason), len(found.cure)) > 8
    if severity == "error":
        with pytest.raises(ScalerError) as error:
            findings.raise_if_errors()
        assert printable(file) in str(error.value) or file in str(error.value)
    else:
        findings.raise_if_errors()
