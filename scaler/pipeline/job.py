"""Running a stage: under a lock, only if there is something to do, from sealed inputs to sealed outputs.

Every stage imports this module; what takes long to import is imported where it is used.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaler.errors import ScalerError
from scaler.pipeline.command import Command, parse_command
from scaler.pipeline.together import one_voice, refuse_alone, start_on_devices
from scaler.pipeline.unchanged import Before, Rest, keep, unchanged
from scaler.pipeline.work import WORK, locked, working_file
from scaler.training import processes

if TYPE_CHECKING:
    import h5py

    from scaler.artifacts.currency import Currency
    from scaler.artifacts.header import Header, Input
    from scaler.params import Params

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
        from scaler.artifacts.header import Header
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
        from scaler.artifacts.currency import fingerprint

        values = self.params.model_dump(mode="json")
        return fingerprint(self._name(out), self.command.recipe, values, self._code(values), self.inputs)

    def steps(self, out: Path) -> Path:
        """Folder of the step checkpoints of this very recipe: outside the outputs, so that engines leave it alone."""
        return WORK / "steps" / self.fingerprint(out)

    def _code(self, params: dict[str, Any]) -> str:
        from scaler.artifacts.code import code_version
        from scaler.models.names import named_modules

        return code_version(f"stages.{self.command.recipe.stage}", named_modules(params))

    def _name(self, out: Path) -> str:
        return next(name for name, path in self.command.outputs.items() if path == out)

    def hdf5(self, out: Path, kind: str, sidecars: dict[str, str] | None = None) -> AbstractContextManager[h5py.File]:
        """The artifact to fill; see `scaler.artifacts.sealing.sealed_hdf5`. Only the first process keeps it."""
        from scaler.artifacts.sealing import discarded_hdf5, sealed_hdf5

        return sealed_hdf5(out, self.header(out, kind), sidecars) if processes.leads() else discarded_hdf5()

    def html(self, out: Path, kind: str, page: str, sidecars: Iterable[tuple[str, str]]) -> None:
        """Seal a page and its sidecars; see `scaler.artifacts.sealing.seal_html`."""
        from scaler.artifacts.sealing import seal_html

        seal_html(out, self.header(out, kind), page, sidecars)


def run(main: Callable[..., None]) -> None:
    """Entry point of a stage file: return at once if nothing has changed or all is current, else run `main`."""
    stage = Path(sys.modules["__main__"].__file__ or "").stem
    outputs = unchanged(_line(stage, sys.argv[1:])) if processes.count() == 1 else None
    if outputs:
        print(f"current: {', '.join(outputs)}", flush=True)
        return
    try:
        start_on_devices(stage, sys.argv[1:])
        with processes.joined(), one_voice():
            refuse_alone(stage)
            run_stage(stage, main, sys.argv[1:])
    except ScalerError as error:
        print(f"\n{stage}: error\n{error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"\n{stage}: interrupted; run the same command again to resume from the last checkpoint", file=sys.stderr)
        sys.exit(130)


def run_stage(stage: str, main: Callable[..., None], arguments: list[str]) -> None:
    """`python -m stages.<stage> <arguments>` in this process and folder.

    Of several processes the first one holds the lock and decides; the others do as it says.

    Raises:
        ScalerError: bad parameters, inputs that are missing or not current, or whatever the stage finds wrong.
    """
    from scaler.params import load_params
    from scaler.progress import hide_messages, log, log_file, show_messages

    (show_messages if processes.leads() else hide_messages)()
    before = Before.now()
    params = load_params()
    command = parse_command(stage, arguments, params)
    first = next(iter(command.outputs.values()))
    with locked(first) if processes.leads() else nullcontext():
        currency = currency_of(params)
        if processes.agreed(lambda: is_current(command, currency)):
            log.info(f"current: {', '.join(path.as_posix() for path in command.outputs.values())}")
        elif not processes.leads():
            _build(main, command, currency_of(params), params)  # with the checksums that the first one has kept
        else:
            with log_file(working_file("logs", first, ".log"), command.line):
                _build(main, command, currency, params)
            currency = currency_of(params)  # checks all files again
            if not is_current(command, currency):
                return  # something has changed meanwhile; the next run makes it again
        if processes.leads():
            remember(command, before, currency)


def remember(command: Command, before: Before, currency: Currency) -> None:
    """Keep that a command has nothing to do, so that asking again takes no time; see `scaler.pipeline.unchanged`."""
    from scaler.models.names import named_modules

    blocks = currency.params.model_dump(mode="json")
    outputs = [path.as_posix() for path in command.outputs.values()]
    keep(command.line, outputs, before, currency.memory.seen, Rest(currency.sources, named_modules(blocks)))


def currency_of(params: Params) -> Currency:
    """What answers which artifacts are current under these parameters."""
    from scaler.artifacts.currency import Currency
    from scaler.models.names import named_modules

    return Currency(params, named_modules)


def is_current(command: Command, currency: Currency) -> bool:
    """Whether all outputs of a command are what it would write now."""
    answer = all(currency.is_current(path, name, command.recipe) for name, path in command.outputs.items())
    currency.memory.save()
    return answer


def _build(main: Callable[..., None], command: Command, currency: Currency, params: Params) -> None:
    import shutil
    import time

    from scaler.params import Params
    from scaler.progress import log

    recipe = command.recipe
    inputs = [_checked_input(name, path, raw, currency) for name, path, raw in recipe.inputs]
    blocks = recipe.blocks
    declared = {name: getattr(params, name) for name in blocks}
    restricted = Params.model_construct(_fields_set=set(blocks), **declared)
    job = Job(restricted, command, inputs)
    log.info(f"{recipe.stage}: making {', '.join(path.as_posix() for path in command.outputs.values())}")
    begin = time.monotonic()
    main(job, **command.values)
    if processes.leads():
        for path in command.outputs.values():
            shutil.rmtree(job.steps(path), ignore_errors=True)
    log.info(f"{recipe.stage}: done in {time.monotonic() - begin:.1f} s")


def _checked_input(name: str, path: str, raw: bool, currency: Currency) -> Input:
    from scaler.artifacts.header import Input

    if raw:
        digest = currency.raw_digest(path)
        if digest is None:
            raise ScalerError(f"--{name}: expected a file or folder at {path}, but there is none. {_advice(path)}")
        return Input(name, path, True, digest)
    value = currency.identity(path)
    if value is None:
        state = "is not what params.yaml and the code ask for now" if Path(path).exists() else "is missing"
        raise ScalerError(
            f"--{name.replace('_', '-')}: {path} {state} (other parameters, other code, other inputs, or damaged). "
            f"Make it with `snakemake --cores all {path}` or `dvc repro`."
        )
    return Input(name, path, False, value)


def _advice(path: str) -> str:
    """What to do about a file of the user that is not there."""
    if ".dvc/tmp" in Path.cwd().as_posix():  # a copy of what git tracks
        return f"Git leaves it out: add `--copy-paths '{path}'` to `dvc exp run`."
    return "Check params.yaml."


def _line(stage: str, arguments: Sequence[str]) -> str:
    return " ".join(["python", "-m", f"stages.{stage}", *arguments])


def _versions() -> dict[str, str]:
    import importlib.metadata
    import platform

    found = {"python": platform.python_version()}
    for name in RECORDED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
