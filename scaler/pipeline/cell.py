"""One run of a study, in a process and a folder of its own, and the rows that it gives.

    python -m scaler.pipeline.cell FOLDER        (FOLDER has params.yaml and cell.json)

What another cell has made from the same parameters, code and inputs is taken over by its fingerprint, not made again.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import shutil
import sys
import time
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML

from scaler.errors import ScalerError
from scaler.params import PARAMS_FILE, load_params
from scaler.pipeline.grid import Cell, Study
from scaler.pipeline.plan import Line, evaluation_commands

ROWS = "rows.json"
ORDER = "cell.json"
PATHS = (("prepare_data", "source"), ("sam", "weights"), ("segmenter", "weights"))


def write_cell(folder: Path, cell: Cell, study: Study, shared: Path) -> None:
    """Write what `run_cell` reads. Paths of the user become absolute, because a cell runs in its own folder."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {name: dict(block) if isinstance(block, dict) else block for name, block in cell.values.items()}
    for block, key in PATHS:
        if values[block][key] is not None:
            values[block][key] = Path(values[block][key]).absolute().as_posix()
    with (folder / PARAMS_FILE.name).open("w", encoding="utf-8") as file:
        YAML().dump(values, file)
    order = {"stops": {name: cell.stop(name) for name in study.stops}, "shared": shared.absolute().as_posix()}
    (folder / ORDER).write_text(json.dumps(order), encoding="utf-8")


def run_cell(folder: Path) -> None:
    """Run the stages of a cell in this process and write its rows beside them; an interrupted cell goes on.

    The folder must be one of `write_cell`.
    """
    os.chdir(folder)
    order = json.loads(Path(ORDER).read_text(encoding="utf-8"))
    lines = evaluation_commands(load_params(), order["stops"].values())
    seconds = sum(_run(line, Path(order["shared"])) for line in lines)
    cost = {"seconds": round(seconds, 1), "memory_mb": _peak_memory(), "gpu_memory_mb": _peak_gpu_memory()}
    rows = [
        {"step": name, **row, **cost, "processor": _processor()}
        for name, stop in order["stops"].items()
        for row in _scores(Path("results/stops") / stop / "evaluation.h5")
    ]
    Path(ROWS).write_text(json.dumps(rows), encoding="utf-8")


def _run(line: Line, shared: Path) -> float:
    """Run a stage, or take its outputs over; the seconds that it took where it was made."""
    from scaler.pipeline.command import parse_command
    from scaler.pipeline.job import currency_of, run_stage

    stage, arguments = line
    command = parse_command(stage, arguments, params := load_params())
    currency = currency_of(params)
    marks = {path: currency.expected(name, command.recipe) for name, path in command.outputs.items()}
    stored = {path: shared / mark for path, mark in marks.items() if mark is not None}
    ready = len(stored) == len(marks) and all((store / "seconds").exists() for store in stored.values())
    if ready:
        for path, store in stored.items():
            _copy_all(store / "files", path.parent)
    begin = time.monotonic()
    run_stage(stage, importlib.import_module(f"stages.{stage}").main, arguments)
    spent = time.monotonic() - begin
    if ready:
        return float(next(iter(stored.values())).joinpath("seconds").read_text())
    for path, store in stored.items():
        _keep(path, store, spent)
    return spent


def _keep(path: Path, store: Path, seconds: float) -> None:
    from scaler.artifacts.header import read_header

    header = read_header(path)
    if header is None:
        return
    (store / "files").mkdir(parents=True, exist_ok=True)
    for name in (path.name, *header.sidecars):
        _link(path.parent / name, store / "files" / name)
    (store / "seconds").write_text(str(seconds))  # last: without it the folder does not count


def _copy_all(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        _link(file, target / file.name)


def _link(source: Path, target: Path) -> None:
    """A second name for a file (artifacts are replaced, never written into), or a copy where there are no links."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def _scores(path: Path) -> list[dict[str, Any]]:
    from scaler.artifacts.evaluation import read_scores
    from scaler.artifacts.opening import open_hdf5
    from scaler.metrics.names import METRICS

    with open_hdf5(path) as file:
        summary = read_scores(file, predictions=False)["test"].summary
    return [
        {"model": model, **{name: round(float(values[name]), 6) for name in METRICS}}
        for model, values in summary.items()
    ]


def _peak_memory() -> int:
    """Of this process, in MB."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10))


def _peak_gpu_memory() -> int | Literal[""]:
    """That torch held at once on the busiest GPU, in MB; "" without one."""
    import torch

    if not torch.cuda.is_available():
        return ""
    peaks = [torch.cuda.max_memory_reserved(device) for device in range(torch.cuda.device_count())]
    return round(max(peaks) / 2**20)


def _processor() -> str:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    model = next((line.split(":", 1)[1].strip() for line in info.splitlines() if line.startswith("model name")), "")
    return f"{model or platform.machine()}, {torch.get_num_threads()} threads"


if __name__ == "__main__":
    try:
        run_cell(Path(sys.argv[1]))
    except ScalerError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
