"""What makes an artifact anew when the code changes, and what does not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaler.artifacts import code
from scaler.artifacts.canonical import canonical
from scaler.models.names import FOUNDATIONS, SEGMENTERS
from tests.conftest import ROOT

CACHED = (code.module_file, code.is_neutral, code.imported_names, code._tree, code._module_hash)

# Names that counted code takes from neutral code. Before you add one, make sure that it computes nothing that reaches
# an artifact; what computes belongs into a module that counts.
TAKEN = {
    "scaler.artifacts.locking": {"file_lock"},  # of devices
    "scaler.artifacts.filehash": {"sha256"},  # compared, never stored
    "scaler.artifacts.header": {"Header", "input_folder", "read_header"},
    "scaler.artifacts.opening": {"open_hdf5"},
    "scaler.artifacts.reading": {"open_artifact"},
    "scaler.artifacts.steps": {"StepState", "load_step", "save_step"},  # a loop goes on to the same bytes: tested
    "scaler.artifacts.writing": {"write_file"},
    "scaler.data.checks.examine": {"examine"},
    "scaler.data.checks.summary": {"summary"},
    "scaler.errors": {"Fault", "Faults", "ScalerError", "fault_table", "merge", "printable"},
    "scaler.models.weights.link": {"project_path"},
    "scaler.models.weights.registry": {"find"},  # for the advice in an error
    "scaler.params": {"Block", "INIT", "WARM_UP", "explain", "load_params", "round_name", "round_number"},  # and blocks
    "scaler.pipeline.command": {"Artifact", "Labels", "Output", "Raw", "Results"},
    "scaler.pipeline.job": {"Job", "run"},
    "scaler.plain": {"VARIABLE", "is_plain"},  # which of two equal ways
    "scaler.progress": {"log", "progress"},
}
# Rooms that neutral code imports and that count: what counted code asks of the former, the latter may answer.
REACHED = {
    "scaler.artifacts": {"scaler.artifacts"},  # sealing writes what the layouts say; stages import these themselves
    "scaler.data.checks": {"scaler.artifacts", "scaler.data", "scaler.metrics"},
    "scaler.models.weights": {"scaler.artifacts.locking"},  # one download of a file at a time
    # a study heads its columns; which process writes
    "scaler.pipeline": {"scaler.artifacts", "scaler.models.names", "scaler.metrics.names", "scaler.training.processes"},
}


@pytest.fixture(autouse=True)
def _no_cache() -> Iterator[None]:
    yield
    for cached in CACHED:
        cached.cache_clear()


@pytest.fixture
def own_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small package in place of the project's."""
    files = {
        "stages/__init__.py": "",
        "stages/s.py": '"""Doc."""\nfrom scaler.formula import f\nfrom scaler.errors import E\n'
        "from scaler.pages import build\nfrom scaler.room.inner import g\nfrom scaler.room.layout import h\n",
        "scaler/__init__.py": "",
        "scaler/formula.py": "def f(x):\n    '''Doc.'''\n    return x + 1  # why\n",
        "scaler/errors.py": "NEUTRAL = True\nfrom scaler.behind import z\nclass E(Exception): pass\n",
        "scaler/behind.py": "z = 1\n",
        "scaler/other.py": "y = 1\n",
        "scaler/room/__init__.py": "NEUTRAL = True\n",
        "scaler/room/inner.py": "def g(): return 1\n",
        "scaler/room/layout.py": "NEUTRAL = False\ndef h(): return 1\n",
        "scaler/pages/__init__.py": "",
        "scaler/pages/build.py": "",
        "scaler/pages/js/table.js": "var x = 1;",
        "scaler/unused/__init__.py": "",
        "scaler/unused/style.css": "p {}",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(code, "ROOT", tmp_path)
    return tmp_path


def version() -> str:
    for cached in CACHED:
        cached.cache_clear()
    return code.code_version("stages.s")


@pytest.mark.parametrize(
    ("name", "old", "new", "changes"),
    [
        ("scaler/formula.py", "# why", "# for another reason", False),
        ("scaler/formula.py", "x + 1", "x + 2", True),
        ("scaler/errors.py", "pass", "code = 1", False),
        ("scaler/behind.py", "1", "2", False),
        ("scaler/room/inner.py", "1", "2", False),
        ("scaler/room/layout.py", "1", "2", True),
        ("scaler/room/inner.py", "def g", "NEUTRAL = False\ndef g", True),
        ("scaler/other.py", "1", "2", False),
        ("stages/s.py", '"""Doc."""', "x = 1", True),
        ("scaler/pages/js/table.js", "1", "2", True),
        ("scaler/unused/style.css", "p", "q", False),
    ],
)
def test_what_counts_as_a_change_of_code(own_code: Path, name: str, old: str, new: str, changes: bool) -> None:
    before = version()
    path = own_code / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert (version() != before) is changes
    assert version() == version()


BODY = "def f(x, path):\n    {}\n    return x + 1\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("raise ValueError(f'{path}: odd')", "raise ValueError('it is odd') from None"),
        ("if x: raise ScalerError('a', 'b')", "if x: raise ScalerError(other(path))"),
        ("yield Fault('odd', (path,), 'it is odd', 'fix it')", "yield Fault('odd', (path,), f'{x} is odd')"),
        ("yield Fault('odd', (path,), reason='a', severity='note')", "yield Fault('odd', (path,), severity='note')"),
        ("raise ScalerError(Fault('odd', (), 'a'))", "raise ScalerError(Fault('odd', (), 'b', remedy='c'))"),
        ("print('one')", "print(f'two {x}', flush=True)"),
        ("log.info('one')", "log.info('two')"),
        ("warnings.warn('one')", "warnings.warn('two', stacklevel=2)"),
        ("with progress(len(x), 'one') as bar: bar.update()", "with progress(x, 'two', unit='b') as bar: bar.update()"),
        ("assert x, 'one'", "assert x, 'two'"),
        ("assert x, 'one'", "assert x"),
        ("what = 'no' if x else 'yes'; raise E1Error(what)", "what = 'none' if x else 'some'; raise E1Error(what)"),
        ("a = 'p'; b = f'{a} q'; raise OddError(b)", "a = 'r'; b = f's {a}'; raise OddError(b, a)"),
        ("'''Doc.'''; x += 1", "'''Another text.'''; x += 1"),
        ("x = (x)", "x = x  # why"),
    ],
)
def test_wording_does_not_count(old: str, new: str) -> None:
    assert canonical(BODY.format(old)) == canonical(BODY.format(new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x *= 2", "x *= 3"),
        ("if x > 1: raise ScalerError('a')", "if x > 2: raise ScalerError('a')"),
        ("raise ScalerError('a')", "raise KeyError('a')"),
        ("yield Fault('odd', (path,), 'a')", "yield Fault('even', (path,), 'a')"),
        ("yield Fault('odd', (path,), 'a', severity='note')", "yield Fault('odd', (path,), 'a', severity='error')"),
        ("raise ScalerError(Fault('odd', (), 'a'))", "raise ScalerError(Fault('even', (), 'a'))"),
        ("mode = 'a'; g(mode); raise OddError(mode)", "mode = 'b'; g(mode); raise OddError(mode)"),
        ("x = np.log(x)", "x = np.log(x + 1)"),
        ("mode = 'a'; g(lambda: mode); print(mode)", "mode = 'b'; g(lambda: mode); print(mode)"),
        ("assert x, 'a'", "assert x > 1, 'a'"),
        ("_ = g('a')", "_ = g('b')"),
        ("error.add('a')", "error.add('b')"),
    ],
)
def test_what_computes_counts(old: str, new: str) -> None:
    assert canonical(BODY.format(old)) != canonical(BODY.format(new))


