"""Running a stage: under a lock, only if there is something to do, from sealed inputs to sealed outputs."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from scaler.artifacts.code import code_version
from scaler.artifacts.currency import Currency, fingerprint
from scaler.artifacts.header import Header, Input
from scaler.errors import ScalerError
from scaler.models.names import named_modules
from scaler.params import Params, load_params
from scaler.pipeline.command import Command, parse_command
from scaler.progress import log, log_file, show_messages

if TYPE_CHECKING:
    import h5py

WORK = Path(".scaler")
RECORDED = ("torch", "numpy", "h5py", "opencv-python-headless", "segment-anything")


@dataclass(frozen=True)
class Job:
    """What a stage's `main` is given beside its arguments.

    Attributes:
        params: only the blocks that the stage declares in PARAMS; asking for another raises AttributeError.
        command: the parsed command line.
        inputs: the recipe's inputs with fingerprints.
    """

    params: Params
    command: Command
    inputs: list[Input]

    def header(self, out: Path, kind: str) -> Header:
        """Provenance of one output."""
        from scaler.artifacts.names import SCHEMA

        recipe = self.command.recipe
        values = self.params.model_dump(mode="json")
        return Header(
            kind=kind,
            schema=SCHEMA[kind],
            stage=recipe.stage,
            output=self._name(out),
            arguments=recipe.arguments,
            inputs=self.inputs,
            params=values,
            code=self._code(values),
            versions=_versions(),
            fingerprint=self.fingerprint(out),
        )

    def fingerprint(self, out: Path) -> str:
        """What `out` will be sealed with."""
        values = self.params.model_dump(mode="json")
        return fingerprint(self._name(out), self.command.recipe, values, self._code(values), self.inputs)

    def steps(self, out: Path) -> Path:
        """Folder of the step checkpoints of this very recipe: outside the outputs, so that engines leave it alone."""
        return WORK / "steps" / self.fingerprint(out)

    def _code(self, params: dict[str, Any]) -> str:
        return code_version(f"stages.{self.command.recipe.stage}", named_modules(params))

    def _name(self, out: Path) -> str:
        return next(name for name, path in self.command.outputs.items() if path == out)

    def hdf5(self, out: Path, kind: str, sidecars: dict[str, str] | None = None) -> AbstractContextManager[h5py.File]:
        """The artifact to fill; see `scaler.artifacts.sealing.sealed_hdf5`."""
        from scaler.artifacts.sealing import sealed_hdf5

        return sealed_hdf5(out, self.header(out, kind), sidecars)

    def html(self, out: Path, kind: str, page: str, sidecars: Iterable[tuple[str, str]]) -> None:
        """Seal a page and its sidecars; see `scaler.artifacts.sealing.seal_html`."""
        from scaler.artifacts.sealing import seal_html

        seal_html(out, self.header(out, kind), page, sidecars)


def run(main: Callable[..., None]) -> None:
    """Entry point of a stage file: parse, lock, return at once if current, else run `main` and check its outputs."""
    stage = Path(sys.modules["__main__"].__file__ or "").stem
    try:
        run_stage(stage, main, sys.argv[1:])
    except ScalerError as error:
        print(f"\n{stage}: error\n{error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"\n{stage}: interrupted; run the same command again to go on from the last step kept", file=sys.stderr)
        sys.exit(130)


def run_stage(stage: str, main: Callable[..., None], arguments: list[str]) -> None:
    """`python -m stages.<stage> <arguments>` in this process and folder.

    Raises:
        ScalerError: bad parameters, inputs that are missing or not current, or whatever the stage finds wrong.
    """
    show_messages()
    params = load_params()
    command = parse_command(stage, arguments, params)
    first = next(iter(command.outputs.values()))
    with _lock(first):
        currency = Currency(params, named_modules)
        if all(currency.is_current(path, name, command.recipe) for name, path in command.outputs.items()):
            log.info(f"current: {', '.join(path.as_posix() for path in command.outputs.values())}")
        else:
            with log_file(working_file("logs", first, ".log"), command.line):
                _build(main, command, currency, params)
        currency.memory.save()


def _build(main: Callable[..., None], command: Command, currency: Currency, params: Params) -> None:
    recipe = command.recipe
    inputs = [_checked_input(name, path, raw, currency) for name, path, raw in recipe.inputs]
    blocks = recipe.blocks
    declared = {name: getattr(params, name) for name in blocks}
    restricted = Params.model_construct(_fields_set=set(blocks), **declared)
    job = Job(restricted, command, inputs)
    log.info(f"{recipe.stage}: making {', '.join(path.as_posix() for path in command.outputs.values())}")
    begin = time.monotonic()
    main(job, **command.values)
    for path in command.outputs.values():
        shutil.rmtree(job.steps(path), ignore_errors=True)
    log.info(f"{recipe.stage}: done in {time.monotonic() - begin:.1f} s")


def _checked_input(name: str, path: str, raw: bool, currency: Currency) -> Input:
    if raw:
        digest = currency.raw_digest(path)
        if digest is None:
            raise ScalerError(f"--{name}: expected a file or folder at {path}, but there is none. Check params.yaml.")
        return Input(name, path, True, digest)
    value = currency.identity(path)
    if value is None:
        state = "is not what params.yaml and the code ask for now" if Path(path).exists() else "is missing"
        raise ScalerError(
            f"--{name.replace('_', '-')}: {path} {state} (other parameters, other code, other inputs, or damaged). "
            f"Make it with `snakemake --cores all {path}` or `dvc repro`."
        )
    return Input(name, path, False, value)


def _lock(out: Path) -> FileLock:
    path = working_file("locks", out, ".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info(f"waiting: another process is making {out.as_posix()}")
        lock.acquire()
    return lock


def working_file(folder: str, out: Path, suffix: str) -> Path:
    """The lock, log or state of an artifact: named after it, outside the results, so that engines leave it alone."""
    return WORK / folder / (out.as_posix().replace("/", "__") + suffix)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in RECORDED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