def test_every_stage_has_a_version_of_its_own() -> None:
    names = stages()
    assert len({code.code_version(name) for name in names}) == len(names) > 8


def stages() -> list[str]:
    return [f"stages.{path.stem}" for path in (ROOT / "stages").glob("*.py") if path.stem not in ("__init__", "scaler")]


def test_counted_code_takes_only_listed_names_from_neutral_code() -> None:
    taken: dict[str, set[str]] = defaultdict(set)
    for module in code.counted_modules([*stages(), *FOUNDATIONS.values(), *SEGMENTERS.values()]):
        for name in code.imported_names(module):
            owner, _, short = name.rpartition(".")
            if code.module_file(name) is None and code.is_neutral(owner):
                taken[owner].add(short)
    blocks = {name for name in taken["scaler.params"] if name.endswith("Params")}
    found = {owner: names - TAKEN.get(owner, set()) for owner, names in taken.items()}
    found["scaler.params"] -= blocks
    unlisted = {owner: names for owner, names in found.items() if names}
    assert not unlisted, "code that counts takes these from code that does not; see the comment at TAKEN"


def test_neutral_code_reaches_only_listed_rooms() -> None:
    unlisted = set()
    for path in (ROOT / "scaler").rglob("*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if not code.is_neutral(module):
            continue
        allowed = {room for own, rooms in REACHED.items() if module.startswith(own) for room in rooms}
        for name in code.imported_names(module):
            if code.module_file(name) and not code.is_neutral(name) and code.module_file(name).stem != "__init__":
                unlisted |= {(module, name)} if not name.startswith(tuple(allowed)) or not allowed else set()
    assert not unlisted, "code that does not count imports code that does; see the comment at REACHED"
